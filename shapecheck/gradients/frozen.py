"""Entries of a parameter that a program holds where they are: pruned weights, padding rows, a frozen part.

What stands for a mask is an array of noughts and ones of the parameter's shape that comes from the parameter itself or
from constants. One that comes from the samples, the activations or the loss belongs to the backward pass, and is judged
with it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from shapecheck.gradients.stacked_numbers import is_stacked
from shapecheck.trace.operations import PRODUCTS
from shapecheck.trace.tape import Operation, Ref, Tape

# How a mask is made: from comparisons and from what puts constants in their places.
_MAKING = frozenset(
    "leaf setitem getitem write_back == != < > <= >= & | ^ unary~ - + * .astype .copy numpy.copy numpy.abs .T .reshape "
    "numpy.array numpy.asarray numpy.where numpy.not_equal numpy.equal numpy.greater numpy.less numpy.logical_not "
    "numpy.logical_and numpy.logical_or numpy.ones_like numpy.zeros_like numpy.int64 numpy.float64 numpy.isclose "
    "numpy.greater_equal numpy.less_equal numpy.absolute numpy.sign".split()
)
_MOST_VALUES = 400


def free_entries(tape: Tape, old: int, change: int) -> NDArray[np.bool_] | None:
    """The entries of a parameter that a step may move; None where it may move them all.

    Args:
        tape: With whole values.
        old: The parameter's value before the step.
        change: What is added to it, or taken from it.

    Returns:
        Shape of the parameter. None as well where no mask is applied, or where the change does not keep to it.
    """
    shape = tape.values[old].shape
    moved = tape.values[change].array
    if shape == () or is_stacked(tape) or moved is None or np.shape(moved) != shape or np.all(moved):
        return None
    masks: list[NDArray[np.bool_]] = []
    seen: set[int] = set()
    open_values = [change]
    while open_values and len(seen) < _MOST_VALUES:
        number = open_values.pop()
        producer = tape.values[number].producer
        if number in seen or producer is None or number == old:
            continue
        seen.add(number)
        operation = tape.operations[producer]
        masks += _masks(tape, operation, old)
        open_values.extend(i for i in operation.inputs if tape.values[i].shape == shape)
    # Masks one after the other let through what all do; those of several summands what any does.
    for together in (np.logical_and, np.logical_or) if masks else ():
        free = np.asarray(together.reduce(masks))
        if not np.all(free) and np.any(free) and not np.any(np.asarray(moved)[~free]):
            return free
    return None


def _masks(tape: Tape, operation: Operation, old: int) -> list[NDArray[np.bool_]]:
    """What an operation lets through, where one of its operands is a mask."""
    arguments = operation.arguments
    arrays = [a.value if isinstance(a, Ref) else None for a in arguments]
    if operation.function in PRODUCTS:
        return [_entries(tape, a) for a in arrays if a is not None and _is_mask(tape, a, old)]
    if operation.function == "setitem" and len(arguments) == 3 and _is_nought(tape, arguments[2]):
        index = arrays[1]
        return [~_entries(tape, index)] if index is not None and _is_mask(tape, index, old) else []
    if operation.function == "numpy.where" and len(arguments) == 3 and arrays[0] is not None:
        if not _is_mask(tape, arrays[0], old):
            return []
        entries = _entries(tape, arrays[0])
        return [e for e, other in ((entries, arguments[2]), (~entries, arguments[1])) if _is_nought(tape, other)]
    return []


def _is_nought(tape: Tape, argument: object) -> bool:
    given = tape.values[argument.value].array if isinstance(argument, Ref) else argument
    return isinstance(given, int | float | np.number) and given == 0


def _entries(tape: Tape, value: int) -> NDArray[np.bool_]:
    return np.asarray(tape.values[value].array).astype(bool)


def _is_mask(tape: Tape, value: int, old: int) -> bool:
    """Whether an array of the parameter's shape holds noughts and ones, and none of them comes from the samples."""
    array: Any = tape.values[value].array
    if array is None or np.shape(array) != tape.values[old].shape or not np.all((array == 0) | (array == 1)):
        return False
    open_values, seen = [value], set[int]()
    while open_values:
        number = open_values.pop()
        if number in seen or number == old:
            continue
        seen.add(number)
        known = tape.values[number]
        operation = tape.operations[known.producer] if known.producer is not None else None
        if operation is None and not known.dtype.startswith(("int", "bool")) and known.shape != ():
            return False
        if operation is not None and (operation.function not in _MAKING or len(seen) > _MOST_VALUES):
            return False
        if operation is not None:
            open_values.extend(operation.inputs)
    return True


__all__ = ["free_entries"]
