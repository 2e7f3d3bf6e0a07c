"""Expressions of a loop over samples, layers or time steps: what all their results should have been together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from shapecheck.diagnose.verdicts import Verdicts
from shapecheck.gradients.matching import Matching

# A site that ran more often than this in one step is not tried.
_MOST_RUNS = 80


def joint_targets(known: Verdicts, values: Sequence[int], parameters: set[int]) -> Iterator[dict[int, int]]:
    """For the results of one expression: which forward value's adjoint each should have been.

    The forward values are the results of one expression too, and belong to the same sample: the backward pass's first
    result goes with the last one that it was computed from, the second with the one before.

    Args:
        known: The verdicts of the step.
        values: The results, in the order in which they were made.
        parameters: Those with wrong gradients; what does not depend on any of them is not tried.

    Yields:
        For each value the forward value; only such as agree with the results that are verified.
    """
    if not 1 < len(values) <= _MOST_RUNS:
        return
    replay, matching = known.replay, known.matching
    shape = np.shape(replay.recorded[values[0]])
    if any(np.shape(replay.recorded[v]) != shape for v in values):
        return
    groups = _groups(known, shape, parameters)
    if not groups:
        return
    ancestors = {v: known.ancestors(v) for v in values}
    for group in groups:
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
            if len(targets) >= len(values) - len(rank) and len(targets) > 1 and _agrees(matching, targets):
                yield targets


def _groups(known: Verdicts, shape: tuple[int, ...], parameters: set[int]) -> list[list[int]]:
    """Forward values of one shape, together if one expression made them."""
    adjoints = known.matching.adjoints
    tape = known.replay.tape
    downstream = known.replay.dependents(parameters)
    by_site: dict[int, list[int]] = {}
    for value in sorted(adjoints.of):
        producer = tape.values[value].producer
        site = tape.operations[producer].site if producer is not None else None
        if site is not None and value in downstream and np.shape(adjoints[value]) == shape:
            by_site.setdefault(site, []).append(value)
    return [group for group in by_site.values() if len(group) > 1]


def _agrees(matching: Matching, targets: Mapping[int, int]) -> bool:
    """Whether the results that are verified are the adjoints of what they are said to go with, or of its results.

    Where the slope of `h = f(z)` is left out of a loop, the first time round gives the adjoint of `h`, for that of `z`.
    """
    for value in belied(matching, targets):
        match = matching.match(value)
        if match is None or targets[value] not in matching.replay.ancestors([match.forward]):
            return False
    return True


def belied(matching: Matching, targets: Mapping[int, int]) -> list[int]:
    """The results that are adjoints of something else than what they are said to go with."""
    found = []
    for value, forward in targets.items():
        match = matching.match(value)
        if match is not None and not match.weak and forward not in {match.forward, *match.alike}:
            found.append(value)
    return found


__all__ = ["belied", "joint_targets"]
