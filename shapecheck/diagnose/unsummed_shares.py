"""Sums that go into a wrong derivative and go over too few axes: of the statistics of a batch norm, for instance.

The derivative by a mean is one number for all that went into the mean. Where it was summed up for each sample by
itself, its sum over the samples is the derivative, and it is not.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from shapecheck.diagnose.blame import Origin
from shapecheck.gradients.matching import Matching, same_direction

# So many of the last sums are looked at.
_MOST = 12
# What reduces an array along axes.
_REDUCTIONS = frozenset([".sum", "numpy.sum", ".mean", "numpy.mean"])


def unsummed_share(matching: Matching, value: int, wanted: Any) -> Origin | None:  # noqa: ARG001 - one of several
    """The first sum on the way to a wrong derivative that another axis would have made the derivative of a statistic.

    Args:
        matching: The adjoints.
        value: What is wrong.
        wanted: What it should have been.

    Returns:
        The sum; None where none would be a derivative, or where it is summed up later on.
    """
    replay = matching.replay
    before = replay.ancestors([value])
    made = sorted(p for v in before if v not in matching.adjoints.closure and (p := replay.tape.values[v].producer))
    sums = [o for o in map(replay.tape.operations.__getitem__, made) if o.function in _REDUCTIONS][-_MOST:]
    for operation in sums:
        array = np.asarray(replay.recorded[operation.result], dtype=float)
        if operation.site is None or array.ndim < 2 or matching.match(operation.result) is not None:
            continue
        for axis in (axis for axis, length in enumerate(array.shape) if 1 < length < array.size):
            total = array.sum(axis=axis, keepdims=True)
            of = _derivative_of(matching, total, before)
            if of is not None:
                return Origin(operation.site, operation.result, total, replay.tape.values[value].producer or 0)
    return None


def _derivative_of(matching: Matching, total: Any, before: set[int]) -> int | None:
    """The forward value of which an array is the adjoint, in whatever shape; None where the backward pass has that."""
    flat = np.ravel(total)
    if np.ptp(np.abs(flat)) == 0:
        return None
    for forward in matching.adjoints.of:
        adjoint = np.ravel(matching.adjoints[forward])
        if adjoint.size == flat.size and same_direction(flat, adjoint):
            known = (m for v in before if (m := matching.match(v)) is not None)
            return forward if not any(forward in {m.forward, *m.alike} for m in known) else None
    return None


__all__ = ["unsummed_share"]
