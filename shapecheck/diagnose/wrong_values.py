"""Gradients that are no multiple of the adjoint: which value of the backward pass would set them right."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from shapecheck.diagnose.blame import is_sound
from shapecheck.diagnose.blame_along import before_it_was_turned, without_idle_factors
from shapecheck.diagnose.loops import filled_item_by_item, loop_suspects
from shapecheck.diagnose.prospects import Prospects
from shapecheck.diagnose.suspects import Suspect, merged
from shapecheck.diagnose.verdicts import Verdicts, is_added_whole
from shapecheck.diagnose.wrong_factors import rescales, scales
from shapecheck.diagnose.zeros import begins_to_be_zero
from shapecheck.gradients.adjoints import Adjoints
from shapecheck.gradients.matching import EXACT, Standing
from shapecheck.gradients.replay import ReplayError
from shapecheck.trace.tape import Operation

# More suspects than these in one step are not tried.
_MOST_SUSPECTS = 400
_LAST_SUSPECTS = 40
_MOST_OUTPUTS = 4
# A site that ran oftener than this in one step fills arrays in a loop of its own.
_OFTEN = 16
_PARTS = frozenset({"getitem", "view"})


def value_suspects(known: Verdicts, wrong: set[int], right: set[int]) -> list[Suspect]:
    """The expressions whose values, were they other adjoints, would set gradients right.

    Args:
        known: The verdicts of the step.
        wrong: The parameters whose gradients are wrong.
        right: Those whose gradients are right and have to stay so.
    """
    chain = known.chain(wrong)
    standings = known.matching.standings(chain)
    firsts = _firsts(known, standings)
    targets = _targets(known, wrong)
    learned = known.replay.dependents(known.step.olds, known.step.last + 1) - known.step.olds
    begun = min((known.replay.tape.values[v].producer or 0 for v in learned), default=0)
    passed_on = _read_as_they_are(known, chain, learned, begun)
    prospects = Prospects(known, wrong, [*chain, *passed_on])
    by_site: dict[int, Suspect] = {}
    tried, whole = 0, False
    # With nothing to be inferred all is tried, and first what matches nothing: there may be no time for the rest.
    ordered = sorted(chain, key=lambda v: standings[v] is not Standing.UNVERIFIED) if known.settled else chain
    half_filled, filled = filled_item_by_item(known, chain, _OFTEN)
    for value in (v for v in ordered if v not in half_filled):
        operation = known.producer(value)
        standing = standings[value]
        # However long the loops are that come before: what they come to is looked at.
        late = tried > _MOST_SUSPECTS and value not in filled and value not in ordered[-_LAST_SUSPECTS:]
        if operation is None or operation.site is None or late or value in passed_on:
            continue
        before = operation.number < begun and not known.settled  # no derivative is made before the forward pass
        if before or (standing is Standing.ZERO and not begins_to_be_zero(known, operation, wrong, standings)):
            continue
        only_forward = standing is Standing.FORWARD and firsts is not None and not known.settled
        if (only_forward and value not in (firsts or ())) or (
            standing is Standing.FORWARD and np.size(known.replay.recorded[value]) == 1
        ):
            continue
        tried += 1
        best = _best_target(known, value, targets, prospects, wrong, right)
        if best is None or (only_forward and not 1 < len(best[2]) == len(wrong)):
            continue
        forward, adjoint, explains, others = best
        inputs_right = all(standings.get(i) is not Standing.UNVERIFIED for i in operation.inputs)
        whole = whole or (inputs_right and len(explains) == len(wrong))
        misplaced = standing is Standing.VERIFIED
        reason = "other" if misplaced else "value"
        suspect = Suspect(operation.site, (value,), {value: (forward, adjoint)}, explains, inputs_right, reason)
        sound = inputs_right or is_sound(known.replay, operation, standings)
        suspect = replace(
            suspect, alternatives={value: others}, sound=(value,) if sound else (), together=len(explains)
        )
        if misplaced and (scale := _multiple(known.replay.recorded[value], adjoint)) is not None:
            inputs_right = scales(operation, known) or rescales(operation, known, scale)
            suspect = replace(suspect, operands_right=inputs_right, reason="scale", scale=scale)
        by_site[operation.site] = merged(by_site.get(operation.site), suspect)
    found = [before_it_was_turned(known, suspect, standings) for suspect in by_site.values()]
    # What only scales or masks a target that goes backwards under another name is not to blame for it.
    alone = [v for v in passed_on if not whole or _is_renamed(known, v)]
    found += _passed_on(known, alone, targets, prospects, wrong, right)
    # Every parameter's own gradient explains it, and one line may hold all of them: that says nothing yet.
    enough = [s for s in found if len(s.explains) == len(wrong) and s.operands_right]
    if not any(s.together != 1 or len(wrong) == 1 for s in enough):
        found += (in_turns := loop_suspects(known, chain, standings, wrong, right))
        if not any(s.operands_right and len(s.explains) == len(wrong) for s in in_turns):
            unread = [v for v in chain if standings[v] is Standing.FORWARD and v not in passed_on]
            found += _made_from_outputs(known, unread, targets, prospects, wrong, right)
    explained = {p for s in found for p in s.explains}
    return without_idle_factors(known, found) + _misused(known, wrong - explained)


def _firsts(known: Verdicts, standings: Mapping[int, Standing]) -> set[int] | None:
    """What all derivatives are made from that go backwards, and is no part of the forward pass; None where none do.

    What else is made of outputs alone is no derivative then.
    """
    verified = sorted(v for v, s in standings.items() if s is Standing.VERIFIED)
    first: list[set[int]] = []
    made_from_them: set[int] = set()
    # What is made from one of them is made from all that this one is made from.
    for value in verified:
        if value not in made_from_them:
            made_from_them |= known.replay.dependents([value], known.step.last + 1)
            first.append(known.ancestors(value))
    return set.intersection(*first) - known.matching.adjoints.closure if first else None


def _read_as_they_are(known: Verdicts, chain: Sequence[int], learned: set[int], begun: int) -> list[int]:
    """The outputs and the given arrays that the backward pass reads, the last outputs first.

    A forward pass that is made a second time for the loss gives the same outputs again.
    """
    tape, closure = known.replay.tape, known.matching.adjoints.closure
    readers = [o for v in chain if (o := known.producer(v)) is not None and o.number >= begun]
    read = dict.fromkeys(i for o in readers for i in o.inputs)
    large = [v for v in read if tape.values[v].size > 1 and v not in known.step.olds]
    by_site = _made_by_site(known)
    outputs = [v for v in large if v in learned and (v in closure or _is_made_again(known, v, by_site))]
    given = [v for v in large if v not in learned and (tape.values[v].producer or 0) < begun]
    return sorted(outputs, reverse=True)[:_MOST_OUTPUTS] + given[:_MOST_OUTPUTS]


def _made_by_site(known: Verdicts) -> dict[int, list[int]]:
    """The values of the loss's own forward pass, by the expression that made them."""
    found: dict[int, list[int]] = {}
    for value in known.matching.adjoints.closure:
        operation = known.producer(value)
        if operation is not None and operation.site is not None:
            found.setdefault(operation.site, []).append(value)
    return found


def _is_made_again(known: Verdicts, value: int, by_site: Mapping[int, list[int]]) -> bool:
    """Whether the loss's own forward pass has made the same at the same place."""
    operation, recorded = known.producer(value), known.replay.recorded
    others = by_site.get(operation.site, []) if operation is not None and operation.site is not None else []
    return any(other != value and np.array_equal(recorded[other], recorded[value]) for other in others)


def _made_from_outputs(
    known: Verdicts,
    values: Sequence[int],
    targets: Mapping[tuple[int, ...], _Candidates],
    prospects: Prospects,
    wrong: set[int],
    right: set[int],
) -> list[Suspect]:
    """A derivative by an output that is made of the forward pass alone, beside others that are right.

    `d_width = 1 - ((t - mean) / width) ** 2` is no derivative and not made from one, and all that comes of it is wrong.
    Of the many windows of a loop none is that alone.
    """
    often = Counter(o.site for v in values if (o := known.producer(v)) is not None)
    for value in reversed(values):
        operation = known.producer(value)
        single = np.size(known.replay.recorded[value]) == 1
        if operation is None or operation.site is None or single or known.settled or len(wrong) == 1:
            continue
        if value in known.matching.adjoints.closure or often[operation.site] > _OFTEN:
            continue
        best = _best_target(known, value, targets, prospects, wrong, right)
        if best is not None and len(best[2]) == len(wrong):
            forward, adjoint, explains, others = best
            wanted, alternatives = {value: (forward, adjoint)}, {value: others}
            suspect = Suspect(operation.site, (value,), wanted, explains, True, alternatives=alternatives)
            return [replace(suspect, sound=(value,), together=len(explains))]
    return []


def _passed_on(
    known: Verdicts,
    values: Sequence[int],
    targets: Mapping[tuple[int, ...], _Candidates],
    prospects: Prospects,
    wrong: set[int],
    right: set[int],
) -> list[Suspect]:
    """An output or a target that goes backwards as it is, where the difference of the two should: `delta = h`."""
    for value in values:
        best = _best_target(known, value, targets, prospects, wrong, right)
        site = where_passed_on(known, value)
        if best is None or len(best[2]) < len(wrong) or site is None:
            continue
        forward, adjoint, explains, others = best
        wanted, alternatives = {value: (forward, adjoint)}, {value: others}
        parts = [o for o in known.replay.tape.made_at(site) if o.function in _PARTS and value in o.inputs]
        if parts:
            # It is read entry by entry: each has to be another.
            taken = {o.result: [known.replay.exchanged(o, value, a) for a in (adjoint, *others)] for o in parts}
            wanted = {v: (forward, arrays[0]) for v, arrays in taken.items() if arrays[0] is not None}
            alternatives = {v: tuple(taken[v][1:]) for v in wanted}
        values = tuple(wanted)
        return [Suspect(site, values, wanted, explains, True, alternatives=alternatives, sound=values)]
    return []


def where_passed_on(known: Verdicts, value: int) -> int | None:
    """Where an output was given another name, else where the backward pass first reads it."""
    tape, closure = known.replay.tape, known.matching.adjoints.closure
    made = tape.values[value].producer or 0
    named = [b for b in tape.bindings if b.value == value and b.time > made and b.owner is None and b.key is None]
    # Every call that hands it back has to be given a name, and what is made in a statement may be named in it.
    expected = Counter(time for time, _, values in tape.returns if value in values)
    if named and not expected and _is_named_where_it_is_made(known, value, named[0].site):
        expected[named[0].time] += 1
    again = []
    for binding in named:
        if expected[binding.time] > 0:
            expected[binding.time] -= 1
        else:
            again.append(binding)
    if again:
        return again[-1].site
    users = [o for o in tape.operations[made + 1 : known.step.last + 1] if value in o.inputs and o.site is not None]
    needed = known.replay.ancestors(known.changes.values()) - closure
    return next((o.site for o in users if o.result in needed), None)


def _is_renamed(known: Verdicts, value: int) -> bool:
    site = where_passed_on(known, value)
    return site is not None and isinstance(known.replay.tape.sites[site].node, ast.Name)


def _is_named_where_it_is_made(known: Verdicts, value: int, named: int) -> bool:
    """Whether the first name of a value is given to it by the statement that makes it, and not by a later one."""
    made, binding = known.replay.tape.site_of(value), known.replay.tape.sites[named]
    return made is None or (made.bound_to is None and made.path == binding.path and made.line == binding.line)


def unrelated_steps(known: Verdicts, wrong: set[int]) -> list[Suspect]:
    """The steps of arrays that have nothing to do with their gradients, and that no value would set right.

    The expression of the step itself is to blame, or the one that applies it where that is no expression.
    """
    found: dict[int, Suspect] = {}
    tape = known.replay.tape
    for parameter, old, change, sign in known.step.parameters:
        operation = known.producer(change)
        still = not np.any(known.replay.recorded[change])
        if old not in wrong or known.rate is None or not (parameter.stray or still):
            continue
        adjoint = np.asarray(known.matching.adjoints[old])
        if np.shape(known.replay.recorded[change]) not in {adjoint.shape, ()}:
            continue
        value, wanted = change, known.rate * adjoint
        if operation is None or operation.site is None or operation.number < known.step.first:
            # What is applied was there before: it is the step itself that should have given something else.
            operation = tape.operations[parameter.updates[known.step.number].operation]
            value, wanted = operation.result, np.asarray(known.replay.recorded[old]) + sign * wanted
        if operation.site is None:
            continue
        reason = "still" if still else "unrelated"
        new = Suspect(operation.site, (value,), {value: (old, wanted)}, (old,), False, reason)
        found[operation.site] = merged(found.get(operation.site), new)
    return list(found.values())


def _misused(known: Verdicts, wrong: set[int]) -> list[Suspect]:
    """Changes of another shape than their parameter's: adjoints that belong to something else, or were not summed."""
    found: dict[int, Suspect] = {}
    for _, old, change, _ in known.step.parameters:
        operation = known.producer(change)
        shape = np.shape(known.replay.recorded[old])
        if old not in wrong or is_added_whole(np.shape(known.replay.recorded[change]), shape):
            continue
        if operation is None:
            continue
        operation = _where_it_got_its_shape(known, _of_its_own(known, operation))
        if operation.site is None:
            continue
        wanted = {operation.result: (old, np.asarray(known.matching.adjoints[old]))}
        suspect = Suspect(operation.site, (operation.result,), wanted, (old,), operands_right=True, reason="other")
        found[operation.site] = merged(found.get(operation.site), suspect)
    return list(found.values())


def _of_its_own(known: Verdicts, operation: Operation) -> Operation:
    """What gave an expression that serves other gradients well the one operand that they do not share."""
    tape = known.replay.tape
    while operation.site is not None:
        others = [o for o in tape.made_at(operation.site) if known.step.first <= o.number <= known.step.last]
        right = [o for o in others if (m := known.matching.match(o.result)) is not None and not m.weak]
        shared = {i for o in others if o is not operation for i in o.inputs}
        own = [made for i in operation.inputs if i not in shared and (made := known.producer(i)) is not None]
        if not right or len(own) != 1 or own[0].number < known.step.first or own[0].site is None:
            break
        operation = own[0]
    return operation


def _where_it_got_its_shape(known: Verdicts, operation: Operation) -> Operation:
    """The earliest operation that made a change what it is by shape, and that serves no other parameter."""
    shape = np.shape(known.replay.recorded[operation.result])
    served = known.reached(operation.result)
    while True:
        before = [known.producer(i) for i in operation.inputs if np.shape(known.replay.recorded[i]) == shape]
        made = [o for o in before if o is not None and o.number >= known.step.first and o.inputs]
        made = [o for o in made if o.result not in known.matching.adjoints.closure]
        if len(made) != 1 or known.reached(made[0].result) != served or not _carries(known, made[0].result):
            return operation
        operation = made[0]


def _carries(known: Verdicts, value: int) -> bool:
    """Whether a value was made from an adjoint, and is not one that other gradients are made from."""
    ancestors = known.replay.ancestors([value])
    return any((m := known.matching.match(a)) is not None and not m.weak for a in ancestors)


@dataclass(frozen=True, slots=True)
class _Candidates:
    """Forward values of one shape, no two with the same adjoint, and their adjoints, each flattened to a row."""

    forwards: list[int]
    rows: Any


def _targets(known: Verdicts, parameters: set[int]) -> dict[tuple[int, ...], _Candidates]:
    """The forward values that could have been meant, by shape: those that depend on a parameter that is wrong."""
    adjoints = known.matching.adjoints
    downstream = known.downstream(parameters)
    by_shape: dict[tuple[int, ...], list[int]] = {}
    for value in sorted(downstream):
        shape = np.shape(adjoints[value])
        by_shape.setdefault(shape, []).append(value)
        if value in known.step.olds and shape[:1] == (1,) and len(shape) > 1:
            by_shape.setdefault(shape[1:], []).append(value)  # a bias may be stepped by a gradient without that axis
    return {shape: _distinct(values, adjoints) for shape, values in by_shape.items()}


def _distinct(values: Sequence[int], adjoints: Adjoints) -> _Candidates:
    rows = np.array([np.asarray(adjoints[v], dtype=float).reshape(-1) for v in values])
    lengths = np.linalg.norm(rows, axis=1)
    chosen: list[int] = []
    if rows.shape[1] == 1:
        # Plain numbers are all multiples of one another, and as large as they are.
        _, places = np.unique(rows[:, 0], return_index=True)
        chosen = [int(n) for n in sorted(places) if lengths[n] > 0 and np.isfinite(lengths[n])]
        return _Candidates([values[n] for n in chosen], rows[chosen])
    for number in np.flatnonzero((lengths > 0) & np.isfinite(lengths)):
        along = np.abs(rows[chosen] @ rows[number])
        if not np.any(along >= (1 - 1e-9) * lengths[chosen] * lengths[number]):
            chosen.append(int(number))
    return _Candidates([values[n] for n in chosen], rows[chosen])


def _multiple(value: Any, wanted: Any) -> float | None:
    """How many times a value is what is wanted; None where it is no multiple."""
    square = float(np.sum(value * value))
    scale = float(np.sum(value * wanted)) / square if square and np.shape(value) == np.shape(wanted) else 0.0
    return scale if scale and np.linalg.norm(scale * value - wanted) <= EXACT * np.linalg.norm(wanted) else None


def _best_target(
    known: Verdicts,
    value: int,
    targets: Mapping[tuple[int, ...], _Candidates],
    prospects: Prospects,
    wrong: set[int],
    right: set[int],
) -> tuple[int, Any, tuple[int, ...], tuple[Any, ...]] | None:
    """The adjoint that, in the place of a value, makes the most wrong gradients right and none wrong.

    With it come the other adjoints that do as much: where a mask follows, what it hides may be anything.
    """
    adjoints = known.matching.adjoints
    now = known.matching.match(value)
    best: tuple[int, Any, tuple[int, ...]] | None = None
    others: list[Any] = []
    shape = np.shape(known.replay.recorded[value])
    candidates = targets.get(shape)
    if candidates is None:
        return None
    hopeful = prospects.helpful(value, candidates.rows)
    for forward in (f for f, hope in zip(candidates.forwards, hopeful, strict=True) if hope):
        if now is not None and forward in {now.forward, *now.alike} and not now.transposed and not known.settled:
            continue
        array = np.reshape(adjoints[forward], shape)
        try:
            outcomes = known.outcomes({value: array})
        except ReplayError:
            continue
        repaired = tuple(p for p, outcome in outcomes.items() if outcome is not None and p in wrong)
        broken = [p for p, outcome in outcomes.items() if outcome is None and p in right]
        if not repaired or broken or (best is not None and len(repaired) < len(best[2])):
            continue
        got = outcomes[repaired[0]]
        assert got is not None
        scale = got.times * (known.rate / got.factor.number if known.rate is not None else 1.0)
        if best is None or len(repaired) > len(best[2]):
            best, others = (forward, scale * array, repaired), []
        else:
            others.append(scale * array)
    return None if best is None else (*best, tuple(others))


__all__ = ["unrelated_steps", "value_suspects", "where_passed_on"]
