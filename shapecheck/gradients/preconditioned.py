"""Gradients that a matrix makes a better step of, as in the method of Newton: `inv(X.T @ X) @ gradient`."""

from __future__ import annotations

from typing import Any

import numpy as np

from shapecheck.gradients.replay import Replay
from shapecheck.trace.operations import MATRIX_PRODUCTS
from shapecheck.trace.tape import Operation, Ref

_SOLVERS = frozenset({"numpy.linalg.solve"})
# The eigenvalues of a larger matrix are not computed.
_MOST_ROWS = 400


def preconditioned(replay: Replay, operation: Operation) -> list[int]:
    """The operand that a symmetric positive definite matrix is multiplied by, or that a system is solved for.

    Such a step goes down wherever the gradient itself does.

    Args:
        replay: The tape.
        operation: What may be such a product.

    Source:
        Nocedal & Wright, Numerical Optimization, 2nd ed., section 2.2 (search directions).
    """
    if operation.function not in MATRIX_PRODUCTS | _SOLVERS:
        return []
    pair = [a.value for a in operation.arguments if isinstance(a, Ref)][:2]
    if len(pair) != 2:
        return []
    sides = [(pair[0], pair[1])] if operation.function in _SOLVERS else [(pair[0], pair[1]), (pair[1], pair[0])]
    return [gradient for matrix, gradient in sides if _is_definite(replay.recorded[matrix])]


def _is_definite(matrix: Any) -> bool:
    array = np.asarray(matrix)
    square = array.ndim == 2 and array.shape[0] == array.shape[1] and 1 < array.shape[0] <= _MOST_ROWS
    if not square or array.dtype.kind != "f" or not np.all(np.isfinite(array)):
        return False
    if not np.allclose(array, array.T, rtol=1e-8, atol=1e-12 * float(np.abs(array).max())):
        return False
    return bool(np.linalg.eigvalsh(array).min() > 0)


__all__ = ["preconditioned"]
