"""One look: the user's gradient and the loss's real change along one direction, with what the noise allows."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from shapecheck.gradients.complex_step import ComplexStep, ExactSlope
from shapecheck.gradients.noise import Noise
from shapecheck.gradients.parameters import Direction
from shapecheck.gradients.stepped_array import Passage
from shapecheck.gradients.surface import Surface

Floats = NDArray[np.float64]

KEEN = 1e-6  # times a gradient over the root of the number of its entries: what a sparing step resolves
ROUNDING = 16.0  # a right gradient may be off by this many units in the last place, in the mean over its entries


@dataclass(frozen=True)
class Look:
    """The comparison along one direction at one step; everything in units of a slope.

    Attributes:
        step: The step; 0 for a complex step.
        predicted: What the user's gradient says.
        measured: What the loss does.
        noise: How wrong `measured` may be for the loss's own noise.
        rounding: How wrong `predicted` may be for the precision that the gradient was computed in.
        allowed: What the user allowed instead; None where the measured noise decides.
        scale: The size that a slope along a random direction has.
        left: Slope on the left of the center, `right` on its right.
    """

    step: float
    predicted: float
    measured: float
    noise: float
    rounding: float
    scale: float
    left: float
    right: float
    allowed: float | None = None

    @property
    def error(self) -> float:
        """Predicted minus measured."""
        return self.predicted - self.measured

    @property
    def bound(self) -> float:
        """How large `error` may be for a right gradient."""
        return self.noise + self.rounding if self.allowed is None else self.allowed

    @property
    def agrees(self) -> bool:
        """Whether nothing is seen to be wrong."""
        return abs(self.error) <= self.bound

    @property
    def resolution(self) -> float:
        """The relative error that the noise would hide."""
        return self.noise / self.scale if self.scale > 0 else math.inf

    @property
    def finite(self) -> bool:
        """Whether the loss was a number on both sides."""
        return math.isfinite(self.measured)

    @property
    def bend(self) -> float:
        """Right slope minus left slope: of a smooth loss it shrinks with the step, of a kink it stays."""
        return self.right - self.left

    @property
    def within_kink(self) -> bool:
        """Whether the prediction lies between the one-sided slopes."""
        low, high = min(self.left, self.right), max(self.left, self.right)
        slack = 2 * self.bound
        return low - slack <= self.predicted <= high + slack


class Comparison:
    """The user's gradients against the loss around one point.

    Args:
        surface: The loss, with its base evaluated.
        noise: Measured on it.
        exact: Complex-step derivatives of it.
        gradients: The user's, in float64, by parameter name.
        precision: Rounding unit of the arithmetic that each gradient was computed in.
        rtol: Overrides the measured tolerance, relative to the slope.
        atol: Overrides the measured tolerance, per unit length of the direction.

    Attributes:
        amplification: How many rounding units a right gradient may be off by, relative to itself.
        roughness: What each entry may be off by besides, where it was measured: entries that are sums which cancel
            are off by what rounding makes of the terms.
        level: The loss at the center, from the last look: exactly, or as the mean of both sides.
    """

    def __init__(
        self,
        surface: Surface,
        noise: Noise,
        exact: ComplexStep,
        gradients: Mapping[str, Floats],
        *,
        precision: Mapping[str, float],
        rtol: float | None = None,
        atol: float | None = None,
    ) -> None:
        self.surface = surface
        self.noise = noise
        self.exact = exact
        self.gradients = gradients
        self.precision = precision
        self.rtol = rtol
        self.atol = atol
        self.amplification = dict.fromkeys(gradients, ROUNDING)
        self.roughness = dict.fromkeys(gradients, 0.0)
        self.level = surface.known_base
        self._largest = max(map(self._typical, gradients))

    def step_for(self, direction: Direction) -> float:
        """A step for entries of size one: small enough for truncation, large enough for the noise."""
        entries = sum(int(np.count_nonzero(v)) for v in direction.values())
        size = max(
            float(np.sqrt(np.mean(np.square(self.surface.params[n].center, dtype=np.float64)))) if v.size else 0.0
            for n, v in direction.items()
        )
        step = 1.65 * self.surface.epsilon ** (1 / 3) * max(entries, 1) ** -0.125
        return float(max(step, 1e3 * self.surface.epsilon * size))

    def sparing_step(self, direction: Direction) -> float:
        """The smallest step at which the noise hides nothing of interest, if the gradient is as large as it says.

        Small steps cross few kinks and truncate little; this one need not work for a wrong gradient.
        """
        step = self.step_for(direction)
        spread = self.spread(direction)
        if not (math.isfinite(self.level) and math.isfinite(spread) and spread > 0):
            return step
        entries = sum(v.size for v in direction.values())
        enough = self.noise.of(self.level) * math.sqrt(entries) / (KEEN * spread)
        return float(min(step, max(enough, step / 1000)))

    def look(self, direction: Direction, step: float | None = None) -> Look:
        """Compare by a central difference."""
        step = self.step_for(direction) if step is None else step
        difference = self.surface.difference(direction, step)
        width = 2 * step
        predicted = difference.predicted(self.gradients) / width
        measured = difference.slope
        along = {n: s / width for n, s in difference.span.items()}
        own = self._squares(along)
        base = self.surface.known_base
        if math.isnan(base):
            base = (difference.left + difference.right) / 2
        self.level = base
        return Look(
            step,
            predicted,
            measured,
            self.noise.of_difference(difference) / width,
            self._rounding(along, own),
            max(math.sqrt(sum(own.values())), abs(measured)),
            (base - difference.left) / step,
            (difference.right - base) / step,
            self._allowed(direction, predicted, measured),
        )

    def exact_look(self, direction: Direction, way: Passage | None = None) -> Look | None:
        """Compare by a complex step; None where there is none."""
        slope = self.exact_slope(direction, way)
        return None if slope is None else self.look_from(direction, slope)

    def dithered_look(self, direction: Direction, way: Passage, rng: np.random.Generator) -> Look | None:
        """As `exact_look`, allowing for logarithms of numbers of which only a few bits are left."""
        slopes = [self.exact_slope(direction, replace(way, dither=d)) for d in (None, rng, rng, rng)]
        if slopes[0] is None:
            return None
        values = [s.value if s is not None else math.inf for s in slopes]
        look = self.look_from(direction, slopes[0])
        return replace(look, noise=look.noise + 4 * (max(values) - min(values)))

    def exact_slope(self, direction: Direction, way: Passage | None = None) -> ExactSlope | None:
        """The complex-step slope, refused where its real part is not the loss."""
        way = way or Passage()
        slope = self.exact.slope(direction, way)
        if slope is None or way.unguarded or way.dither is not None or way.coarse is not None:
            return slope
        base, allowed = self.surface.base, 1e-30 + 16 * self.noise.of(self.surface.base)  # 1e-30: the step squared
        if self.surface.promotion is None:
            allowed += 64 * self.surface.epsilon * abs(base)
        if abs(slope.loss - base) > allowed:
            self.exact.blame = "no complex step: the loss takes another way with complex numbers"
            return None
        return slope

    def look_from(self, direction: Direction, slope: ExactSlope) -> Look:
        """The comparison that a complex-step slope makes."""
        predicted = sum(float(np.vdot(self.gradients[n], v)) for n, v in direction.items())
        own = self._squares(direction)
        scale = max(math.sqrt(sum(own.values())), abs(slope.value))
        return Look(
            0.0,
            predicted,
            slope.value,
            1e-10 * scale,
            self._rounding(direction, own),
            scale,
            slope.value,
            slope.value,
            self._allowed(direction, predicted, slope.value),
        )

    def spread(self, direction: Mapping[str, Floats]) -> float:
        """The size that the predicted slope has along random signs of such a direction."""
        return math.sqrt(sum(self._squares(direction).values()))

    def _squares(self, direction: Mapping[str, Floats]) -> dict[str, float]:
        terms = ((n, self.gradients[n] * v) for n, v in direction.items())
        return {n: float(np.vdot(term, term)) for n, term in terms}

    def _rounding(self, direction: Mapping[str, Floats], own: Mapping[str, float]) -> float:
        squares = 0.0
        for n, v in direction.items():
            squares += (self.amplification[n] * self.precision[n]) ** 2 * own[n]
            if self.roughness[n]:
                squares += self.roughness[n] ** 2 * float(np.vdot(v, v))
        return math.sqrt(squares)

    def is_zero(self, direction: Direction, look: Look) -> bool:
        """Whether both sides are zero: exactly, or as far as noise and precision show.

        A bias in front of a normalisation has gradient 0, which comes out as what rounding leaves of the terms that
        cancelled: as small as the rounding of the other gradients.
        """
        if not any(np.any(self.gradients[n]) for n in direction):
            return abs(look.measured) <= look.noise or look.measured == 0
        floor = max(self.precision[n] for n in direction) * ROUNDING * self._largest
        length = math.sqrt(sum(float(np.vdot(v, v)) for v in direction.values()))
        return abs(look.measured) <= 3 * look.noise and self.spread(direction) <= floor * length

    def _typical(self, name: str) -> float:
        gradient = self.gradients[name]
        finite = gradient.size and np.all(np.isfinite(gradient))
        return math.sqrt(float(np.vdot(gradient, gradient)) / gradient.size) if finite else 0.0

    def _allowed(self, direction: Direction, predicted: float, measured: float) -> float | None:
        if self.rtol is None and self.atol is None:
            return None
        length = math.sqrt(sum(float(np.vdot(v, v)) for v in direction.values()))
        return (self.rtol or 0.0) * max(abs(predicted), abs(measured)) + (self.atol or 0.0) * length


def random_direction(rng: np.random.Generator, shape: tuple[int, ...]) -> Floats:
    """Signs with magnitudes between 0.5 and 1.5: equal ones would cancel where entries were only swapped."""
    direction = rng.random(shape)
    direction *= 2.0
    direction -= 1.0
    direction += np.copysign(0.5, direction)
    return np.asarray(direction, dtype=np.float64)
