"""A closer look where the first one disagrees: the same direction at several steps.

A wrong gradient is off by the same amount at every step. Truncation grows with the step, a crossed kink comes and
goes with it, rounding grows as the step shrinks; none of these stays.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from shapecheck.gradients.comparison import Comparison, Look
from shapecheck.gradients.noise import noise_of_sequence
from shapecheck.gradients.parameters import Direction

_RATIO = 4.0
_DOWN = 7


class Trend(Enum):
    """What becomes of the disagreement as the step shrinks."""

    VANISHES = "vanishes"
    STAYS = "stays"
    KINK = "kink"
    NOISE = "noise"


@dataclass(frozen=True)
class Climb:
    """The looks taken and what they say together; `best` is the look that says it."""

    trend: Trend
    best: Look
    looks: tuple[Look, ...]


def climb(comparison: Comparison, direction: Direction, first: Look) -> Climb:
    """Repeat a disagreeing look at other steps until it is clear what it was.

    Args:
        comparison: The gradients and the loss. Its noise is raised to what is seen along this very direction, and
            lowered again afterwards: jitter in the last digit does not show the staircase of a saturated loss.
        direction: Of the first look.
        first: The look that disagreed.
    """
    measured = comparison.noise.spread
    comparison.noise.raise_to(3 * _noise_beside(comparison, direction, first.step / 8))
    try:
        return _descend(comparison, direction, first.step)
    finally:
        comparison.noise.spread = measured


def _descend(comparison: Comparison, direction: Direction, step: float) -> Climb:
    first = comparison.look(direction, step)
    looks = [first]
    for k in range(1, _DOWN):
        look = comparison.look(direction, step / _RATIO**k)
        looks.append(look)
        if not look.finite:
            continue
        if abs(look.error) + look.bound < abs(first.error) / 2 and look.agrees:
            return Climb(Trend.VANISHES, look, tuple(looks))
        clear = k >= 3 and _stays(looks[-1], looks[-2]) and look.bound < 0.1 * abs(look.error)
        if clear or look.bound > abs(first.error) / 2:
            break
    for k in (1, 2):
        looks.insert(0, comparison.look(direction, step * _RATIO**k))
    return _read(looks)


def _noise_beside(comparison: Comparison, direction: Direction, spacing: float) -> float:
    """Noise along the direction, from one side of the center only: at the center itself there may be a kink."""
    values = [comparison.surface.at({n: k * spacing * v for n, v in direction.items()}) for k in range(1, 8)]
    return noise_of_sequence(values)


def _stays(one: Look, other: Look) -> bool:
    return one.error * other.error > 0 and abs(one.error - other.error) <= one.bound + other.bound + 0.25 * abs(
        one.error
    )


def _read(looks: list[Look]) -> Climb:
    """What a ladder of looks, from the largest step to the smallest, says of the disagreement."""
    finite = [look for look in looks if look.finite]
    if any(look.measured for look in finite):
        # Where a larger step moves the loss and a smaller does not, the smaller one stays on a stair of it.
        finite = [look for look in finite if look.measured]
    clear = [look for look in finite if not look.agrees]
    if not clear:
        return Climb(Trend.VANISHES, min(finite, key=lambda x: x.bound), tuple(looks))
    last = clear[-1]  # the smallest step at which the disagreement is seen
    for look in finite:
        if look.step < last.step and abs(look.error) + look.bound < abs(last.error) / 2:
            return Climb(Trend.VANISHES, look, tuple(looks))
    position = finite.index(last)
    before = finite[position - 1] if position > 0 else None
    if _is_kink(last, before):
        return Climb(Trend.KINK, last, tuple(looks))
    if before is None or _stays(last, before):
        return Climb(Trend.STAYS, last, tuple(looks))
    if abs(before.error) < abs(last.error):
        return Climb(Trend.NOISE, min(finite, key=lambda x: abs(x.error)), tuple(looks))
    # It shrinks as a power of the step, until noise hides the rest of it.
    limit = last.error - (before.error - last.error) / (_RATIO**2 - 1)
    vanishes = abs(limit) <= last.bound + abs(last.error) / 4
    return Climb(Trend.VANISHES if vanishes else Trend.STAYS, last, tuple(looks))


def _is_kink(look: Look, before: Look | None) -> bool:
    """Whether the one-sided slopes differ, and not by less when the step is smaller."""
    significant = abs(look.bend) > 8 * look.noise and abs(look.bend) > 1e-6 * look.scale
    return significant and (before is None or abs(look.bend) > 0.6 * abs(before.bend))
