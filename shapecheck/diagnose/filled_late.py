"""Arrays of zeros that are used first and filled afterwards: no step moves anything."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from shapecheck.diagnose.course import Course, quoted, shown
from shapecheck.diagnose.finding import Finding, TrailStep
from shapecheck.diagnose.trail import span_of
from shapecheck.trace.tape import Operation

FILLED_LATE = "this is filled after it has been used"
_FILLING = frozenset(["setitem", "+=", "-=", "numpy.add.at"])
_FEWEST = 2


def filled_late(course: Course) -> list[Finding]:
    """Zeros that every step is made of, though they are given their numbers in every turn, when nobody reads them."""
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
            "before, when it was all zeros, and nobody reads it again",
            location=span_of(reader or site),
            cause=span_of(site),
            parameters=tuple(dict.fromkeys(names)),
            trail=(TrailStep(span_of(reader), "read here, as zeros"),) if reader is not None else (),
        )
    ]


__all__ = ["FILLED_LATE", "filled_late"]
