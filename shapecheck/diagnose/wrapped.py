"""Small integers that wrap round: an image of type `uint8` less 128 is 255 where it should be -1.

NumPy keeps the type of an array whose other operand is a plain number (NEP 50), and integers of 8 or 16 bits that
outgrow it begin again at the other end.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from shapecheck.diagnose.course import Course, shown
from shapecheck.diagnose.finding import Finding
from shapecheck.diagnose.trail import span_of
from shapecheck.trace.operations import ADDITIONS, DIFFERENCES, PRODUCTS
from shapecheck.trace.tape import Operation, Ref

WRAPPED = "these integers wrap round"
_SMALL = frozenset({"uint8", "int8", "uint16", "int16"})
_COMPUTED = ADDITIONS | DIFFERENCES | PRODUCTS


def wrapped(course: Course) -> list[Finding]:
    """The first sum, difference or product of small integers that wraps round on its way into the updates."""
    values = course.tape.values
    computed = (o for o in course.tape.operations if values[o.result].dtype in _SMALL and o.function in _COMPUTED)
    changes = [u.change for p in course.parameters for u in p.updates]
    needed: set[int] | None = None
    for operation in computed:
        lost = _lost(course, operation)
        if lost is None:
            continue
        needed = course.replay.ancestors(changes) if needed is None else needed
        site = course.site(operation.site)
        if operation.result in needed and site is not None:
            given, exact = lost
            dtype = values[operation.result].dtype
            return [
                Finding(
                    code="SC405",
                    severity="error",
                    title=WRAPPED,
                    message=f"`{shown(site.text)}` has the type {dtype}, which holds {_range(dtype)}: where it should "
                    f"be {exact} it is {given}; turn the numbers into floats before",
                    location=span_of(site),
                    cause=span_of(site),
                )
            ]
    return []


def _lost(course: Course, operation: Operation) -> tuple[int, int] | None:
    """An entry of a result, and what it should be, where that is another number."""
    if len(operation.arguments) != 2:
        return None
    first, second = (_whole(course, argument) for argument in operation.arguments)
    given = course.tape.values[operation.result].array
    if first is None or second is None or given is None:
        return None
    if operation.function in PRODUCTS:
        exact = first * second
    else:
        exact = first + second if operation.function in ADDITIONS else first - second
    if exact.shape != np.shape(given):
        return None
    wrong = np.argwhere(exact != given)
    if not len(wrong):
        return None
    place = tuple(wrong[0])
    return int(np.asarray(given)[place]), int(exact[place])


def _whole(course: Course, argument: object) -> Any:
    """An operand in whole numbers of 64 bits; None where it is none, or was not kept."""
    array = course.tape.values[argument.value].array if isinstance(argument, Ref) else argument
    if not isinstance(array, int | np.ndarray | np.integer) or np.asarray(array).dtype.kind not in "iub":
        return None
    return np.asarray(array).astype(np.int64)


def _range(dtype: str) -> str:
    info = np.iinfo(dtype)
    return f"{info.min} to {info.max}"


__all__ = ["WRAPPED", "wrapped"]
