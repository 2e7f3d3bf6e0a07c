"""Recognises slopes of activations by their numbers: of which activation, and in terms of which value."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

# A name, an attribute, an item: what needs no parentheses.
_ATOM = re.compile(r"[\w.]+(\[[^\]]*\])*")
# So many values of one shape are tried.
_MOST_VALUES = 40


@dataclass(frozen=True)
class Slope:
    """The slope of an activation.

    Attributes:
        activation: `sigmoid`, `tanh`, `relu`.
        value: The number of the value that it is taken of.
        of_result: Whether that is what the activation gave, as it should be, or what went into it.
    """

    activation: str
    value: int
    of_result: bool

    def formula(self, name: str) -> str:
        """How one writes it, in terms of the activation's result or, for relu, of its argument."""
        atom = name if _ATOM.fullmatch(name) else f"({name})"
        if self.activation == "sigmoid":
            return f"{atom} * (1 - {atom})" if self.of_result else f"sigmoid({name}) * (1 - sigmoid({name}))"
        if self.activation == "tanh":
            return f"1 - {atom}**2" if self.of_result else f"1 - tanh({name})**2"
        return f"{atom} > 0"


def _sigmoid(z: Any) -> Any:
    return 1.0 / (1.0 + np.exp(-z))


_OF_RESULT: dict[str, Callable[[Any], Any]] = {
    "sigmoid": lambda a: a * (1 - a),
    "tanh": lambda a: 1 - a**2,
    "relu": lambda a: (a > 0).astype(float),
}
# The least and the most that an activation gives.
RANGES = {"sigmoid": (0.0, 1.0), "tanh": (-1.0, 1.0)}
_OF_ARGUMENT: dict[str, Callable[[Any], Any]] = {
    "sigmoid": lambda z: _sigmoid(z) * (1 - _sigmoid(z)),
    "tanh": lambda z: 1 - np.tanh(z) ** 2,
}


def recognise(slope: Any, values: Iterable[tuple[int, Any]], weight: Any = None) -> list[Slope]:
    """The activations of which an array is the slope, those in terms of a result first.

    Args:
        slope: The array.
        values: Numbers and arrays that it may be the slope of.
        weight: Where it is zero, the slope is not known.
    """
    weight = np.ones(np.shape(slope)) if weight is None else np.asarray(weight, dtype=float)
    slope = np.asarray(slope, dtype=float)
    found: list[Slope] = []
    same = [(n, np.asarray(a, dtype=float)) for n, a in values if np.shape(a) == slope.shape][:_MOST_VALUES]
    if slope.size < 2 or _is_flat(slope[weight != 0]):
        return []
    for table, of_result in ((_OF_RESULT, True), (_OF_ARGUMENT, False)):
        for name, formula in table.items():
            for number, array in same:
                if equal(formula(array) * weight, slope * weight):
                    found.append(Slope(name, number, of_result))
    return found


def _is_flat(slope: Any) -> bool:
    return bool(slope.size < 2 or np.ptp(slope) < 1e-9)


def equal(one: Any, other: Any) -> bool:
    """Whether two arrays hold the same numbers, up to rounding; zeros are equal to nothing."""
    one, other = np.asarray(one, dtype=float), np.asarray(other, dtype=float)
    if one.shape != other.shape or not np.all(np.isfinite(one)) or not np.all(np.isfinite(other)):
        return False
    norm = float(np.linalg.norm(other))
    return norm > 0 and float(np.linalg.norm(one - other)) <= 1e-6 * norm


def quotient(numerator: Any, denominator: Any) -> tuple[Any, Any]:
    """(numerator / denominator, 1 where that is known and 0 where both are zero)."""
    numerator, denominator = np.asarray(numerator, dtype=float), np.asarray(denominator, dtype=float)
    known = np.abs(denominator) > 1e-12 * max(float(np.max(np.abs(denominator), initial=0.0)), 1e-300)
    return np.divide(numerator, denominator, out=np.zeros(numerator.shape), where=known), known.astype(float)


__all__ = ["RANGES", "Slope", "equal", "quotient", "recognise"]
