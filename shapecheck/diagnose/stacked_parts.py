"""The one part of several that are put together to one array which is not what it should be: the gates of a cell."""

from __future__ import annotations

from typing import Any

import numpy as np

from shapecheck.diagnose.blame import Origin
from shapecheck.gradients.matching import EXACT, Matching
from shapecheck.gradients.replay import Replay
from shapecheck.trace.tape import Operation

_STACKING = frozenset(
    "numpy.concatenate numpy.hstack numpy.vstack numpy.stack numpy.column_stack numpy.dstack numpy.append numpy.array "
    "numpy.r_ numpy.c_".split()
)


def wrong_part(matching: Matching, value: int, wanted: Any) -> Origin | None:
    """The part that is to blame for an array that parts were put together to.

    Args:
        matching: The adjoints.
        value: The whole array.
        wanted: What it should have been.

    Returns:
        The part; None where none, or more than one, differs from what is wanted of it.
    """
    replay = matching.replay
    number = replay.tape.values[value].producer
    operation = replay.tape.operations[number] if number is not None else None
    if operation is None or operation.function not in _STACKING or len(set(operation.inputs)) < 2:
        return None
    found = {part: _part_of(replay, operation, part, wanted) for part in operation.inputs}
    if any(array is None for array in found.values()):
        return None
    factors = {part: _multiple(np.asarray(replay.recorded[part]), array) for part, array in found.items()}
    wrong = [part for part, factor in factors.items() if factor is None]
    right = [factor for factor in factors.values() if factor]
    if len(wrong) != 1 or not right or max(right) - min(right) > 10 * EXACT * max(map(abs, right)):
        return None
    made = replay.tape.values[wrong[0]].producer
    site = replay.tape.operations[made].site if made is not None else None
    return Origin(site, wrong[0], right[0] * found[wrong[0]], operation.number) if site is not None else None


def _part_of(replay: Replay, operation: Operation, part: int, whole: Any) -> Any:
    """What of a whole array is where a part was put; None where that cannot be told."""
    shape = np.shape(replay.recorded[part])
    places = replay.exchanged(operation, part, np.arange(np.prod(shape, dtype=int), dtype=float).reshape(shape))
    marked = replay.exchanged(operation, part, np.full(shape, np.nan))
    if places is None or marked is None or np.shape(places) != np.shape(whole):
        return None
    here = np.isnan(marked)
    entries = np.asarray(places)[here].astype(int)
    if len(entries) != np.prod(shape, dtype=int) or len(np.unique(entries)) != len(entries):
        return None
    found = np.empty(len(entries))
    found[entries] = np.asarray(whole, dtype=float)[here]
    return found.reshape(shape)


def _multiple(part: Any, wanted: Any) -> float | None:
    """How many times what is wanted a part is; 0 where both are nothing, and None where it is no multiple."""
    square, size = float(np.sum(wanted * wanted)), float(np.linalg.norm(part))
    if not square or not size:
        return 0.0 if not square and not size else None
    factor = float(np.sum(part * wanted)) / square
    return factor if factor and np.linalg.norm(part - factor * wanted) <= EXACT * size else None


__all__ = ["wrong_part"]
