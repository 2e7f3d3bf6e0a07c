"""What each function name of a tape does when it is replayed: on values, without ever changing an operand."""

from __future__ import annotations

import builtins
import importlib
import math
import operator
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np

from shapecheck.trace.vectorized import PREFIX

Function = Callable[..., Any]

BINARY: dict[str, Function] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "//": operator.floordiv,
    "%": operator.mod,
    "**": operator.pow,
    "@": operator.matmul,
    "&": operator.and_,
    "|": operator.or_,
    "^": operator.xor,
    "<<": operator.lshift,
    ">>": operator.rshift,
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
UNARY: dict[str, Function] = {"unary-": operator.neg, "unary+": operator.pos, "unary~": operator.invert}
# Attributes that make an array out of an array; every other `.name` is a method.
ATTRIBUTES = frozenset({"T", "mT", "H", "I", "A", "A1", "real", "imag"})
# Libraries whose functions depend on their arguments only.
PURE_LIBRARIES = frozenset({"numpy", "scipy", "math", "cmath", "builtins", "operator"})
# Functions and methods of these libraries that do not; a tape has most of them as leaves.
_IMPURE_NAMES = "random rand randn seed load loadtxt genfromtxt save savetxt fromfile memmap empty empty_like"
_IMPURE = frozenset(_IMPURE_NAMES.split())


class CannotReplayError(LookupError):
    """A function name that no replay can evaluate."""


@lru_cache(maxsize=1024)
def resolve(name: str) -> Function:
    """The function behind `Operation.function`, free of side effects.

    Args:
        name: `+`, `unary-`, `.dot`, `numpy.linalg.norm`, `builtins.sum`, `getitem`, `setitem`, `+=`, `numpy.add.at`...

    Returns:
        A callable that takes the operation's arguments and keywords with every `Ref` replaced by its array. What
        changes an array in place returns the changed copy instead.

    Raises:
        CannotReplayError: `leaf`, `opaque`, random numbers, files, or a function of an unknown library.
    """
    if name in BINARY:
        return BINARY[name]
    if name in UNARY:
        return UNARY[name]
    if name in _STRUCTURAL:
        return _STRUCTURAL[name]
    if name.endswith("=") and name[:-1] in BINARY:
        return _in_place(BINARY[name[:-1]])
    if name.startswith("."):
        return _attribute(name[1:]) if name[1:] in ATTRIBUTES else _method(name[1:])
    if name.startswith(PREFIX):
        return _vectorized(name.removeprefix(PREFIX))
    return _library_function(name)


def _library_function(name: str) -> Function:
    parts = name.split(".")
    if len(parts) < 2 or parts[0] not in PURE_LIBRARIES or _IMPURE.intersection(parts):
        raise CannotReplayError(name)
    if len(parts) == 3 and parts[2] == "at":
        return _scatter(getattr(np, parts[1], None), name)
    try:
        thing: Any = builtins if parts[0] == "builtins" else importlib.import_module(parts[0])
        for depth, part in enumerate(parts[1:], start=2):
            if not hasattr(thing, part):
                importlib.import_module(".".join(parts[:depth]))
            thing = getattr(thing, part)
    except (ImportError, AttributeError) as error:
        raise CannotReplayError(name) from error
    if not callable(thing):
        raise CannotReplayError(name)
    return _without_output(thing)


def _vectorized(source: str) -> Function:
    """The last function of a source, applied to each entry."""
    known: dict[str, Any] = {"math": math, "np": np}
    exec(compile(source, "<vectorized>", "exec", dont_inherit=True), known)
    return np.vectorize(list(known.values())[-1])


def input_count(function: Any) -> int | None:
    """After how many positional arguments a function's outputs begin; None where it has none among them."""
    if isinstance(function, np.ufunc):
        return int(function.nin)
    return 2 if function in {np.dot, np.matmul} else None


def inputs_of(name: str) -> int | None:
    """As `input_count`, by the tape's name for the function."""
    library, _, rest = name.partition(".")
    return input_count(getattr(np, rest, None)) if library == "numpy" and rest else None


def _without_output(function: Function) -> Function:
    """`function` with its `out=` (or its positional output) left alone: the result is what counts."""
    if isinstance(function, type):
        return function
    inputs = input_count(function)

    def pure(*arguments: Any, **keywords: Any) -> Any:
        out = keywords.pop("out", None)
        if inputs is not None and len(arguments) > inputs:
            out = arguments[inputs]
            arguments = arguments[:inputs]
        if keywords.get("copy") is False:
            del keywords["copy"]
        if isinstance(out, tuple | list):
            out = out[0]
        if out is None:
            return function(*arguments, **keywords)
        where = keywords.pop("where", True)
        result = function(*arguments, **keywords)
        if where is not True:
            result = np.where(where, result, out)
        return fitted(np.asarray(result), np.asarray(out))

    return pure


def _attribute(name: str) -> Function:
    get = operator.attrgetter(name)

    def attribute(receiver: Any) -> Any:
        return get(receiver if hasattr(receiver, name) else np.asarray(receiver))

    return attribute


def _method(name: str) -> Function:
    if _IMPURE.intersection({name}):
        raise CannotReplayError("." + name)

    def method(receiver: Any, *arguments: Any, **keywords: Any) -> Any:
        if not hasattr(receiver, name):  # a replay gave a Python float where the program had a NumPy scalar
            receiver = np.float64(receiver)
        return _without_output(getattr(receiver, name))(*arguments, **keywords)

    return _astype if name == "astype" else method


def _astype(receiver: Any, dtype: Any = None, *arguments: Any, **keywords: Any) -> Any:
    """A conversion; one to single precision keeps double, or every difference quotient would be rounding noise."""
    receiver = np.asanyarray(receiver)
    narrows = dtype is not None and np.dtype(dtype) == np.float32 and receiver.dtype == np.float64
    return receiver.copy() if narrows else receiver.astype(dtype, *arguments, **keywords)


def fitted(new: Any, old: Any) -> Any:
    """`new` as it would stand in the memory of `old`: its shape and dtype, but never with less floating precision."""
    if new.shape != old.shape:
        new = np.broadcast_to(new, old.shape)
    if new.dtype == old.dtype or (new.dtype.kind == old.dtype.kind == "f" and new.itemsize > old.itemsize):
        return new
    return new.astype(old.dtype)


def _writable_copy(array: Any, *values: Any) -> Any:
    """A copy that can take `values` without loss of floating precision."""
    array = np.asanyarray(array)
    if array.dtype.kind == "f":
        kinds = [np.asarray(v).dtype for v in values]
        wider = [k for k in kinds if k.kind in "fc" and k.itemsize > array.itemsize]
        if wider:
            return array.astype(np.result_type(array.dtype, *wider))
    return array.copy()


def _set_item(array: Any, index: Any, value: Any) -> Any:
    copy = _writable_copy(array, value)
    copy[index] = value
    return copy


def set_item_here(array: Any, index: Any, value: Any) -> Any:
    """What setting an item gives, of an array that nobody else reads: it is written into if it can hold the value."""
    if not isinstance(array, np.ndarray) or array.dtype != np.result_type(array.dtype, np.asarray(value).dtype):
        return _set_item(array, index, value)
    array[index] = value
    return array


def _get_item(array: Any, index: Any) -> Any:
    return array[index]


def _in_place(function: Function) -> Function:
    def changed(target: Any, value: Any, *key: Any) -> Any:
        if not isinstance(target, np.ndarray):
            return function(target, value)
        if key:
            copy = _writable_copy(target, value)
            copy[key[0]] = function(copy[key[0]], value)
            return copy
        result = function(target, value)
        if result.shape != target.shape:
            raise ValueError(f"non-broadcastable output operand with shape {target.shape}: {result.shape} is needed")
        return fitted(result, target)

    return changed


def change_item_here(name: str) -> Function:
    """As `a[i] += b` gives an array, but of one that nobody else reads: see `set_item_here`."""
    function = BINARY[name[:-1]]

    def changed(target: Any, value: Any, key: Any) -> Any:
        if not isinstance(target, np.ndarray):
            return function(target, value)
        return set_item_here(target, key, function(target[key], value))

    return changed


def _scatter(ufunc: Any, name: str) -> Function:
    if not isinstance(ufunc, np.ufunc):
        raise CannotReplayError(name)

    def scattered(target: Any, index: Any, *value: Any) -> Any:
        copy = _writable_copy(target, *value)
        ufunc.at(copy, index, *value)
        return copy

    return scattered


def _window(memory: Any, offset: int, shape: tuple[int, ...], strides: tuple[int, ...], dtype: Any) -> Any:
    """A view into C-ordered `memory`, at byte positions that were counted in entries of `dtype`."""
    factor, rest = divmod(memory.itemsize, np.dtype(dtype).itemsize) if dtype is not None else (1, 0)
    if rest or not factor:
        raise CannotReplayError("view of another item size")
    return np.ndarray(
        shape, memory.dtype, buffer=memory, offset=offset * factor, strides=tuple(s * factor for s in strides)
    )


def _view(base: Any, offset: int, shape: tuple[int, ...], strides: tuple[int, ...], dtype: Any = None) -> Any:
    return _window(np.ascontiguousarray(base), offset, shape, strides, dtype).copy()


def _write_back(
    root: Any, part: Any, offset: int, shape: tuple[int, ...], strides: tuple[int, ...], dtype: Any = None
) -> Any:
    copy = np.array(_writable_copy(root, part), order="C")
    _window(copy, offset, shape, strides, dtype)[...] = part
    return copy


def _strided(
    array: Any,
    shape: Any = None,
    strides: Any = None,
    subok: bool = False,  # noqa: ARG001 - as NumPy has it
    writeable: bool = True,  # noqa: ARG001
    dtype: Any = None,
) -> Any:
    """`as_strided` of an array that lies in memory in C order, within its bounds."""
    memory = np.ascontiguousarray(array)
    shape = memory.shape if shape is None else tuple(np.atleast_1d(shape).tolist())
    strides = memory.strides if strides is None else tuple(np.atleast_1d(strides).tolist())
    return _window(memory, 0, shape, strides, dtype).copy()


AS_STRIDED = "numpy.lib.stride_tricks.as_strided"
# What is told its places in memory in bytes, of the entries as they were then.
COUNTING_BYTES = frozenset({"view", "write_back", AS_STRIDED})
_STRUCTURAL: dict[str, Function] = {
    AS_STRIDED: _strided,
    "getitem": _get_item,
    "setitem": _set_item,
    "view": _view,
    "write_back": _write_back,
}

__all__ = [
    "AS_STRIDED",
    "COUNTING_BYTES",
    "CannotReplayError",
    "change_item_here",
    "fitted",
    "inputs_of",
    "resolve",
    "set_item_here",
]
