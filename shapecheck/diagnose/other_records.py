"""Targets of other records than the inputs: `X[pick - 1]` beside `Y[pick]`, where each row of Y was made of one of X.

Whoever predicts what comes next pairs a record with another one's target on purpose. So it is said only where nothing
comes next: where the records were drawn at random one by one, and each target was made from its own record alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from shapecheck.diagnose.course import Course, shown
from shapecheck.diagnose.finding import Finding, TrailStep
from shapecheck.diagnose.pairs import origins_of_meetings, parted
from shapecheck.diagnose.trail import span_of
from shapecheck.gradients.functions import CannotReplayError
from shapecheck.gradients.replay import ReplayError
from shapecheck.network.dependence import CARRIERS
from shapecheck.trace.operations import DRAWS
from shapecheck.trace.sites import Site
from shapecheck.trace.tape import Operation, Ref

# So many records are changed to see what was made from them; what follows from one is so much larger than the rest.
_CHANGED = 6
_PLAINLY_LARGER = 10.0
_FEWEST_RECORDS = 4
_MOST_ENTRIES = 1_000_000


@dataclass(frozen=True, slots=True)
class _Taking:
    """Records taken from an array.

    Attributes:
        operation: That took them.
        whole: The array that they are of.
        axis: Of its records.
        records: Their numbers, in order.
    """

    operation: Operation
    whole: int
    axis: int
    records: tuple[int, ...]


def other_records(course: Course) -> list[Finding]:
    """Inputs and targets that are taken from two arrays by other numbers, wherever they meet."""
    found: list[tuple[_Taking, _Taking]] = []
    for inputs, targets in origins_of_meetings(course):
        aimed = list(_takings(course, targets - inputs))
        used = list(_takings(course, inputs - targets)) if aimed else []
        pairs = [(i, t) for i in used for t in aimed if i.whole != t.whole and _are_as_many(course, i, t)]
        if any(i.records == t.records for i, t in pairs):
            return []
        found += pairs
    if not found or parted(course):
        return []
    times = Counter((i.operation.site, t.operation.site) for i, t in found)
    given, aim = max(found, key=lambda pair: times[pair[0].operation.site, pair[1].operation.site])
    return _finding(course, given, aim) if _are_records_apart(course, given, aim) else []


def _are_as_many(course: Course, given: _Taking, aim: _Taking) -> bool:
    """Whether as many records are taken of as many."""
    first, second = (course.tape.values[t.whole].shape[t.axis] for t in (given, aim))
    return first == second and len(given.records) == len(aim.records)


def _takings(course: Course, values: set[int]) -> Iterator[_Taking]:
    """All that takes records by their numbers from an array that nothing was taken of."""
    for value in sorted(values):
        operation = course.producer(value)
        if operation is None or operation.function not in {"getitem", "view"} or not operation.inputs:
            continue
        whole = operation.inputs[0]
        before = course.producer(whole)
        shape = course.tape.values[whole].shape
        within = before is not None and before.function in {"getitem", "view"} and before.result in values
        if within or whole in course.learned or not shape:
            continue
        for axis in (0, 1)[: len(shape)]:
            numbers = _numbers(course, operation, whole, axis)
            if numbers is not None and numbers != tuple(range(shape[axis])):
                yield _Taking(operation, whole, axis, numbers)


def _numbers(course: Course, operation: Operation, whole: int, axis: int) -> tuple[int, ...] | None:
    """The numbers of the records that an operation takes along an axis; None where it takes something else."""
    values = course.tape.values
    shape, taken = values[whole].shape, values[operation.result].shape
    if shape[axis] < _FEWEST_RECORDS or values[whole].size > _MOST_ENTRIES:
        return None
    if operation.function == "view":  # a loop over the records
        size = values[operation.result].size * np.dtype(values[whole].dtype).itemsize
        offset = operation.arguments[1]
        alone = axis == 0 and taken == shape[1:] and size and isinstance(offset, int)
        return (offset // size,) if alone else None
    across = tuple(-1 if a == axis else 1 for a in range(len(shape)))
    numbers = np.broadcast_to(np.arange(shape[axis]).reshape(across), shape)
    try:
        found = np.asarray(numbers[_plain(course, operation.arguments[1])])
    except (IndexError, TypeError, ValueError):
        return None
    if not found.size or found.shape != taken:
        return None
    if found.ndim == len(shape) - 1 and np.ptp(found) == 0:
        return (int(found.flat[0]),)
    rest = shape[:axis] + shape[axis + 1 :]
    if found.ndim != len(shape) or found.shape[:axis] + found.shape[axis + 1 :] != rest:
        return None
    rows = np.moveaxis(found, axis, 0).reshape(found.shape[axis], -1)
    return tuple(int(n) for n in rows[:, 0])


def _plain(course: Course, index: Any) -> Any:
    """An index with the arrays that are in it."""
    if isinstance(index, tuple):
        return tuple(_plain(course, part) for part in index)
    return course.tape.values[index.value].array if isinstance(index, Ref) else index


# -- what was made from what ----------------------------------------------------------------------------------------


def _are_records_apart(course: Course, given: _Taking, aim: _Taking) -> bool:
    """Whether inputs are records that were drawn one by one, and each target was made from its own."""
    values = course.tape.values
    count = values[given.whole].shape[given.axis]
    if any(a == b for a, b in zip(given.records, aim.records, strict=True)):
        return False
    above = course.replay.ancestors([given.whole]) & course.replay.ancestors([aim.whole]) - {aim.whole}
    for drawn in sorted(above):
        number = values[drawn].producer
        if number is None or course.tape.operations[number].label not in DRAWS:
            continue
        if given.axis < len(values[drawn].shape) and values[drawn].shape[given.axis] == count:
            return _is_of_its_own(course, drawn, given, aim)
    return False


def _is_of_its_own(course: Course, drawn: int, given: _Taking, aim: _Taking) -> bool:
    """Whether record for record, and nowhere else, inputs and targets follow what was drawn."""
    array = np.asarray(course.replay.recorded[drawn])
    count = array.shape[given.axis]
    told = 0
    for record in np.linspace(0, count - 1, min(_CHANGED, count)).astype(int):
        changed = array.copy()
        other = (record + count // 2) % count
        _record(changed, given.axis, record)[...] = _record(array, given.axis, other)
        moved = _moved(course, {drawn: changed}, given, aim)
        if moved is None or not all(_is_alone(size, record) for size in moved):
            return False
        told += all(np.any(size) for size in moved)
    return told > 0 and _is_more_than_a_name(course, drawn, given, aim)


def _is_more_than_a_name(course: Course, drawn: int, given: _Taking, aim: _Taking) -> bool:
    """Whether targets are worked out from what was drawn: the tokens of a text are one another's targets.

    Whole numbers have to be several to a record, of which more than one counts.
    """
    array = np.asarray(course.replay.recorded[drawn])
    between = course.replay.ancestors([aim.whole]) & course.replay.dependents([drawn])
    worked = [o for o in course.tape.operations if o.result in between - {drawn} and o.function not in CARRIERS]
    if all(o.function in {"getitem", "view"} for o in worked):
        return False
    if array.dtype.kind == "f" and course.tape.values[drawn].dtype.startswith("float"):
        return True
    counted = 0
    columns = np.moveaxis(array, given.axis, 0)
    for column in range(columns.shape[1] if columns.ndim > 1 else 0):
        changed = array.copy()
        view = np.moveaxis(changed, given.axis, 0)
        view[:, column] = view[::-1, column]
        moved = _moved(course, {drawn: changed}, given, aim)
        counted += moved is not None and bool(np.any(moved[1]))
    return counted > 1


def _moved(course: Course, changes: dict[int, Any], given: _Taking, aim: _Taking) -> tuple[Any, Any] | None:
    """How far each record of the inputs, and of the targets, moves when what was drawn is changed."""
    try:
        after = course.replay.evaluate(changes, [given.whole, aim.whole])
    except (ReplayError, CannotReplayError):
        return None
    sizes = []
    for taking in (given, aim):
        before = np.asarray(course.replay.recorded[taking.whole], dtype=float)
        apart = np.moveaxis(np.asarray(after[taking.whole], dtype=float) - before, taking.axis, 0)
        sizes.append(np.abs(apart).reshape(len(apart), -1).max(axis=1))
    return sizes[0], sizes[1]


def _is_alone(sizes: Any, record: int) -> bool:
    """Whether one record moves by far more than any other, or none does at all."""
    others = np.delete(sizes, record)
    return bool(not np.any(others) or sizes[record] > _PLAINLY_LARGER * others.max())


def _record(array: Any, axis: int, number: int) -> Any:
    return np.moveaxis(array, axis, 0)[number : number + 1]


def _finding(course: Course, given: _Taking, aim: _Taking) -> list[Finding]:
    first, second = course.site(given.operation.site), course.site(aim.operation.site)
    if first is None or second is None:
        return []
    # What is longer has something in it that is too much.
    odd, other = (first, second) if len(_index(first)) > len(_index(second)) else (second, first)
    return [
        Finding(
            code="SC407",
            severity="error",
            title="inputs and targets are of different records",
            message=f"`{shown(first.text)}` and `{shown(second.text)}` take other records: each target was made from "
            "the record of its own number, and here it meets another one's",
            location=span_of(odd),
            cause=span_of(odd),
            trail=(TrailStep(span_of(other), "these belong to other records"),),
        )
    ]


def _index(site: Site) -> str:
    return site.text.partition("[")[2]


__all__ = ["other_records"]
