"""Gradients that are multiplied, entry by entry, by the parameter that they are to move, or by themselves.

Where that is positive it is a rate of its own for each entry, as in exponentiated gradients; where it is negative the
step goes up the loss. By what is positive and negative such a step follows no gradient.
"""

from __future__ import annotations

import numpy as np

from shapecheck.trace.operations import PRODUCTS, QUOTIENTS
from shapecheck.trace.tape import Operation, Tape, refs

_MOST_NUMBERS = 4


def is_turned_round(tape: Tape, operation: Operation, operand: int, old: int) -> bool:
    """Whether an operation turns some entries of its operand round: by a parameter, or the gradient, of both signs.

    Args:
        tape: Of the run.
        operation: Any.
        operand: One of its inputs.
        old: The parameter, as it was before the step.
    """
    if operation.function not in PRODUCTS or len(operation.inputs) != 2:
        return False
    first, second = operation.inputs
    other = second if operand == first else first
    if _is_multiple(tape, other, old):
        return _has_both_signs(tape, old)
    squared = _is_multiple(tape, other, operand) or _is_multiple(tape, operand, other)
    return squared and _has_both_signs(tape, other)


def _has_both_signs(tape: Tape, value: int) -> bool:
    array = tape.values[value].array
    return array is not None and np.size(array) > 1 and bool(np.min(array) < 0 < np.max(array))


def _is_multiple(tape: Tape, value: int, old: int) -> bool:
    """Whether a value is a number times another: `-rate * w` of `w`."""
    for _ in range(_MOST_NUMBERS):
        producer = tape.values[value].producer
        operation = tape.operations[producer] if producer is not None else None
        if value == old or operation is None:
            break
        operands = list(refs(operation.arguments[:1])) if operation.function in QUOTIENTS else operation.inputs
        arrays = [i for i in operands if tape.values[i].size > 1]
        if operation.function not in PRODUCTS | QUOTIENTS | {"unary-"} or len(arrays) != 1:
            break
        value = arrays[0]
    return value == old


__all__ = ["is_turned_round"]
