"""Derivatives of operations that only move entries about, found by moving the entries' positions instead."""

from __future__ import annotations

from typing import Any

import numpy as np

from shapecheck.gradients.functions import AS_STRIDED, COUNTING_BYTES, resolve
from shapecheck.gradients.occurrences import Occurrences
from shapecheck.trace.tape import Ref

# Function -> the positions of the arguments whose entries it moves; constants among these become zeros.
_NUMPY = {
    "0": (
        "reshape ravel transpose matrix_transpose permute_dims swapaxes moveaxis rollaxis expand_dims squeeze repeat "
        "tile roll flip fliplr flipud rot90 diag diagonal diagflat tril triu take take_along_axis delete resize "
        "broadcast_to atleast_1d atleast_2d atleast_3d copy array asarray asanyarray ascontiguousarray asfortranarray "
        "asarray_chkfinite asmatrix matrix concatenate concat vstack hstack dstack stack column_stack row_stack block "
        "lib.stride_tricks.sliding_window_view pad real"
    ),
    "1": "compress extract",
    "12": "where",
    "01": "append",
    "02": "insert",
}
_METHODS = (
    "T mT A A1 real reshape ravel flatten transpose swapaxes squeeze copy take repeat diagonal item resize view astype "
    "tolist __array__"
)
_POSITIONS: dict[str, tuple[int, ...]] = {
    f"numpy.{name}": tuple(map(int, positions)) for positions, names in _NUMPY.items() for name in names.split()
}
_POSITIONS.update({f".{name}": (0,) for name in _METHODS.split()})
_POSITIONS.update({AS_STRIDED: (0,), "getitem": (0,), "view": (0,), "write_back": (0, 1), "setitem": (0, 2)})
_POSITIONS.update({f"numpy.{name}": (0,) for name in ("float64", "float32", "float16", "double", "single")})
_POSITIONS.update({"builtins.float": (0,), "builtins.complex": (0,)})
_PADDING_THAT_MOVES = frozenset({"constant", "edge", "reflect", "symmetric", "wrap"})


def moves_entries(name: str) -> bool:
    """Whether an operation's result consists of its operands' entries and constants."""
    return name in _POSITIONS


def moved(occurrences: Occurrences, dtype: Any, adjoint: Any) -> list[Any] | None:
    """The adjoints of the operands of a rearrangement.

    Args:
        occurrences: The operation's operands.
        dtype: Of the memory that byte offsets were counted in, where there are any.
        adjoint: The adjoint of the result.

    Returns:
        For each occurrence its adjoint; None where the operation is not a pure rearrangement after all.
    """
    operation = occurrences.operation
    if np.asarray(adjoint).dtype.kind == "c":
        return None
    positions = _POSITIONS[operation.function]
    starts = np.cumsum([1, *(a.size for a in occurrences.arrays)])
    labels = [
        np.arange(start, start + a.size).reshape(a.shape) for start, a in zip(starts, occurrences.arrays, strict=False)
    ]
    arguments, keywords = occurrences.arguments(labels)
    present = set(occurrences.values)
    originals = operation.arguments
    for position in positions:
        if position < len(arguments):
            arguments[position] = _only_labels(arguments[position], originals[position], present)
    keywords = _without_arithmetic(operation.function, arguments, keywords)
    if operation.function in COUNTING_BYTES:
        keywords["dtype"] = dtype
    name = operation.function
    if name in {".astype", ".item", ".tolist"} or name.startswith(("builtins.", "numpy.float", "numpy.double")):
        result = np.asarray(arguments[0]).reshape(np.shape(adjoint))
    else:
        result = np.asarray(resolve(name)(*arguments, **keywords))
    if result.shape != np.shape(adjoint) or result.dtype.kind not in "iu":
        return None
    gathered = np.bincount(result.ravel(), weights=np.asarray(adjoint, dtype=float).ravel(), minlength=int(starts[-1]))
    return [
        gathered[start : start + a.size].reshape(a.shape) for start, a in zip(starts, occurrences.arrays, strict=False)
    ]


def _only_labels(argument: Any, original: Any, labels: set[int]) -> Any:
    """The argument with everything that is not an occurrence made zero: a constant has no position."""
    if isinstance(original, list | tuple):
        return type(argument)([_only_labels(a, o, labels) for a, o in zip(argument, original, strict=True)])
    if isinstance(original, Ref) and original.value in labels:
        return argument
    if isinstance(original, Ref) or isinstance(argument, np.ndarray | np.generic | float | int | complex):
        return np.zeros(np.shape(argument), dtype=np.int64)
    return argument


def _without_arithmetic(name: str, arguments: list[Any], keywords: dict[str, Any]) -> dict[str, Any]:
    """Drop what would turn positions into other numbers: types and padding constants."""
    keywords = {k: v for k, v in keywords.items() if k not in {"dtype", "order", "copy", "like"}}
    if name in {"numpy.array", "numpy.asarray", "numpy.asanyarray", "numpy.ascontiguousarray"}:
        del arguments[1:]
    if name == "numpy.pad":
        mode = keywords.get("mode", arguments[2] if len(arguments) > 2 else "constant")
        if mode not in _PADDING_THAT_MOVES:
            raise ValueError(mode)
        keywords.pop("constant_values", None)
    return keywords
