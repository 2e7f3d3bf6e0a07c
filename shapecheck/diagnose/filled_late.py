"""Arrays of zeros that are used first and filled afterwards: no step moves anything, or the first one is far too long.

An optimizer's memory of squared gradients begins as zeros; what is divided by its root before it has taken in the first
gradient is divided by next to nothing (Kingma & Ba 2015, algorithm 1, has the memory updated first).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from shapecheck.diagnose.course import Course, quoted, shown
from shapecheck.diagnose.finding import Finding, TrailStep
from shapecheck.diagnose.trail import span_of
from shapecheck.trace.operations import ADDITIONS, QUOTIENTS
from shapecheck.trace.tape import Operation, Ref

FILLED_LATE = "this is filled after it has been used"
_FILLING = frozenset(["setitem", "+=", "-=", "numpy.add.at"])
_FEWEST = 2


def filled_late(course: Course) -> list[Finding]:
    """Zeros that every step is made of, though they are given their numbers in every turn, when nobody reads them."""
    return _read_as_zeros(course) or _divided_by_zeros(course)


def _read_as_zeros(course: Course) -> list[Finding]:
    updates = [u for p in course.parameters for u in p.updates]
    if len(updates) < _FEWEST or any(np.any(course.replay.recorded[u.change]) for u in updates):
        return []
    needed = course.replay.ancestors([u.change for u in updates])
    found: dict[int, list[tuple[Operation, Operation]]] = {}
    for filling, used in _fillings(course, needed):
        found.setdefault(filling.site or 0, []).append((filling, used))
    turns = [pairs for pairs in found.values() if len(pairs) >= _FEWEST]
    return _finding(course, *turns[0][0]) if turns else []


def _fillings(course: Course, needed: set[int]) -> Iterator[tuple[Operation, Operation]]:
    """(a change of zeros that nobody reads, the operation that has read them before)."""
    for operation in course.tape.operations:
        if operation.function not in _FILLING or not operation.inputs or operation.result in course.users:
            continue
        zeros = operation.inputs[0]
        recorded = course.replay.recorded
        if np.any(recorded[zeros]) or not np.any(recorded[operation.result]) or zeros not in needed:
            continue
        readers = [o for o in course.users[zeros] if o.number < operation.number and o.result in needed]
        if readers:
            yield operation, readers[0]


# -- memories -------------------------------------------------------------------------------------------------------


def _divided_by_zeros(course: Course) -> list[Finding]:
    """The statement that takes a gradient into a memory whose root the step has been divided by before."""
    for parameter in course.parameters:
        if len(parameter.updates) < _FEWEST:
            continue
        first, second = parameter.updates[:2]
        if not np.any(course.replay.recorded[first.change]):
            continue  # what is divided is zero: nothing is too long, nor does it fill a memory
        shape = course.tape.values[first.old].shape
        needed = course.replay.ancestors([first.change]) if shape else set()
        later = course.replay.ancestors([second.change]) if shape else set()
        for division in _divisions(course, needed, shape, first.operation):
            zeros = _memory(course, division, shape)
            readers = [o for o in course.users.get(zeros, ()) if o.result in needed] if zeros is not None else []
            taken = _taken_in(course, zeros, readers[0], later - needed) if zeros is not None and readers else None
            # Counts may well come later; what is squared and kept is the gradient itself.
            if taken is not None and not course.replay.ancestors(taken.inputs).isdisjoint(course.applied(first.change)):
                return _finding(course, taken, readers[0])
    return []


def _divisions(course: Course, needed: set[int], shape: tuple[int, ...], last: int) -> Iterator[Operation]:
    """The divisions on the way to a change by an array that holds one number only."""
    for operation in course.tape.operations[:last]:
        if operation.result not in needed or operation.function not in QUOTIENTS or len(operation.arguments) != 2:
            continue
        divisor = operation.arguments[1]
        array = course.tape.values[divisor.value].array if isinstance(divisor, Ref) else None
        if array is not None and np.shape(array) == shape and np.size(array) > 1 and np.ptp(array) == 0:
            yield operation


def _memory(course: Course, division: Operation, shape: tuple[int, ...]) -> int | None:
    """The zeros, as they were made, that a divisor was made from."""
    assert isinstance(division.arguments[1], Ref)
    for value in course.replay.ancestors([division.arguments[1].value]):
        array, made = course.tape.values[value].array, course.producer(value)
        new = made is None or made.function.startswith("numpy.zeros")
        if new and array is not None and np.shape(array) == shape and not np.any(array):
            return value
    return None


def _taken_in(course: Course, zeros: int, reader: Operation, later: set[int]) -> Operation | None:
    """The addition, after zeros were read, that makes of them what later steps are divided by."""
    kept = {zeros}
    for operation in course.tape.operations[reader.number :]:
        if kept.isdisjoint(operation.inputs) or operation.result not in later:
            continue
        if np.any(course.replay.recorded[operation.result]):
            return operation if operation.function in ADDITIONS else None
        kept.add(operation.result)
    return None


# -- the finding ----------------------------------------------------------------------------------------------------


def _finding(course: Course, filling: Operation, used: Operation) -> list[Finding]:
    site, reader = course.site(filling.site), course.site(used.site)
    if site is None:
        return []
    names = [p.name for p in course.parameters]
    return [
        Finding(
            code="SC401",
            severity="error",
            title=FILLED_LATE,
            message=f"`{shown(site.text)}` comes too late: what the steps of {quoted(names)} are made from was read "
            "before, when it was all zeros",
            location=span_of(reader or site),
            cause=span_of(site),
            parameters=tuple(dict.fromkeys(names)),
            trail=(TrailStep(span_of(reader), "read here, as zeros"),) if reader is not None else (),
        )
    ]


__all__ = ["FILLED_LATE", "filled_late"]
