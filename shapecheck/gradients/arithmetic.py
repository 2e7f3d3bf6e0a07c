"""Derivatives of the commonest operations by formula: what autograd would give, at a small part of its cost."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from shapecheck.gradients.occurrences import Occurrences, summed_to

# From the operands and the result's adjoint to the adjoint of each operand, not yet summed to its shape.
Formula = Callable[[Sequence[Any], Any], Sequence[Any] | None]

_PLAIN = (int, float, np.ndarray, np.generic)


def _product(operands: Sequence[Any], adjoint: Any) -> Sequence[Any] | None:
    """Of two matrices, two vectors, or one of each; None for stacks of matrices, and for numbers."""
    left, right = map(np.asarray, operands)
    if left.ndim == 2 and right.ndim == 2:
        return adjoint @ right.T, left.T @ adjoint
    if left.ndim == 2 and right.ndim == 1:
        return np.outer(adjoint, right), left.T @ adjoint
    if left.ndim == 1 and right.ndim == 2:
        return right @ adjoint, np.outer(left, adjoint)
    return (adjoint * right, adjoint * left) if left.ndim == right.ndim == 1 else None


def _quotient(operands: Sequence[Any], adjoint: Any) -> Sequence[Any]:
    left, right = operands
    return adjoint / right, -adjoint * left / right**2


def _power(operands: Sequence[Any], adjoint: Any) -> Sequence[Any] | None:
    """By an exponent that is written down; None for others, whose slopes have gaps at zero."""
    base, exponent = operands
    if not isinstance(exponent, int | float) or exponent < 1:
        return None
    return (adjoint * exponent * np.asarray(base) ** (exponent - 1),)


def _total(operands: Sequence[Any], adjoint: Any) -> Sequence[Any] | None:
    """Of all entries; None along an axis."""
    return (np.full(np.shape(operands[0]), adjoint),) if len(operands) == 1 and np.ndim(adjoint) == 0 else None


_BY_OPERATOR: dict[str, Formula] = {
    "+": lambda _, adjoint: (adjoint, adjoint),
    "-": lambda _, adjoint: (adjoint, -adjoint),
    "*": lambda operands, adjoint: (adjoint * operands[1], adjoint * operands[0]),
    "/": _quotient,
    "**": _power,
    "@": _product,
    "unary-": lambda _, adjoint: (-adjoint,),
    "exp": lambda operands, adjoint: (adjoint * np.exp(operands[0]),),
    "log": lambda operands, adjoint: (adjoint / operands[0],),
    "sum": _total,
    "tanh": lambda operands, adjoint: (adjoint * (1 - np.tanh(operands[0]) ** 2),),
}
_OTHER_NAMES = {
    "+": "numpy.add",
    "-": "numpy.subtract",
    "*": "numpy.multiply",
    "/": "numpy.divide numpy.true_divide",
    "**": "numpy.power",
    "@": "numpy.matmul numpy.dot .dot",
    "unary-": "numpy.negative",
    "exp": "numpy.exp math.exp",
    "log": "numpy.log math.log",
    "sum": "numpy.sum .sum",
    "tanh": "numpy.tanh math.tanh",
}
_FORMULAS = _BY_OPERATOR | {
    name: _BY_OPERATOR[operator] for operator, names in _OTHER_NAMES.items() for name in names.split()
}


def by_arithmetic(occurrences: Occurrences, result: Any, adjoint: Any) -> list[Any] | None:
    """The operands' adjoints by formula.

    Args:
        occurrences: The operation's operands.
        result: What it gave.
        adjoint: The adjoint of the result.

    Returns:
        For each occurrence its adjoint; None where there is no formula, or the operation is no ordinary one.
    """
    operation = occurrences.operation
    formula = _FORMULAS.get(operation.function)
    if formula is None or operation.keywords or None in occurrences.direct or np.shape(result) != np.shape(adjoint):
        return None
    operands, _ = occurrences.arguments()
    if not all(isinstance(o, _PLAIN) and not isinstance(o, np.matrix) for o in operands):
        return None
    if any(np.asarray(o).dtype.kind == "c" for o in (*operands, adjoint)):
        return None
    parts = formula(operands, np.asarray(adjoint))
    if parts is None or any(d is None or d >= len(parts) for d in occurrences.direct):
        return None
    return [
        summed_to(np.asarray(parts[d], dtype=float), a.shape)
        for d, a in zip(occurrences.direct, occurrences.arrays, strict=True)
        if d is not None
    ]


__all__ = ["by_arithmetic"]
