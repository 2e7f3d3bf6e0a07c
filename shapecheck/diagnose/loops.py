"""Expressions of a loop over samples, layers or time steps: what all their results should have been together."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import islice, product

import numpy as np

from shapecheck.diagnose.blame import is_sound
from shapecheck.diagnose.suspects import Suspect
from shapecheck.diagnose.verdicts import Verdicts
from shapecheck.diagnose.zeros import is_still
from shapecheck.gradients.matching import Matching, Standing
from shapecheck.gradients.replay import ReplayError

# A site that ran more often than this in one step is not tried.
_MOST_RUNS = 250
# So many ways in which the results of one expression may go with those of another.
_MOST_PAIRINGS = 8
# So often a function may be called in one turn.
_MOST_CALLS = 6
_EXACT = 1e-6


def loop_suspects(
    known: Verdicts, chain: Sequence[int], standings: dict[int, Standing], wrong: set[int], right: set[int]
) -> list[Suspect]:
    """Expressions that ran several times and have to be right each time before any gradient is.

    Args:
        known: The verdicts of the step.
        chain: The values of the backward pass.
        standings: What each of them is.
        wrong: The parameters whose gradients are wrong.
        right: Those whose gradients are right and have to stay so.
    """
    adjoints = known.matching.adjoints
    by_site: dict[int, list[int]] = {}
    half_filled, _ = filled_item_by_item(known, chain)
    for value in (v for v in chain if v not in half_filled):
        operation = known.producer(value)
        if operation is not None and operation.site is not None:
            by_site.setdefault(operation.site, []).append(value)
    for site, values in _renamed(known, set(chain)).items():
        by_site.setdefault(site, values)
    found = []
    for site, values in by_site.items():
        unverified = [v for v in values if standings[v] is Standing.UNVERIFIED]
        # All a part of the forward pass, or all of them adjoints, but of something else.
        uniform = len({standings[v] for v in values}) == 1
        if uniform and standings[values[0]] is Standing.ZERO:
            # Each is made from the one before; zeros that were given, and only scaled, are the fault of who gave them.
            fed = any(not known.ancestors(v).isdisjoint(set(values) - {v}) for v in values)
            uniform = fed and any(is_still(known, p) for p in known.reached(values[-1]) if p in wrong)
        if not unverified and not uniform:
            continue
        for targets in _joint_targets(known, values, wrong):
            try:
                outcomes = known.outcomes({v: adjoints[u] for v, u in targets.items()})
            except ReplayError:
                continue
            explains = tuple(p for p, f in outcomes.items() if f is not None and p in wrong)
            if not explains or any(f is None and p in right for p, f in outcomes.items()):
                continue
            if not unverified and not 1 < len(explains) == len(wrong):
                continue  # it takes more to say that these should have been other adjoints
            astray = _belied(known.matching, targets)
            odd = sorted({*astray, *(v for v in unverified or ([] if astray else values) if v in targets)})
            wanted = {v: (targets[v], np.asarray(adjoints[targets[v]])) for v in odd}
            sound = tuple(v for v in odd if _is_sound(known, v, standings))
            right_before = odd[:1] == list(sound[:1])
            # If these are what is wrong, then what none of them went into was made from what is right.
            sound = sound or tuple(v for v in odd if known.ancestors(v).isdisjoint(set(odd) - {v}))
            found.append(Suspect(site, tuple(wanted), wanted, explains, right_before, sound=sound))
            break
    return [s for s in found if s.values]


def filled_item_by_item(known: Verdicts, chain: Sequence[int], often: int = 1) -> tuple[set[int], set[int]]:
    """The versions of arrays that a loop goes on to fill, which are no derivatives yet; and what it leaves, which is.

    A convolution's loops write thousands of items, and each item makes a version of the whole array.

    Args:
        known: The verdicts of the step.
        chain: The values of the backward pass.
        often: How often a site has to have run more than.
    """
    tape = known.replay.tape
    made = [o for v in chain if (o := known.producer(v)) is not None and o.site is not None]
    keyed = [o for o in made if o.function == "setitem" or (o.function in {"+=", "-="} and len(o.arguments) > 2)]
    by_site = Counter(o.site for o in keyed)
    loops = {o.result: o.site for o in keyed if by_site[o.site] > often}
    half = {o.arguments[0].value for o in keyed if loops.get(o.arguments[0].value) == o.site}
    read = Counter(i for o in tape.operations[known.step.first : known.step.last + 1] for i in o.inputs if i in half)
    half = {value for value in half if read[value] == 1}
    return half, loops.keys() - half


def _is_sound(known: Verdicts, value: int, standings: dict[int, Standing]) -> bool:
    """Whether what a value was made from is right; the wrong result of an earlier turn is not."""
    producer = known.producer(value)
    return producer is None or is_sound(known.replay, producer, standings)


def _renamed(known: Verdicts, chain: set[int]) -> dict[int, list[int]]:
    """What each plain second name stood for, each time that the statement ran: `dz = dh`."""
    found: dict[int, list[int]] = {}
    tape = known.replay.tape
    for binding in tape.bindings:
        in_step = known.step.first <= binding.time <= known.step.last + 1
        if in_step and binding.value in chain and isinstance(tape.sites[binding.site].node, ast.Name):
            found.setdefault(binding.site, []).append(binding.value)
    return found


def _joint_targets(known: Verdicts, values: Sequence[int], parameters: set[int]) -> Iterator[dict[int, int]]:
    """For the results of one expression: which forward value's adjoint each should have been.

    The forward values are the results of one expression too, and belong to the same sample: the backward pass's first
    result goes with the last one that it was computed from, the second with the one before. In a loop through layers
    of several sizes only what has the same shape goes together.

    Args:
        known: The verdicts of the step.
        values: The results, in the order in which they were made.
        parameters: Those with wrong gradients; what does not depend on any of them is not tried.

    Yields:
        For each value the forward value; only such as agree with the results that are verified.
    """
    if not 1 < len(values) <= _MOST_RUNS:
        return
    by_shape: dict[tuple[int, ...], list[int]] = {}
    for value in values:
        by_shape.setdefault(np.shape(known.replay.recorded[value]), []).append(value)
    groups = _groups(known, by_shape, parameters)
    if not groups:
        return
    members = {u for group in groups for forwards in group.values() for u in forwards}
    ancestors = _among(known, members, values)
    apart = _Ways(known, values)
    for group in groups:
        if (gates := apart.paired(group, ancestors)) is not None:
            yield gates
        parts = [list(_paired(known, by_shape[shape], ancestors, group[shape])) for shape in by_shape]
        for choice in islice(product(*parts), _MOST_PAIRINGS):
            targets = {v: u for part in choice for v, u in part.items()}
            if len(targets) > 1:
                yield {v: targets[v] for v in values if v in targets}


class _Ways:
    """Which parameters the results of one expression serve at once, and not by way of each other.

    A cell may run one expression for each of its gates, in a loop through a dictionary or in a function: all of them
    come from the same values, and in each turn they are made in the order in which the forward pass has them. What
    tells them apart is whose gradients they are added to, as it does the weighted inputs that these weights make.

    Args:
        known: The verdicts of the step.
        values: The results of the backward pass's expression.
    """

    def __init__(self, known: Verdicts, values: Sequence[int]) -> None:
        self.known = known
        self.values = values
        self._numbered = {old: 1 << n for n, old in enumerate(known.changes)}
        served = self._served(values)
        self.ways: dict[tuple[tuple[int, ...], int], list[int]] = {}
        for value in values:
            self.ways.setdefault((np.shape(known.replay.recorded[value]), served[value]), []).append(value)

    def paired(
        self, group: Mapping[tuple[int, ...], Sequence[int]], ancestors: Mapping[int, set[int]]
    ) -> dict[int, int] | None:
        """For each result which of a group's forward values it goes with, by the parameters of both; None if not so.

        Args:
            group: The forward values by shape.
            ancestors: Which of them each result was computed from.
        """
        if len(self.ways) < 2 or len({way for _, way in self.ways}) < 2:
            return None
        made = self._making({u for forwards in group.values() for u in forwards})
        found: dict[int, int] = {}
        for (shape, way), values in self.ways.items():
            own = [u for u in group.get(shape, ()) if made[u] == way]
            parts = list(_paired(self.known, values, ancestors, own)) if way and own else []
            if not parts:
                return None
            found.update(parts[0])
        return found

    def _served(self, values: Sequence[int]) -> dict[int, int]:
        """For each result the parameters whose changes are made from it, as bits; another result ends the way."""
        operations = self.known.replay.tape.operations
        first = min((o.number for v in values if (o := self.known.producer(v)) is not None), default=0)
        masks: dict[int, int] = {}
        for old, change in self.known.changes.items():
            masks[change] = masks.get(change, 0) | self._numbered[old]
        ends = set(values)
        for operation in reversed(operations[first : self.known.step.last + 1]):
            mask = masks.get(operation.result, 0)
            if mask and operation.result not in ends and operation.function != "leaf":
                for number in operation.inputs:
                    masks[number] = masks.get(number, 0) | mask
        return {v: masks.get(v, 0) for v in values}

    def _making(self, forwards: set[int]) -> dict[int, int]:
        """For each forward value the parameters that it is made from, as bits; another one of them ends the way."""
        operations = self.known.replay.tape.operations
        masks = dict(self._numbered)
        found = dict.fromkeys(forwards, 0)
        last = max((o.number for u in forwards if (o := self.known.producer(u)) is not None), default=-1)
        for operation in operations[: min(last, self.known.step.last) + 1]:
            if operation.function == "leaf":
                continue
            mask = 0
            for number in operation.inputs:
                mask |= masks.get(number, 0)
            if operation.result in found:
                found[operation.result] = mask
            elif mask:
                masks[operation.result] = mask
        return found


def _among(known: Verdicts, members: Collection[int], values: Sequence[int]) -> dict[int, set[int]]:
    """Which of some forward values each of `values` was computed from; in one pass, for there may be hundreds."""
    tape = known.replay.tape
    numbered = sorted(members)
    reached = {u: 1 << n for n, u in enumerate(numbered)}
    first = min((tape.values[u].producer or 0 for u in numbered), default=0)
    for operation in tape.operations[first : known.step.last + 1]:
        if operation.function != "leaf":
            mask = reached.get(operation.result, 0)
            for number in operation.inputs:
                mask |= reached.get(number, 0)
            if mask:
                reached[operation.result] = mask
    return {v: {u for n, u in enumerate(numbered) if reached.get(v, 0) >> n & 1} for v in values}


def _paired(
    known: Verdicts, values: Sequence[int], ancestors: Mapping[int, set[int]], group: Sequence[int]
) -> Iterator[dict[int, int]]:
    """For values of one shape: which of the forward values of that shape each goes with."""
    # The backward pass may have run the forward pass once more, for itself: then the loss's values are none of its.
    apart = not any(u in ancestors[v] for v in values for u in group)
    rank: dict[tuple[int, ...], int] = {}
    places: list[tuple[int, list[int], int]] = []
    for value in values:
        own = [u for u in group if apart or u in ancestors[value]]
        place = rank.get(tuple(own), 0)
        rank[tuple(own)] = place + 1
        places.append((value, own, place))
    for skipped in (0, 1):
        targets = {v: own[-1 - place - skipped] for v, own, place in places if len(own) > place + skipped}
        if targets and len(targets) >= len(values) - len(rank) and _agrees(known, targets):
            yield targets


def _groups(
    known: Verdicts, shapes: Mapping[tuple[int, ...], list[int]], parameters: set[int]
) -> list[dict[tuple[int, ...], list[int]]]:
    """Forward values by shape, together if one expression made them; only those that have all of the shapes."""
    adjoints = known.matching.adjoints
    tape = known.replay.tape
    downstream = known.downstream(parameters)
    by_site: dict[int, dict[tuple[int, ...], list[int]]] = {}
    for value in sorted(adjoints.of):
        producer = tape.values[value].producer
        site = tape.operations[producer].site if producer is not None else None
        shape = np.shape(adjoints[value])
        if site is not None and value in downstream and shape in shapes:
            by_site.setdefault(site, {}).setdefault(shape, []).append(value)
    found = [group for group in by_site.values() if len(group) == len(shapes)]
    found = [group for group in found if sum(map(len, group.values())) > 1]
    return [*found, *(part for group in found for part in _in_turns(group, shapes))]


def _in_turns(
    group: dict[tuple[int, ...], list[int]], shapes: Mapping[tuple[int, ...], list[int]]
) -> Iterator[dict[tuple[int, ...], list[int]]]:
    """The results of a function that is called for several things in each turn, as a sigmoid is for every gate."""
    (shape, forwards), *others = group.items()
    calls, rest = divmod(len(forwards), len(shapes[shape]))
    if not others and not rest and 1 < calls <= _MOST_CALLS:
        yield from ({shape: forwards[first::calls]} for first in range(calls))


def _agrees(known: Verdicts, targets: Mapping[int, int]) -> bool:
    """Whether the results that are verified are the adjoints of what they are said to go with, or of its results.

    Where the slope of `h = f(z)` is left out of a loop, the first time round gives the adjoint of `h`, for that of `z`.
    """
    for value in _belied(known.matching, targets):
        match = known.matching.match(value)
        if match is None or (targets[value] not in known.ancestors(match.forward) and not _is_rescaled(known, value)):
            return False
    return True


def _is_rescaled(known: Verdicts, value: int) -> bool:
    """Whether a result is an adjoint by another factor than the adjoints it was made from: one by accident."""
    operation, match = known.producer(value), known.matching.match(value)
    operands = [known.matching.match(i) for i in operation.inputs] if operation is not None else []
    factors = [m.factor.number for m in operands if m is not None and not m.weak]
    if match is None or not factors:
        return False
    return all(abs(match.factor.number - f) > _EXACT * abs(f) for f in factors)


def _belied(matching: Matching, targets: Mapping[int, int]) -> list[int]:
    """The results that are adjoints of something else than what they are said to go with."""
    found = []
    for value, forward in targets.items():
        match = matching.match(value)
        if match is not None and not match.weak and forward not in {match.forward, *match.alike}:
            found.append(value)
    return found


__all__ = ["filled_item_by_item", "loop_suspects"]
