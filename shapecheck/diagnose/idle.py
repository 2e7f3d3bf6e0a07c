"""Results that come to nothing: nobody reads them, or only what is added up from them for nobody."""

from __future__ import annotations

from shapecheck.diagnose.course import Course
from shapecheck.trace.tape import Operation

# What adds, or changes in place: its operand is a part of something, and not the whole.
_ADDING = frozenset("+ - += -= *= /= numpy.add numpy.subtract setitem".split())
_BY_ENTRY = _ADDING | frozenset(
    "* / ** unary- numpy.multiply numpy.divide numpy.square numpy.sqrt numpy.power numpy.abs numpy.absolute "
    "numpy.clip numpy.maximum numpy.minimum numpy.sign .clip .copy numpy.copy".split()
)


def idle_results(course: Course) -> set[int]:
    """The results that come to nothing, and are whole.

    A gradient of which only the squares are added up, as for a step that is never made, comes to nothing, too.
    """
    values = course.tape.values
    idle: set[int] = set()
    whole: set[int] = set()
    for operation in reversed(course.tape.operations):
        if operation.function == "leaf":
            continue
        shape, readers = values[operation.result].shape, course.users.get(operation.result, ())
        if all(
            reader.function in _BY_ENTRY and values[reader.result].shape == shape and reader.result in idle
            for reader in readers
        ):
            idle.add(operation.result)
            if not any(reader.function in _ADDING or _rescales(course, reader, whole) for reader in readers):
                whole.add(operation.result)
    return whole


def _rescales(course: Course, operation: Operation, whole: set[int]) -> bool:
    """Whether an operation makes the whole of something, and takes a number times it."""
    if operation.result not in whole or operation.function not in {"*", "/", "unary-", "numpy.multiply"}:
        return False
    return sum(course.tape.values[number].size > 1 for number in operation.inputs) == 1


__all__ = ["idle_results"]
