"""Noise, or a mask, that is put into the samples themselves: `noisy = x; noisy += noise` changes what `x` shows, too.

A slice of the samples is a window into them, and a second name is no copy. So each epoch adds to what the epochs before
have left there, and what was to be the clean target is as noisy as the input (dropout: what is zero once stays zero).
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from shapecheck.diagnose.course import Course, shown
from shapecheck.diagnose.finding import Finding
from shapecheck.diagnose.trail import span_of
from shapecheck.network.dependence import ancestors
from shapecheck.trace.operations import DRAWS
from shapecheck.trace.sites import Site
from shapecheck.trace.tape import Operation, Ref

CHANGED_DATA = "this changes the samples themselves"

_CHANGES = frozenset({"+=", "-=", "*=", "/="})
# Of fewer numbers an array may be the state of something that the program simulates.
_LEAST_SAMPLES = 4


@dataclass(frozen=True, slots=True)
class _Change:
    """A change in place of an array, or of a slice of one.

    Attributes:
        operation: The change.
        birth: The value that the array was at first.
        place: Which of them it changes: (an array's identity, where in it).
        is_part: Whether it changes a slice of them.
    """

    operation: Operation
    birth: int
    place: tuple[int, int]
    is_part: bool


def changed_data(course: Course) -> list[Finding]:
    """Samples that are changed in place, at random, again and again, by a statement that has another name for them."""
    if not course.steps:
        return []
    seen: dict[tuple[int | None, tuple[int, int]], _Change] = {}
    for change in _changes(course):
        before = seen.get((change.operation.site, change.place))
        seen[change.operation.site, change.place] = change
        site = course.site(change.operation.site)
        if before is None or site is None or not _is_another_name(course, change, site):
            continue
        if _is_on_top(course, before.operation, change.operation) and _is_learned_from(course, before):
            return [_finding(course, site, change)]
    return []


def _changes(course: Course) -> Iterator[_Change]:
    """What puts something into arrays of which no entry is learned."""
    tape = course.tape
    values = tape.values
    births: dict[int, int] = {}
    for value in values:
        births.setdefault(value.identity, value.number)
    operations = tape.operations
    for operation in operations:
        first, second = (*operation.arguments, None, None)[:2]
        if operation.function not in _CHANGES or not isinstance(first, Ref) or not isinstance(second, Ref):
            continue
        if operation.result in course.learned or values[operation.result].size < _LEAST_SAMPLES:
            continue
        after = operations[operation.number + 1] if operation.number + 1 < len(operations) else None
        is_part = after is not None and after.function == "write_back" and after.arguments[1] == Ref(operation.result)
        whole = after.inputs[0] if after is not None and is_part else first.value
        where = after.arguments[2] if after is not None and is_part else 0
        birth = births[values[whole].identity]
        if isinstance(where, int) and len(values[birth].shape) > 1:
            yield _Change(operation, birth, (values[whole].identity, where), is_part)


def _is_on_top(course: Course, first: Operation, second: Operation) -> bool:
    """Whether a change, in a later step, goes on from what the one before has left, with numbers drawn since."""
    tape, recorded = course.tape, course.replay.recorded
    if not any(first.number < u.operation < second.number for p in course.parameters for u in p.updates):
        return False
    if not np.array_equal(recorded[first.result], recorded[second.inputs[0]]):
        return False
    made = (tape.values[v].producer for v in ancestors(tape, second.inputs[1:]))
    leaves = (tape.operations[n] for n in made if n is not None and n > first.number)
    return any(leaf.function == "leaf" and leaf.label.rpartition(".")[2] in DRAWS for leaf in leaves)


def _is_another_name(course: Course, change: _Change, site: Site) -> bool:
    """Whether a statement may not have been meant for the samples: it names a slice of them, or has another name."""
    if not isinstance(site.node, ast.AugAssign):
        return False
    own = ast.unparse(site.node.target)
    return (change.is_part and isinstance(site.node.target, ast.Name)) or own != course.names.get(change.birth, own)


def _is_learned_from(course: Course, change: _Change) -> bool:
    """Whether what is changed goes into a step."""
    changes = [c for step in course.steps for _, _, c, _ in step.parameters]
    return change.operation.result in course.replay.ancestors(changes)


def _finding(course: Course, site: Site, change: _Change) -> Finding:
    assert isinstance(site.node, ast.AugAssign)
    own, data = ast.unparse(site.node.target), course.names.get(change.birth)
    what = f"a part of `{data}`" if change.is_part and data else f"`{data}`" if data else "the samples"
    return Finding(
        code="SC404",
        severity="error",
        title=CHANGED_DATA,
        message=f"`{shown(own, 30)}` is {what} itself and no copy: `{shown(site.text)}` leaves random numbers in it, "
        "and the next epoch puts its own on top of them; the samples are lost bit by bit",
        location=span_of(site),
        cause=span_of(site),
    )


__all__ = ["CHANGED_DATA", "changed_data"]
