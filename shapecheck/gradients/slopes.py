"""Slopes of a replayed tape along a direction, by differences whose step is chosen by how well neighbours agree."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from shapecheck.gradients.replay import Replay

# Relative to the size of what is moved. The first two settle nearly every smooth case.
# The small ones are for
# arrays whose entries differ by many orders of magnitude, the large one for programs in single precision.
_STEPS = (1e-5, 1e-6, 1e-4, 1e-7, 1e-8, 1e-9, 1e-3)


@dataclass(frozen=True, slots=True)
class Slope:
    """A directional derivative.

    Attributes:
        central: (f(x + t d) - f(x - t d)) / 2t.
        forward, backward: The one-sided slopes; they differ at a kink.
        error: How far `central` may be off, by rounding and by the step.
    """

    central: float
    forward: float
    backward: float
    error: float

    def allows(self, predicted: float, tolerance: float = 1e-5) -> bool:
        """Whether `predicted` is this slope, up to what the difference can tell; at a kink, between both sides."""
        slack = tolerance * max(abs(self.central), abs(predicted)) + 3 * self.error
        low, high = sorted((self.forward, self.backward))
        return abs(predicted - self.central) <= slack or low - slack <= predicted <= high + slack


def seeds_of(of: int | Mapping[int, Any], replay: Replay) -> dict[int, Any]:
    """The cotangent of each value that makes up the scalar: 1 for a loss.

    Raises:
        ValueError: The loss is not one number.
    """
    if isinstance(of, Mapping):
        return {number: np.asarray(cotangent, dtype=float) for number, cotangent in of.items()}
    shape = np.shape(replay.recorded[of])
    if np.prod(shape, dtype=int) != 1:
        raise ValueError(f"the loss has shape {shape}; a scalar is needed, or a cotangent for it")
    return {of: np.ones(shape)}


def directional_derivative(replay: Replay, of: int | Mapping[int, Any], at: Mapping[int, Any]) -> Slope:
    """The slope of a scalar of the tape when values of the tape are moved along given directions.

    Args:
        replay: The tape.
        of: Number of the loss; or value number -> cotangent, for sum <cotangent, value>.
        at: Value number -> direction, of the value's shape.

    Returns:
        The slope, one-sided slopes and the error, in units of the loss per unit of the directions.

    Raises:
        ReplayError: An operation failed on the moved values.

    Source:
        Nocedal & Wright, Numerical Optimization, 2nd ed., section 8.1, for the difference; the choice of the step by
        the agreement of neighbouring steps is derived here.
    """
    seeds = seeds_of(of, replay)
    wanted = list(seeds)
    bases = {number: np.asanyarray(replay.recorded[number]) for number in at}
    bases = {n: b.astype(np.result_type(b.dtype, np.float64)) for n, b in bases.items()}
    unit = min((_unit(bases[n], np.asarray(d)) for n, d in at.items() if np.any(d)), default=1.0)

    def f(step: float) -> float:
        moved = {n: bases[n] + step * np.asarray(d) for n, d in at.items()}
        found = replay.evaluate(moved, wanted)
        return float(sum(np.sum(seeds[n] * np.asarray(found[n], dtype=float)) for n in wanted))

    centre = f(0.0)
    tried: list[tuple[float, float, float, float]] = []  # step, central, forward, backward
    best = (np.inf, 0)
    for relative in _STEPS:
        step = relative * unit
        right, left = f(step), f(-step)
        rounding = 4e-16 * max(abs(centre), abs(right)) / step
        tried.append((rounding, (right - left) / (2 * step), (right - centre) / step, (centre - left) / step))
        for i, (other_rounding, other, _, _) in enumerate(tried[:-1]):
            gap = abs(other - tried[-1][1]) + max(rounding, other_rounding)
            if gap < best[0]:
                finer = len(tried) - 1 if rounding >= other_rounding else i
                best = (gap, finer)
        if best[0] <= 1e-7 * abs(tried[best[1]][1]):
            break
    gap, chosen = best
    _, central, forward, backward = tried[chosen]
    return Slope(central, forward, backward, float(gap))


def _unit(base: Any, direction: Any) -> float:
    """How far to go along a direction to change no entry by more than about itself."""
    entries = np.abs(np.where(np.isfinite(base), base, 0.0))
    return 1.0 / float(np.max(np.abs(direction) / np.maximum(entries, 0.1 * size_of(base))))


def _rms(array: Any) -> float:
    array = np.asarray(array)
    with np.errstate(all="ignore"):  # memory that was never written may hold anything
        return float(np.sqrt(np.mean(np.abs(array) ** 2))) if array.size else 0.0


def size_of(array: Any) -> float:
    """The size of an array's entries, as the unit in which it is moved."""
    size = _rms(array)
    return size if 0 < size < 1e150 else 1.0
