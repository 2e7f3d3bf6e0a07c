"""Derivatives of reading and changing items at a plain index: what loops over pixels and samples do most."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np

from shapecheck.gradients.occurrences import summed_to
from shapecheck.trace.tape import Operation, Ref

# Function -> the positions of the key and of what is put in, and the sign with which that is added.
_READS = frozenset({"getitem"})
_CHANGES = {"setitem": (1, 2, 1.0), "+=": (2, 1, 1.0), "-=": (2, 1, -1.0)}


def by_key(
    operation: Operation, lookup: Any, adjoint: Any, active: Collection[int]
) -> list[tuple[int, np.ndarray[Any, Any]]] | None:
    """What the operands' adjoints receive from `x[key]`, `x[key] = v`, `x[key] += v` or `x[key] -= v`.

    Args:
        operation: The operation.
        lookup: The array of every value, by number.
        adjoint: The adjoint of its result; of a change that is the whole array `x`.
        active: The values whose adjoints are wanted.

    Returns:
        Value number and part for each of them; None for other operations, and where an item may be meant twice.
    """
    name, arguments = operation.function, operation.arguments
    change = _CHANGES.get(name)
    if operation.keywords or len(arguments) != (2 if name in _READS else 3) or (change is None and name not in _READS):
        return None
    target, key = arguments[0], arguments[1 if change is None else change[0]]
    array = lookup[target.value] if isinstance(target, Ref) else None
    adjoint = np.asarray(adjoint)
    if type(array) is not np.ndarray or array.dtype.kind != "f" or adjoint.dtype.kind != "f" or not _is_plain(key):
        return None
    if change is None:
        whole = np.zeros(array.shape)
        if whole[key].shape != adjoint.shape:
            return None
        whole[key] = adjoint
        return [(target.value, whole)] if target.value in active else []
    if array.shape != adjoint.shape:
        return None
    found = []
    if target.value in active:
        kept = adjoint
        if name == "setitem":
            kept = adjoint.copy()
            kept[key] = 0.0
        found.append((target.value, kept))
    given = arguments[change[1]]
    if isinstance(given, Ref) and given.value in active:
        part, shape = change[2] * adjoint[key], np.shape(lookup[given.value])
        part = np.reshape(part, (1,) * (len(shape) - np.ndim(part)) + np.shape(part))
        found.append((given.value, np.asarray(summed_to(part, shape))))
    elif not isinstance(given, Ref | int | float | np.ndarray | np.generic):
        return None  # a list may hold values
    return found


def _is_plain(key: Any) -> bool:
    """Whether a key is of numbers and slices alone: then no item is meant twice."""
    if isinstance(key, tuple):
        return all(map(_is_plain, key))
    if isinstance(key, slice):
        return all(part is None or isinstance(part, int | np.integer) for part in (key.start, key.stop, key.step))
    return key is None or key is Ellipsis or (isinstance(key, int | np.integer) and not isinstance(key, bool))


__all__ = ["by_key"]
