"""How much of a loss is rounding: measured on the user's own loss, not assumed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from shapecheck.gradients.surface import Difference, Surface


@dataclass
class Noise:
    """Noise of one evaluation.

    Attributes:
        spread: How far evaluations at parameters that differ by rounding only were apart, at most.
        relative: Rounding unit times a small count; no evaluation is believed beyond that.
        samples: The evaluations it was measured from; empty where only rounding of the result itself is allowed for.
    """

    spread: float
    relative: float
    samples: list[float] = field(default_factory=list)

    def of(self, *values: float) -> float:
        """Bound on the noise of each of these evaluations of the loss."""
        return 2 * self.spread + self.relative * max(abs(v) for v in values)

    def of_difference(self, difference: Difference) -> float:
        """Bound on the noise of a difference of two evaluations."""
        return 2 * self.of(difference.right, difference.left)

    def raise_to(self, spread: float) -> None:
        """Take note of a larger noise seen elsewhere."""
        if np.isfinite(spread):
            self.spread = max(self.spread, spread)


def rounding_alone(surface: Surface) -> Noise:
    """The least noise there can be: a gradient that agrees within it needs no measurement."""
    return Noise(0.0, 4 * surface.epsilon)


def measure_noise(surface: Surface, rng: np.random.Generator, looks: int = 2) -> Noise:
    """Evaluate the loss at parameters jittered in their last digit, and see how far the results are apart.

    Args:
        surface: The loss; `surface.base` is used as one of the samples.
        rng: For the jitter.
        looks: How many evaluations to spend.
    """
    samples = [surface.base]
    for _ in range(looks):
        jitter = {}
        for parameter in surface.params:
            signs = rng.integers(-2, 3, parameter.shape).astype(np.float64)
            jitter[parameter.name] = np.asarray(signs * np.abs(parameter.center) * surface.epsilon, dtype=np.float64)
        samples.append(surface.at(jitter))
    spread = max(samples) - min(samples)
    return Noise(spread, surface.epsilon, samples)


def noise_of_sequence(values: Sequence[float]) -> float:
    """Noise of evenly spaced evaluations: high differences of a smooth function vanish, those of noise do not.

    Source:
        Hamming, Introduction to Applied Numerical Analysis, ch. 6; Moré & Wild, Estimating computational noise,
        SIAM J. Sci. Comput. 33 (2011).
    """
    table = np.asarray(values, dtype=np.float64)
    estimates = []
    weight = 1.0
    for order in range(1, len(values)):
        table = np.diff(table)
        weight *= order / (2 * (2 * order - 1))  # (k!)^2 / (2k)!
        estimates.append(float(np.sqrt(weight * np.mean(table**2))))
    # The lower orders still hold the function's own change; the later ones have seen it off.
    return min(estimates[len(estimates) // 2 :])
