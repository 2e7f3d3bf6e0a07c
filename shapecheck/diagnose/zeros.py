"""Gradients that are nothing but zeros, and the expressions in which they began to be so."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import numpy as np

from shapecheck.diagnose.verdicts import Verdicts
from shapecheck.gradients.matching import Standing
from shapecheck.trace.operations import DIFFERENCES, QUOTIENTS
from shapecheck.trace.tape import Operation, Ref, refs

_DERIVATIVES = frozenset({Standing.VERIFIED, Standing.UNVERIFIED})


def is_still(known: Verdicts, parameter: int) -> bool:
    """Whether a step leaves a parameter where it is, although the loss changes with it."""
    moved = np.any(known.replay.recorded[known.changes[parameter]])
    return not moved and bool(np.any(known.matching.adjoints[parameter]))


def begins_to_be_zero(
    known: Verdicts, operation: Operation, wrong: Collection[int], standings: Mapping[int, Standing]
) -> bool:
    """Whether an operation makes zeros of a derivative that was none, and steps stand still for it.

    A zero that is multiplied, summed or handed on is the fault of whoever made it; what is added to a sum that is zero
    as yet is no derivative by itself.
    """
    reached = [p for p in known.reached(operation.result) if p in wrong]
    if not reached or not any(is_still(known, p) for p in reached):
        return False
    if operation.function in DIFFERENCES and _are_one(known, operation):
        return True
    inputs = refs(operation.arguments[:1]) if operation.function in QUOTIENTS else operation.inputs
    carried = [i for i in inputs if any(standings.get(a) in _DERIVATIVES for a in known.ancestors(i))]
    return bool(carried) and all(np.any(known.replay.recorded[i]) for i in carried)


def _are_one(known: Verdicts, operation: Operation) -> bool:
    """Whether something is taken from itself, or from a copy of itself: an error that is zero whatever comes in."""
    operands = [known.replay.recorded[a.value] for a in operation.arguments[:2] if isinstance(a, Ref)]
    if len(operands) != 2:
        return False
    return len(set(operation.inputs)) == 1 or bool(np.any(operands[0]) and np.array_equal(*operands))


__all__ = ["begins_to_be_zero", "is_still"]
