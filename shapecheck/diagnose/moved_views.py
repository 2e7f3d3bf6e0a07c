"""Rows that were kept under a name before their step, and are moved by it: `p = P[u]` is a window into `P`, no copy.

A step of two factors at once, `P[u] += e * q` and `Q[i] += e * p`, needs both as the error `e` was computed from them
(Koren, Bell & Volinsky 2009). Nothing is said here of rows that are moved under their own name, `p += e * q`, or are
read anew, `e * P[u]`: that they have changed is there to be seen.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from shapecheck.diagnose.course import Course, shown
from shapecheck.diagnose.finding import Finding, TrailStep
from shapecheck.diagnose.trail import span_of
from shapecheck.gradients.replay import ReplayError
from shapecheck.trace.operations import MATRIX_PRODUCTS, PRODUCTS
from shapecheck.trace.tape import Operation, Ref

MOVED_VIEW = "these rows are moved before they are read"

_STEPS = frozenset(["+=", "-=", "setitem"])
# So many views that are read again after a change are looked at.
_MOST_VIEWS = 40
_MOST_VALUES = 400
_PROBES = 3
_STEP, _CLOSE = 1e-6, 1e-4


@dataclass(frozen=True, slots=True)
class _View:
    """Rows as they were taken, and as they are when they are read again.

    Attributes:
        early, late: The two values.
        taken: The operation that took the rows.
        change: The operation that moved them, in the array that they are rows of.
    """

    early: int
    late: int
    taken: Operation
    change: Operation


def moved_views(course: Course) -> list[Finding]:
    """Rows kept for the step of another array, which the step of their own has moved by then."""
    for view in _views(course):
        for error, read in _reads(course, view):
            if _is_wrong(course, view, error):
                return _finding(course, view, read)
    return []


def _views(course: Course) -> Iterator[_View]:
    """Rows that are read under a name after they were moved through the array that they are part of."""
    values = course.tape.values
    held: dict[int, int] = {}
    looked = 0
    for operation in course.tape.operations:
        result = values[operation.result]
        early = held.get(result.identity)
        held[result.identity] = operation.result
        if operation.function != "view" or early is None or looked >= _MOST_VIEWS:
            continue
        taken, change = course.producer(early), course.producer(operation.inputs[0])
        if taken is None or change is None or taken.function != "getitem" or change.function not in _STEPS:
            continue
        whole = values[operation.inputs[0]].identity
        same = values[taken.inputs[0]].identity == whole and taken.number < change.number
        moved = _added(change)
        if same and result.shape == values[early].shape and moved and not _is_equal(course, early, operation.result):
            looked += 1
            if any(early in _made_from(course, number, taken.number) for number in moved):
                yield _View(early, operation.result, taken, change)


def _added(change: Operation) -> list[int]:
    """What a change in place puts in, or adds."""
    added = change.arguments[2] if change.function == "setitem" else change.arguments[1]
    return [added.value] if isinstance(added, Ref) else []


def _is_equal(course: Course, first: int, second: int) -> bool:
    return bool(np.array_equal(course.replay.recorded[first], course.replay.recorded[second]))


def _made_from(course: Course, value: int, since: int) -> set[int]:
    """What a value was computed from, from an operation on."""
    found: set[int] = set()
    open_values = [value]
    while open_values and len(found) < _MOST_VALUES:
        number = open_values.pop()
        if number not in found:
            found.add(number)
            made = course.producer(number)
            open_values.extend(made.inputs if made is not None and made.number >= since else ())
    return found


def _reads(course: Course, view: _View) -> Iterator[tuple[int, Operation]]:
    """(a number that was made from the rows as they were, its product with the rows as they are) in another's step."""
    values = course.tape.values
    for product in course.users.get(view.late, ()):
        others = [i for i in product.inputs if i != view.late and values[i].size == 1]
        if product.function not in PRODUCTS or not others:
            continue
        if view.early in _made_from(course, others[0], view.taken.number) and _steps_another(course, product, view):
            yield others[0], product


def _steps_another(course: Course, product: Operation, view: _View) -> bool:
    """Whether a product goes into a step of another array than the one that the rows are part of."""
    values = course.tape.values
    whole = values[view.change.result].identity
    open_values, seen = [product.result], 0
    while open_values and seen < _MOST_VALUES:
        number, seen = open_values.pop(), seen + 1
        for user in course.users.get(number, ()):
            if user.function in _STEPS and number in _added(user) and values[user.result].identity != whole:
                return True
            if values[user.result].shape == values[view.late].shape and user.function not in _STEPS:
                open_values.append(user.result)
    return False


def _is_wrong(course: Course, view: _View, error: int) -> bool:
    """Whether the number's slope in its other factor follows the rows as they were, and not as they are.

    Args:
        course: Of the run.
        view: The rows.
        error: The number that multiplies the rows as they are.
    """
    recorded = course.replay.recorded
    before, now = (np.asarray(recorded[v], dtype=float) for v in (view.early, view.late))
    chance = np.random.default_rng(0)
    ways = [chance.normal(size=before.shape) for _ in range(_PROBES)]
    for factor in _factors(course, view, error):
        try:
            slopes = [_slope(course, factor, way, error) for way in ways]
        except (ReplayError, ValueError):
            continue
        if _is_multiple(slopes, [np.sum(w * before) for w in ways]):
            return not _is_multiple(slopes, [np.sum(w * now) for w in ways])
    return False


def _factors(course: Course, view: _View, error: int) -> Iterator[int]:
    """What the rows are multiplied by on the way to the number."""
    values = course.tape.values
    made = _made_from(course, error, view.taken.number)
    for user in course.users.get(view.early, ()):
        if user.result in made and user.function in PRODUCTS | MATRIX_PRODUCTS:
            yield from (i for i in user.inputs if i != view.early and values[i].shape == values[view.early].shape)


def _slope(course: Course, factor: int, way: Any, error: int) -> float:
    """How fast a number changes as one of the values that it is made from is moved in a direction."""
    start = np.asarray(course.replay.recorded[factor], dtype=float)
    ends = (course.replay.evaluate({factor: start + step * way}, [error])[error] for step in (_STEP, -_STEP))
    further, back = (float(np.ravel(end)[0]) for end in ends)
    return (further - back) / (2 * _STEP)


def _is_multiple(numbers: Sequence[float], others: Sequence[float]) -> bool:
    """Whether numbers are others times one factor that is not zero."""
    first, second = np.asarray(numbers), np.asarray(others)
    square = float(second @ second)
    if not square or not np.any(first):
        return False
    rest = first - float(first @ second) / square * second
    return bool(np.linalg.norm(rest) <= _CLOSE * np.linalg.norm(first))


def _finding(course: Course, view: _View, read: Operation) -> list[Finding]:
    taken, change, reader = (course.site(o.site) for o in (view.taken, view.change, read))
    if taken is None or change is None or reader is None:
        return []
    spoilt = (
        parameter.name
        for parameter in course.parameters
        for update in parameter.updates
        if read.result in _made_from(course, update.change, view.taken.number)
    )
    kept = course.names.get(view.early) or taken.bound_to or taken.text
    return [
        Finding(
            code="SC404",
            severity="error",
            title=MOVED_VIEW,
            message=f"`{shown(kept, 30)}` is `{shown(taken.text, 30)}` itself and no copy of it: when "
            f"`{shown(reader.text)}` reads it, `{shown(change.text)}` has moved it; what multiplies it there was "
            "computed from what it was before",
            location=span_of(reader),
            cause=span_of(taken),
            parameters=tuple(dict.fromkeys(spoilt)),
            trail=(TrailStep(span_of(change), "moved here"),),
        )
    ]


__all__ = ["MOVED_VIEW", "moved_views"]
