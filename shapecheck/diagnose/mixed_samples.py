"""Samples that a reshape mixes: columns of `X.reshape(-1, m)` are no samples, as those of `X.reshape(m, -1).T` are.

A reshape goes on through the numbers as they lie in memory: an axis of samples stays one where as many numbers stand
before it as did, and nowhere else. Data that are drawn at random are not worse for it; it is said of what belongs to
targets.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator

from shapecheck.diagnose.course import Course, shown
from shapecheck.diagnose.finding import Finding
from shapecheck.diagnose.pairs import origins_of_meetings
from shapecheck.diagnose.trail import span_of
from shapecheck.trace.operations import DRAWS
from shapecheck.trace.tape import Operation, Shape

MIXED = "this reshape mixes the samples"
_RESHAPES = frozenset({".reshape", "numpy.reshape"})


def mixed_samples(course: Course) -> list[Finding]:
    """Reshapes of inputs that put their samples, as many as there are targets, into another axis."""
    found = [o for o in course.tape.operations if o.function in _RESHAPES and o.result not in course.learned]
    moved = {o.result: lengths for o in found if (lengths := set(_moved_axes(course, o)))}
    for inputs, targets in origins_of_meetings(course) if moved else ():
        if not moved.keys().isdisjoint(targets):
            continue  # both in one way, or the targets are made from what is mixed
        samples = set(_lengths(course, targets - inputs))
        for operation in found:
            again = any(o.function in _RESHAPES for o in course.users.get(operation.result, ()))
            lengths = moved.get(operation.result, set()) & samples
            if operation.result not in inputs or not lengths or again or not _belongs(course, operation, targets):
                continue
            finding = _finding(course, operation, lengths.pop())
            if finding is not None:
                course.unproven.add((finding.title, finding.parameters))
                return [finding]
    return []


def _moved_axes(course: Course, operation: Operation) -> Iterator[int]:
    """The lengths of axes that a reshape has before and after it, at another place among the numbers."""
    old, new = (course.tape.values[v].shape for v in (operation.inputs[0], operation.result))
    for length in set(old) & set(new) - {1}:
        if old.count(length) == 1 == new.count(length) and _before(old, length) != _before(new, length):
            yield length


def _before(shape: Shape, length: int) -> int:
    return math.prod(shape[: shape.index(length)])


def _lengths(course: Course, targets: Collection[int]) -> Iterator[int]:
    """How many samples arrays of targets may be of."""
    axes = {"batch-first": (0,), "features-first": (-1,)}.get(course.layers.layout or "", (0, -1))
    for value in targets:
        shape = course.tape.values[value].shape
        yield from (shape[axis] for axis in axes if shape and shape[axis] > 1 and shape.count(shape[axis]) == 1)


def _belongs(course: Course, operation: Operation, targets: Collection[int]) -> bool:
    """Whether there were samples before the reshape: made with the targets, or not drawn at random."""
    made_from = course.replay.ancestors([operation.inputs[0]])
    if not made_from.isdisjoint(course.replay.ancestors(list(targets))):
        return True
    leaves = [v for v in made_from if course.producer(v) is None and course.tape.values[v].size > 1]
    made = (course.tape.values[v].producer for v in leaves)
    return any(number is None or course.tape.operations[number].label not in DRAWS for number in made)


def _finding(course: Course, operation: Operation, length: int) -> Finding | None:
    site = course.site(operation.site)
    if site is None:
        return None
    old, new = (course.tape.values[v].shape for v in (operation.inputs[0], operation.result))
    return Finding(
        code="SC407",
        severity="error",
        title=MIXED,
        message=f"`{shown(site.text)}` makes {_text(new)} of {_text(old)}: a reshape goes on through the numbers as "
        f"they lie in memory, so each of {length} samples is put together from numbers of others; transpose it instead",
        location=span_of(site),
        cause=span_of(site),
    )


def _text(shape: Shape) -> str:
    return f"({', '.join(map(str, shape))})"


__all__ = ["MIXED", "mixed_samples"]
