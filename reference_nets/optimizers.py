"""Update rules: plain descent, momentum and Adam. They change the parameters in place, and their shapes never.

Source:
    Goodfellow, Bengio and Courville, Deep Learning, eq. (8.15) and (8.16) momentum; Kingma and Ba 2015, Adam,
    algorithm 1.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from reference_nets.annotations import Array, Float, Parameters, checked
from reference_nets.progress import Progress


@checked
def descend_by(parameter: Float[Array, "*shape"], step: Float[Array, "*shape"]) -> None:
    """parameter -= step. With `parameter = parameter - step` a step of another shape would go through, broadcast."""
    parameter -= step


@dataclass
class Descent:
    """p -= rate * dp."""

    rate: float = 0.1

    def update(self, params: Parameters, gradients: Parameters) -> None:
        """Change `params` in place."""
        for name, parameter in params.items():
            descend_by(parameter, self.rate * gradients[name])


@dataclass
class Momentum:
    """v = momentum * v - rate * dp, then p += v: the velocity remembers earlier gradients."""

    rate: float = 0.1
    momentum: float = 0.9
    velocity: Parameters = field(default_factory=dict)

    def update(self, params: Parameters, gradients: Parameters) -> None:
        """Change `params` and the velocity."""
        for name, parameter in params.items():
            before = self.velocity.get(name, np.zeros_like(parameter))
            self.velocity[name] = self.momentum * before - self.rate * gradients[name]
            descend_by(parameter, -self.velocity[name])


@dataclass
class Adam:
    """Moving means of the gradient and its square, both corrected for having started at 0.

    Without the correction the first steps are a third of what they should be; `steps` counts updates, not batches of
    an epoch, and starts at 1 when it is used.
    """

    rate: float = 0.001
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8
    steps: int = 0
    mean: Parameters = field(default_factory=dict)
    square: Parameters = field(default_factory=dict)

    def update(self, params: Parameters, gradients: Parameters) -> None:
        """Change `params` and the moving means."""
        self.steps += 1
        for name, parameter in params.items():
            gradient = gradients[name]
            mean, square = (moment.get(name, np.zeros_like(parameter)) for moment in (self.mean, self.square))
            self.mean[name] = self.beta1 * mean + (1.0 - self.beta1) * gradient
            self.square[name] = self.beta2 * square + (1.0 - self.beta2) * gradient**2
            mean_hat = self.mean[name] / (1.0 - self.beta1**self.steps)
            square_hat = self.square[name] / (1.0 - self.beta2**self.steps)
            descend_by(parameter, self.rate * mean_hat / (np.sqrt(square_hat) + self.epsilon))


def run(seed: int = 0) -> Iterator[Progress]:
    """The three on one valley, a hundred times steeper across than along, each from the same point."""
    start = np.random.default_rng(seed).normal(size=2) + 3.0
    curvature = np.array([1.0, 100.0])
    for rule in (Descent(0.01), Momentum(0.01), Adam(0.3)):
        params: Parameters = {"p": start.copy()}
        for _ in range(100):
            rule.update(params, {"p": curvature * params["p"]})
        yield Progress(100, float(0.5 * np.sum(curvature * params["p"] ** 2)), note=type(rule).__name__)
