"""Gradients that are multiplied, entry by entry, by the parameter that they are to move.

Where that is positive it is a rate of its own for each entry, as in exponentiated gradients; where it is negative the
step goes up the loss. Of a parameter that is positive and negative such a step follows no gradient.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from shapecheck.trace.operations import PRODUCTS
from shapecheck.trace.tape import Operation


def is_turned_round(operation: Operation, operand: int, old: int, parameter: Any) -> bool:
    """Whether an operation turns some entries of its operand round, as it multiplies by a parameter of both signs.

    Args:
        operation: Any.
        operand: One of its inputs.
        old: The number of the parameter, as it was before the step.
        parameter: Its array.
    """
    if operation.function not in PRODUCTS or operand == old or old not in operation.inputs or np.size(parameter) < 2:
        return False
    return bool(np.min(parameter) < 0 < np.max(parameter))


__all__ = ["is_turned_round"]
