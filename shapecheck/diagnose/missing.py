"""What a statement that is not there should have done: an addition to a sum that stays empty, a step never made.

Beside it stand its neighbours, which do the same for other arrays. Each time that one of them ran, what is missing
should have run too; the adjoints tell what it should have brought.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from shapecheck.diagnose.suspects import Suspect, merged
from shapecheck.diagnose.verdicts import Verdicts
from shapecheck.diagnose.zeros import is_still
from shapecheck.gradients.adjoints import adjoints, sweep
from shapecheck.gradients.rules import LocalDerivative
from shapecheck.network.dependence import CARRIERS
from shapecheck.trace.operations import ADDITIONS
from shapecheck.trace.tape import Operation, Ref, Tape

_MOST_STEPS_BACK = 30
_MOST_NEIGHBOURS = 6
_MOST_TURNS = 80


@dataclass(frozen=True, slots=True, eq=False)
class Turn:
    """One time that a neighbour ran.

    Attributes:
        ordinal: Which of its evaluations it was, counted from 0.
        brought: The value that it added or subtracted.
        wanted: What the missing statement should have.
    """

    ordinal: int
    brought: int
    wanted: Any


@dataclass(frozen=True, slots=True, eq=False)
class Neighbour:
    """A statement that does for another array what nobody does for this one.

    Attributes:
        site: Of the addition or subtraction.
        array: The array that it is done for, as it was at the first of the turns.
        exact: Whether it brings just what is wanted; else a factor is free.
    """

    site: int
    array: int
    turns: tuple[Turn, ...]
    exact: bool


@dataclass(frozen=True, slots=True, eq=False)
class Missing:
    """A statement that is not there.

    Attributes:
        array: What it should have changed, as it was at the first of the turns.
        moves: Whether it is a step of a parameter.
        arrays: How many arrays it should change.
    """

    array: int
    neighbours: tuple[Neighbour, ...]
    moves: bool = False
    arrays: int = 1


# -- sums that stay empty -------------------------------------------------------------------------------------------


def empty_sums(known: Verdicts, wrong: Collection[int]) -> list[Suspect]:
    """The zeros that steps apply to parameters since nobody has added a gradient to them, by where they are made."""
    by_site: dict[int, Suspect] = {}
    for old in sorted(wrong):
        leaf = _zeros_applied(known, old) if is_still(known, old) else None
        made = known.replay.tape.values[leaf].producer if leaf is not None else None
        site = known.replay.tape.operations[made].site if made is not None else None
        if leaf is None or site is None:
            continue
        adjoint = np.asarray(known.matching.adjoints[old])
        if np.shape(known.replay.recorded[leaf]) != adjoint.shape:
            continue
        if known.outcomes({leaf: adjoint}).get(old) is None:
            continue
        wanted = {leaf: (old, (known.rate or 1.0) * adjoint)}
        suspect = Suspect(site, (leaf,), wanted, (old,), operands_right=False, reason="empty")
        by_site[site] = merged(by_site.get(site), suspect)  # one statement in a loop is missing for all of them
    return list(by_site.values())


def _zeros_applied(known: Verdicts, old: int) -> int | None:
    """The array of zeros, as it was made, that a step applies; None where something was done with it."""
    tape, recorded = known.replay.tape, known.replay.recorded
    value = known.changes[old]
    for _ in range(_MOST_STEPS_BACK):
        producer = tape.values[value].producer
        if producer is None:
            return None
        operation = tape.operations[producer]
        if operation.function == "leaf" or operation.function.startswith("numpy.zeros"):
            return value
        arrays = [i for i in operation.inputs if np.size(recorded[i]) > 1 or np.shape(recorded[i])]
        zeros = [i for i in arrays if not np.any(recorded[i]) and i not in known.matching.adjoints.closure]
        if len(zeros) != 1:
            return None
        value = zeros[0]
    return None


def missing_addition(known: Verdicts, suspect: Suspect) -> Missing:
    """What should have been added to empty sums, each time that something was added to the sums beside them."""
    leaves = sorted(suspect.values)
    parts = {leaf: list(_parts_of(known, suspect.wanted[leaf][0])) for leaf in leaves}
    found = []
    for site, sums in _sums_beside(known, leaves).items():
        additions = [a for sum_ in sums for a in sum_]
        if len(sums) != len(leaves) or not 0 < len(additions) <= _MOST_TURNS:
            continue
        if not all(isinstance(a.arguments[1], Ref) for a in additions):
            continue
        # What a loop makes for several arrays it makes in one order for all of them.
        pairs = list(zip(leaves, sums, strict=True))
        orders = [[p[::-1] for p in parts.values()], list(parts.values())]
        if all(len(sum_) == 1 for sum_ in sums):
            orders = [[[np.asarray(known.matching.adjoints[suspect.wanted[leaf][0]])] for leaf in leaves]]
        elif any(len(sum_) != len(parts[leaf]) for leaf, sum_ in pairs):
            continue
        turns = _turns(known.replay.tape, site, additions)
        for order in orders:
            each = zip(turns, additions, (wanted for wholes in order for wanted in wholes), strict=True)
            rows = sorted((turn, a.arguments[1].value, wanted) for turn, a, wanted in each if np.any(wanted))
            chosen = tuple(Turn(turn, value, wanted) for turn, value, wanted in rows)
            if chosen:
                found.append(Neighbour(site, sums[0][0].inputs[0], chosen, exact=False))
    found.sort(key=lambda n: not _in_one_function(known.replay.tape, suspect.site, n.site))
    return Missing(leaves[0], tuple(found[:_MOST_NEIGHBOURS]))


def _parts_of(known: Verdicts, old: int) -> Iterator[Any]:
    """What each use of a parameter in the forward pass brings to its adjoint, in the order of the uses."""
    replay, adjoints = known.replay, known.matching.adjoints
    versions, carriers = {old}, list[Operation]()
    for operation in replay.tape.operations[: known.step.last + 1]:
        if versions.isdisjoint(operation.inputs) or operation.result not in adjoints.closure:
            continue
        if operation.function in CARRIERS:
            versions.add(operation.result)
            carriers.append(operation)
        elif operation.result in adjoints.of:
            active = versions | {operation.result}
            seeds = {operation.result: adjoints[operation.result]}
            of = sweep(replay, seeds, [operation, *reversed(carriers)], active, LocalDerivative("split"), set())
            if old in of:
                yield np.asarray(of[old])


def _sums_beside(known: Verdicts, leaves: Collection[int]) -> dict[int, list[list[Operation]]]:
    """The additions of the step to other sums that began as zeros, by site; those to one sum together."""
    tape, step = known.replay.tape, known.step
    began: dict[int, int] = {}
    found: dict[int, dict[int, list[Operation]]] = {}
    for operation in tape.operations[: step.last + 1]:
        if operation.function == "leaf" or operation.function.startswith("numpy.zeros"):
            array = known.replay.recorded[operation.result]
            if isinstance(array, np.ndarray) and array.shape and not np.any(array):
                began[operation.result] = operation.result
        elif operation.function in ADDITIONS and operation.inputs and operation.inputs[0] in began:
            start = began[operation.result] = began[operation.inputs[0]]
            whole = len(operation.arguments) == 2 and operation.number >= step.first
            if whole and operation.site is not None and start not in leaves and known.reached(operation.result):
                found.setdefault(operation.site, {}).setdefault(start, []).append(operation)
    return {site: [sums[start] for start in sorted(sums)] for site, sums in found.items()}


def _turns(tape: Tape, site: int, operations: Sequence[Operation]) -> list[int]:
    """Which evaluations of a site some operations are."""
    numbers = [o.number for o in tape.made_at(site)]
    return [numbers.index(o.number) for o in operations]


def _in_one_function(tape: Tape, first: int, second: int) -> bool:
    one, other = tape.sites[first], tape.sites[second]
    return (one.path, one.function) == (other.path, other.function)


# -- steps that are never made --------------------------------------------------------------------------------------


def missing_step(steps: Sequence[Verdicts], pairs: Sequence[tuple[int, int | None]]) -> Missing | None:
    """The step of arrays that are never moved, each time that a neighbour was moved.

    Args:
        steps: The verdicts of the first steps.
        pairs: (array, the other half of its layer, where that is moved) of those arrays, as they are all the time.
    """
    found: dict[tuple[int, int], list[tuple[int, int, Any, int]]] = {}
    for number, known in enumerate(steps):
        births = {old: parameter for parameter, old, _, _ in known.step.parameters}
        factors = dict(_factors(known))
        # What meets nothing but samples has no adjoint among those that the other steps asked for.
        own = adjoints(known.replay, known.matching.adjoints.seeds, [still for still, _ in pairs], check=())
        for still, mate in pairs:
            for old, parameter in births.items():
                if old not in factors:
                    continue
                update = parameter.updates[known.step.number]
                site = known.replay.tape.operations[update.operation].site
                wanted = factors[old] * np.asarray(own[still])
                if site is not None and np.any(wanted):
                    turn = _turns(known.replay.tape, site, [known.replay.tape.operations[update.operation]])[0]
                    key = (site, -1 if mate in {parameter.birth, old} else parameter.birth)
                    found.setdefault(key, []).append((turn, update.change, wanted, parameter.birth))
        if number:
            break
    # The other half of a layer comes first; a step of another layer's tells how such an array is stepped.
    mates = {site for site, birth in found if birth < 0}
    neighbours = []
    for (site, _), rows in found.items():
        turns = tuple(Turn(turn, change, wanted) for turn, change, wanted, _ in rows)
        if len({turn.ordinal for turn in turns}) == len(turns):
            neighbours.append(Neighbour(site, rows[0][3], turns, exact=True))
    neighbours.sort(key=lambda n: n.site not in mates)
    if not neighbours:
        return None
    return Missing(pairs[0][0], tuple(neighbours[:_MOST_NEIGHBOURS]), moves=True, arrays=len({a for a, _ in pairs}))


def _factors(known: Verdicts) -> Iterator[tuple[int, float]]:
    """What the changes of parameters are multiples of their adjoints by; of single numbers anything is one."""
    for verdict in known.all():
        old = verdict.parameter
        if verdict.factor is not None and verdict.at_change:
            yield old, verdict.factor.number
        elif verdict.factor is not None and np.size(known.matching.adjoints[old]) == 1 and verdict.is_right:
            change, adjoint = (
                np.ravel(a)[0] for a in (known.replay.recorded[known.changes[old]], known.matching.adjoints[old])
            )
            if adjoint:
                yield old, float(change / adjoint)


# -- names ----------------------------------------------------------------------------------------------------------


def names_of(tape: Tape, value: int) -> dict[str, set[str]]:
    """What a value is called, each name with the functions in which it is called so; elements of tuples are not."""
    found: dict[str, set[str]] = {}
    for binding in tape.bindings:
        if binding.value == value and _is_target(binding.name):
            found.setdefault(binding.name, set()).add(tape.sites[binding.site].function)
    made = tape.site_of(value)
    if made is not None and made.bound_to is not None and _is_target(made.bound_to):
        found.setdefault(made.bound_to, set()).add(made.function)
    return found


def _is_target(name: str) -> bool:
    try:
        return isinstance(ast.parse(name, mode="eval").body, ast.Name | ast.Attribute | ast.Subscript)
    except SyntaxError:
        return False


__all__ = ["Missing", "Neighbour", "Turn", "empty_sums", "missing_addition", "missing_step", "names_of"]
