"""Computes a tape's operations again from what the tape says their operands were."""

from __future__ import annotations

import operator
import warnings
from typing import Any

import numpy as np

from shapecheck.trace.memory import IN_PLACE
from shapecheck.trace.naming import library_object
from shapecheck.trace.tape import Operation, Ref, Tape
from shapecheck.trace.values import Opaque

_OPERATORS = {
    "+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv, "//": operator.floordiv,
    "%": operator.mod, "**": operator.pow, "@": operator.matmul, "&": operator.and_, "|": operator.or_,
    "^": operator.xor, "<<": operator.lshift, ">>": operator.rshift, "==": operator.eq, "!=": operator.ne,
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
    "unary-": operator.neg, "unary~": operator.invert, "getitem": operator.getitem,
}  # fmt: skip


def _view(array: Any, offset: int, shape: Any, strides: Any) -> Any:
    return np.ndarray(shape, array.dtype, buffer=np.array(array, order="C").tobytes(), offset=offset, strides=strides)


def _write_back(array: Any, part: Any, offset: int, shape: Any, strides: Any) -> Any:
    copy = np.array(array, order="C")
    np.ndarray(shape, part.dtype, buffer=copy.data, offset=offset, strides=strides)[...] = part
    return copy


def _resolved(operand: Any, tape: Tape) -> Any:
    if isinstance(operand, Ref):
        return tape.values[operand.value].array
    if type(operand) in {list, tuple}:
        return type(operand)(_resolved(element, tape) for element in operand)
    return operand


def _changed(array: Any, change: Any) -> Any:
    copy = array.copy()
    change(copy)
    return copy


def again(operation: Operation, tape: Tape) -> Any:
    """The operation's result, computed anew; None for what cannot be."""
    name = operation.function
    operands = [_resolved(a, tape) for a in operation.arguments]
    keywords = {key: _resolved(value, tape) for key, value in operation.keywords.items()}
    if name in {"leaf", "opaque"} or any(isinstance(o, Opaque) for o in operands):
        return None
    if name in _OPERATORS:
        return _OPERATORS[name](*operands)
    if name == "view":
        return _view(*operands)
    if name == "write_back":
        return _write_back(*operands)
    if name == "setitem":
        return _changed(operands[0], lambda copy: copy.__setitem__(operands[1], operands[2]))
    if name[:-1] in IN_PLACE and name.endswith("="):
        copy = np.array(operands[0])
        if len(operands) == 3:
            copy[operands[2]] = IN_PLACE[name[:-1]](copy[operands[2]], operands[1])
        else:
            copy = IN_PLACE[name[:-1]](copy, operands[1])
        return copy
    if name.endswith(".at"):
        return _changed(operands[0], lambda copy: getattr(np, name.split(".")[1]).at(copy, *operands[1:]))
    copies = [o.copy(order="K") if isinstance(o, np.ndarray) else o for o in operands]
    if name.startswith("."):
        method = getattr(copies[0], name[1:])
        return method(*copies[1:], **keywords) if callable(method) else method
    if name.split(".")[0] in {"numpy", "math", "builtins", "scipy"}:
        return library_object(name)(*copies, **{k: np.array(v) if k == "out" else v for k, v in keywords.items()})
    return None


def disagreements(tape: Tape) -> list[str]:
    """What the operations of a tape give on their recorded operands and did not give in the run."""
    found = []
    for operation in tape.operations:
        value = tape.values[operation.result]
        if any(tape.values[number].array is None for number in (*operation.inputs, operation.result)):
            continue
        site = tape.sites[operation.site].text if operation.site is not None else ""
        where = f"{operation.number} {operation.function} {site}"
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                result = again(operation, tape)
            except Exception as error:
                found.append(f"{where}: {error!r}")
                continue
        if result is not None and not same(result, value.array):
            found.append(f"{where}: {result!r} is not {value.array!r}")
    return found


def same(one: Any, other: Any) -> bool:
    """Whether two results have the same shape and entries."""
    one, other = np.asarray(one), np.asarray(other)
    if one.shape != other.shape:
        return False
    if one.dtype.kind in "fc" and other.dtype.kind in "fc":
        return bool(np.allclose(one, other, rtol=1e-12, atol=0.0, equal_nan=True))  # sums depend on the layout
    return bool(np.array_equal(one, other))
