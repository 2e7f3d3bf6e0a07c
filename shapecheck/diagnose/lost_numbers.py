"""Biases that are plain numbers, and stepped in place: `b -= rate * db` gives a new number to a name of the function.

An array that is handed to a function is moved by `w -= step`; a number cannot be, and whoever handed it keeps the old.
"""

from __future__ import annotations

import ast

import numpy as np

from shapecheck.diagnose.course import Course, shown
from shapecheck.diagnose.finding import Finding
from shapecheck.diagnose.lost import as_read
from shapecheck.diagnose.trail import span_of
from shapecheck.network.dependence import ancestors
from shapecheck.trace.operations import SUMS
from shapecheck.trace.sites import Kind, Site
from shapecheck.trace.tape import Operation, Ref

LOST_NUMBER = "this step leaves the number as it was"

# So often the same number has to be stepped, each time for nothing.
_FEWEST = 3


def lost_numbers(course: Course) -> list[Finding]:
    """Numbers of the forward pass that are stepped again and again from what they were, and nobody reads the result."""
    by_place: dict[tuple[int, int], list[Operation]] = {}
    for operation in course.tape.operations:
        origin = _origin(course, operation)
        if origin is not None and operation.site is not None:
            by_place.setdefault((operation.site, origin), []).append(operation)
    found: dict[int, Finding] = {}
    for (number, origin), operations in by_place.items():
        site = course.site(number)
        if site is not None and len(operations) >= _FEWEST and _is_learned(course, site, origin, operations):
            found.setdefault(number, _finding(site))
    return list(found.values())


def _origin(course: Course, operation: Operation) -> int | None:
    """The number that a step starts from, if its result is never read."""
    site = course.site(operation.site)
    if operation.function not in SUMS or len(operation.arguments) != 2 or site is None or site.kind != Kind.AUGMENTED:
        return None
    first, second = operation.arguments
    if not isinstance(first, Ref) or not isinstance(second, Ref):
        return None
    values, result = course.tape.values, operation.result
    numbers = values[first.value].shape == values[result].shape == () and values[first.value].dtype.startswith("float")
    if not numbers or first.value in course.all_versions or result in course.users or result in course.stored:
        return None
    return first.value


def _is_learned(course: Course, site: Site, origin: int, operations: list[Operation]) -> bool:
    """Whether the number takes part in a step that moves an array, and is stepped by what this is made from."""
    changes = [o.inputs[-1] for o in operations[:_FEWEST]]
    if not any(np.any(course.replay.recorded[c]) for c in changes):
        return False
    for parameter in course.parameters:
        for update in parameter.updates:
            beside = course.tape.operations[update.operation].site == site.number
            if not beside and _target(site) not in set(as_read(course, origin)):
                continue
            if origin not in ancestors(course.tape, [update.change], until=course.all_versions):
                continue
            made = (ancestors(course.tape, [c], until=course.all_versions) for c in changes)
            if any(origin in each and update.old in each for each in made):
                return True
    return False


def _target(site: Site) -> str:
    return ast.unparse(site.node.target) if isinstance(site.node, ast.AugAssign) else ""


def _finding(site: Site) -> Finding:
    name = _target(site)
    return Finding(
        code="SC406",
        severity="error",
        title=LOST_NUMBER,
        message=f"`{shown(site.text)}` would move an array in place, but `{name}` is a plain number: only this name "
        "gets the new one, and the next step starts from the old; begin it as an array of one entry, or hand back the "
        "result",
        location=span_of(site),
        cause=span_of(site),
        parameters=(name,),
    )


__all__ = ["LOST_NUMBER", "lost_numbers"]
