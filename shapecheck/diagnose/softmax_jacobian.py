"""The derivative through a softmax of which only the diagonal of its Jacobian was taken."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from shapecheck.diagnose.activation_slopes import quotient
from shapecheck.gradients.matching import same_direction
from shapecheck.gradients.steps import Loss, Step
from shapecheck.trace.operations import PRODUCTS

_MOST_VALUES = 60
_ROUNDING = 1e-9


def diagonal_only(is_now: Any, wanted: Any, values: Iterable[tuple[int, Any]]) -> tuple[int, int] | None:
    """The softmax s, and its axis, where `is_now` is g * s * (1 - s) and `wanted` is s * (g - sum(g * s)).

    Args:
        is_now: What the program computes.
        wanted: What it should be, up to a factor.
        values: Numbers and arrays of the forward pass.

    Returns:
        The number of s and the axis along which it sums to one; None where no value is such a softmax.
    """
    alike = [(n, np.asarray(a, dtype=float)) for n, a in values if np.shape(a) == np.shape(wanted)]
    for number, s in alike[:_MOST_VALUES]:
        if s.size < 2 or s.min() < 0 or s.max() > 1:
            continue
        g, known = quotient(is_now, s * (1 - s))
        for axis in range(s.ndim):
            if s.shape[axis] < 2 or not np.all(known) or not np.allclose(s.sum(axis=axis), 1, rtol=1e-6):
                continue
            right = s * (g - np.sum(g * s, axis=axis, keepdims=True))
            # Of one number per sample any array is a multiple; and a diagonal that is right needs no word.
            if same_direction(right, wanted) and not same_direction(is_now, wanted):
                return number, axis
    return None


def behind_a_diagonal(losses: Sequence[Loss], step: Step) -> list[Loss]:
    """The losses of outputs s and targets of which a step holds dL/ds * s * (1 - s), where all of s sums to one.

    Of more than two classes that is the derivative of no loss at all: f(s[i]) * s[i] as the slope by the i-th score has
    a matrix of second derivatives that is not symmetric. So it speaks for the loss whose derivative stands in it.
    """
    return [loss for loss in losses if loss.inferred and _is_behind_a_diagonal(loss, step)]


def _is_behind_a_diagonal(loss: Loss, step: Step) -> bool:
    if loss.adjoints is None:
        return False
    recorded = loss.adjoints.replay.recorded
    operations = loss.adjoints.replay.tape.operations[step.first : step.last + 1]
    for output, seed in loss.seeds.items():
        s = np.asarray(recorded[output], dtype=float)
        axes = [axis for axis in range(s.ndim) if s.shape[axis] > 1 and np.allclose(s.sum(axis=axis), 1, rtol=1e-6)]
        if not axes or not is_distribution(s):
            continue
        diagonal, whole = seed * s * (1 - s), s * (seed - np.sum(seed * s, axis=axes[0], keepdims=True))
        # What sums to zero over the classes can be a derivative by the scores: `s - t` is that of a cross-entropy.
        if np.all(np.abs(diagonal.sum(axis=axes[0])) <= _ROUNDING * np.abs(diagonal).max()):
            continue
        made = (recorded[o.result] for o in operations if o.function in PRODUCTS)
        if not same_direction(diagonal, whole) and any(same_direction(array, diagonal) for array in made):
            return True
    return False


def is_distribution(array: Any) -> bool:
    """Whether numbers between 0 and 1 sum to one along an axis, as those of a softmax do."""
    s = np.asarray(array, dtype=float)
    if s.size < 2 or s.min() < 0 or s.max() > 1:
        return False
    return any(n > 1 and np.allclose(s.sum(axis=axis), 1, rtol=1e-6) for axis, n in enumerate(s.shape))


__all__ = ["behind_a_diagonal", "diagonal_only", "is_distribution"]
