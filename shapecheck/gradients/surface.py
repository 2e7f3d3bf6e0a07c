"""The loss as a function of how far the parameters are displaced, in the best precision that can be had."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shapecheck.gradients.errors import GradientCheckError
from shapecheck.gradients.objective import Objective
from shapecheck.gradients.parameters import Direction
from shapecheck.gradients.substitution import Substitution

Floats = NDArray[np.float64]
OUT_OF_DOMAIN = (ValueError, ArithmeticError, AssertionError)  # what code raises on numbers that it cannot take


@dataclass(frozen=True)
class Difference:
    """Two evaluations on either side of the center.

    Attributes:
        right: Loss at center + step * direction.
        left: Loss at center - step * direction.
        span: How far the parameters really went from left to right, rounding included.
        step: As asked for.
    """

    right: float
    left: float
    span: Mapping[str, Floats]
    step: float

    @property
    def observed(self) -> float:
        """How much the loss changed."""
        return self.right - self.left

    @property
    def slope(self) -> float:
        """The central difference quotient."""
        return self.observed / (2 * self.step)

    def predicted(self, gradients: Mapping[str, Floats]) -> float:
        """How much the loss should have changed, had it these gradients."""
        return sum(float(np.vdot(gradients[name], span)) for name, span in self.span.items())


class Surface:
    """The loss around the parameters as they stand.

    Args:
        objective: The user's loss.
        promotion: Given where single-precision parameters are to be replaced by float64 ones.

    Attributes:
        epsilon: Rounding unit of the arithmetic that the loss is believed to be computed in.
        base: The loss without displacement; evaluated when it is first asked for.
    """

    def __init__(self, objective: Objective, promotion: Substitution | None = None) -> None:
        self.objective = objective
        self.params = objective.params
        self.promotion = promotion
        self.epsilon = float(np.finfo(np.float64).eps)
        if promotion is None:
            self.epsilon = max(float(np.finfo(p.dtype).eps) for p in self.params)
            # An extended-precision parameter does not make the arithmetic around it extended.
            self.epsilon = max(self.epsilon, float(np.finfo(np.float64).eps))
        self._base: float | None = None
        self._checked = False

    @property
    def base(self) -> float:
        """The loss without displacement."""
        if self._base is None:
            self._base = self.at({})
        return self._base

    @base.setter
    def base(self, value: float) -> None:
        self._base = value

    @property
    def known_base(self) -> float:
        """As `base`, but NaN rather than an evaluation."""
        return math.nan if self._base is None else self._base

    def at(self, displacement: Direction) -> float:
        """The loss with the named parameters displaced, and all others where they are."""
        return self._at(displacement)[0]

    def difference(self, direction: Direction, step: float) -> Difference:
        """Evaluate on both sides of the center."""
        right, ahead = self._at({name: step * along for name, along in direction.items()})
        left, behind = self._at({name: -step * along for name, along in direction.items()})
        for name in ahead:
            ahead[name] -= behind[name]
        return Difference(right, left, ahead, step)

    def _at(self, displacement: Direction) -> tuple[float, dict[str, Floats]]:
        try:
            value, moved = self._evaluate(displacement)
        except OUT_OF_DOMAIN as error:
            # A logarithm of what is now negative, an assertion of the user's: not a number here, whatever it raises.
            if isinstance(error, GradientCheckError):
                raise
            if not self.objective.succeeded:
                self.params.recenter()
                self.objective()  # raises here too if it is the user's own error
            return math.nan, {name: np.asarray(along, dtype=np.float64) for name, along in displacement.items()}
        self.epsilon = max(self.epsilon, self.objective.result_epsilon)
        return value, moved

    def _evaluate(self, displacement: Direction) -> tuple[float, dict[str, Floats]]:
        with np.errstate(all="ignore"):  # a displaced network may overflow where the user's own never does
            if self.promotion is not None:
                return self._promoted(displacement)
            moved = self.params.displace(displacement)
            try:
                value = self.objective()
                if not self._checked:
                    self._refuse_changes(displacement, moved)
            finally:
                self.params.recenter(displacement)
        return value, moved

    def _refuse_changes(self, displacement: Direction, moved: dict[str, Floats]) -> None:
        """After the first evaluation: raise if the loss changed a parameter."""
        self._checked = True
        for name in displacement:
            parameter = self.params[name]
            now = np.subtract(parameter.current(), parameter.center, dtype=np.float64)
            if not np.array_equal(now, moved[name]) and not np.array_equal(now, moved[name], equal_nan=True):
                self.params.blame("the loss", name)
        others = [p.name for p in self.params if p.name not in displacement]
        self.params.refuse_changes("the loss", others)

    def _promoted(self, displacement: Direction) -> tuple[float, dict[str, Floats]]:
        assert self.promotion is not None
        values = {p.name: p.center.astype(np.float64) for p in self.params}
        moved = {}
        for name, along in displacement.items():
            values[name] = values[name] + along
            moved[name] = values[name] - self.params[name].center
        handed = {
            n: v if v.shape or isinstance(self.params[n].value, np.ndarray) else float(v) for n, v in values.items()
        }
        return float(self.promotion.evaluate(handed)), moved
