"""Rows that one step adds to several times at once: `W[ids] -= g` takes of repeated indices only the last."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from shapecheck.diagnose.course import Course, shown
from shapecheck.diagnose.finding import Finding, TrailStep
from shapecheck.diagnose.trail import span_of
from shapecheck.gradients.adjoints import adjoints
from shapecheck.gradients.losses import find_losses
from shapecheck.gradients.steps import Step
from shapecheck.network.dependence import ancestors
from shapecheck.network.parameters import find_parameters
from shapecheck.trace.tape import Operation, Ref

REPEATED_ROWS = "of rows that are there several times, only the last is taken"
_SUMS = frozenset({"+", "-", "numpy.add", "numpy.subtract"})
_LINEAR = frozenset({"+", "-", "numpy.add", "numpy.subtract", "unary-"})
# So many of them at one place are looked at.
_MOST_LOOKED_AT = 60
# So many steps of a parameter are known.
_MOST_UPDATES = 2000


@dataclass(frozen=True, slots=True)
class _Scatter:
    """Rows that are added to an array.

    Attributes:
        array: The array before.
        index: Which rows, one after another; the array that said so had a `shape`.
        value: What is added, or subtracted.
        lost: The rows that come more than once, each with how often.
    """

    operation: Operation
    array: int
    index: Any
    shape: tuple[int, ...]
    value: int
    lost: dict[int, int]


def repeated_rows(course: Course) -> list[Finding]:
    """Gradients that are added to rows by an index in which some rows come more than once."""
    seen: dict[int, int] = {}
    found: dict[int, _Scatter] = {}
    for scatter in _scatters(course):
        number = scatter.operation.site or 0
        seen[number] = seen.get(number, 0) + 1
        if number in found or seen[number] > _MOST_LOOKED_AT or not _is_learned(course, scatter):
            continue
        if course.site(scatter.operation.site) is not None and (
            _differ(course, scatter) or _falls_short(course, scatter)
        ):
            found[number] = scatter
    sites = [site for number in found if (site := course.site(number)) is not None]
    if not sites:
        return []
    first = next(iter(found.values()))
    row, times = max(first.lost.items(), key=lambda pair: pair[1])
    names = (course.names.get(f.array) or s.text.partition("[")[0] for f, s in zip(found.values(), sites, strict=True))
    return [
        Finding(
            code="SC406",
            severity="error",
            title=REPEATED_ROWS,
            message=f"`{shown(sites[0].text)}` writes each row once, whatever was there before: row {row} comes "
            f"{times} times in one step, and only the last of them counts",
            location=span_of(sites[0]),
            cause=span_of(sites[0]),
            layer=course.layer(first.array),
            parameters=tuple(dict.fromkeys(names)),
            trail=tuple(TrailStep(span_of(site), "and so does this") for site in sites[1:8]),
        )
    ]


def _scatters(course: Course) -> Iterator[_Scatter]:
    for operation in course.tape.operations:
        if len(operation.arguments) != 3 or not isinstance(operation.arguments[0], Ref):
            continue
        step = operation if operation.site is not None else _gathered_into(course, operation)
        if step is None:
            continue
        if operation.function in {"+=", "-="}:
            value, index = operation.arguments[1:]
        elif operation.function == "setitem":
            index, value = operation.arguments[1], _added_to_itself(course, operation)
        else:
            continue
        rows = course.tape.values[index.value].array if isinstance(index, Ref) else _whole_numbers(index)
        if not isinstance(rows, np.ndarray) or rows.ndim < 1 or rows.dtype.kind not in "iu":
            continue
        numbers, counts = np.unique(rows, return_counts=True)
        lost = {int(n): int(c) for n, c in zip(numbers, counts, strict=True) if c > 1}
        if lost and isinstance(value, Ref):
            yield _Scatter(step, step.arguments[0].value, rows.ravel(), rows.shape, value.value, lost)


def _whole_numbers(index: Any) -> Any:
    """A list of indices as an array; None for what is none."""
    listed = isinstance(index, list) and all(type(i) is int for i in index)
    return np.array(index, dtype=int) if listed and index else None


def _gathered_into(course: Course, operation: Operation) -> Operation | None:
    """The step of a whole array that steps of its rows were put together for."""
    users = [u for u in course.users.get(operation.result, []) if u.function in {"+=", "-="} and u.site is not None]
    return users[0] if len(users) == 1 and isinstance(users[0].arguments[0], Ref) else None


def _added_to_itself(course: Course, operation: Operation) -> Any:
    """What `x[ids] = x[ids] - g` adds or subtracts."""
    stored = operation.arguments[2]
    made = course.producer(stored.value) if isinstance(stored, Ref) else None
    if made is None or made.function not in _SUMS or not isinstance(made.arguments[0], Ref):
        return None
    taken = course.producer(made.arguments[0].value)
    if taken is None or taken.function != "getitem" or taken.arguments[:2] != operation.arguments[:2]:
        return None
    return made.arguments[1]


def _is_learned(course: Course, scatter: _Scatter) -> bool:
    """Whether what is added is made from what the network has learned, and is no mere pull towards a given value."""
    versions = course.versions | {scatter.array}
    history = ancestors(course.tape, [scatter.value], until=frozenset(versions))
    if versions.isdisjoint(history):
        return False
    value = scatter.value
    for _ in range(8):
        made = course.producer(value)
        if made is None or scatter.array in made.inputs:
            return made is None or made.function != "getitem"
        rows = [i for i in made.inputs if course.tape.values[i].size > 1]
        pulled = [i for i in rows if scatter.array in ancestors(course.tape, [i], until=frozenset(versions))]
        if len(pulled) != 1 or (made.function not in _LINEAR and len(rows) > 1):
            return True
        value = pulled[0]
    return True


def _rows(course: Course, scatter: _Scatter) -> Any:
    row = course.tape.values[scatter.array].shape[1:]
    recorded = np.asarray(course.replay.recorded[scatter.value], dtype=float)
    try:
        return np.broadcast_to(recorded, (*scatter.shape, *row)).reshape(-1, *row)
    except ValueError:
        return None


def _differ(course: Course, scatter: _Scatter) -> bool:
    """Whether the same row is to be changed by different amounts: then all but one are lost."""
    rows = _rows(course, scatter)
    if rows is None:
        return False
    for row in scatter.lost:
        group = rows[scatter.index == row]
        if np.any(group) and float(np.abs(group - group[0]).max()) > 1e-9 * float(np.abs(group).max()):
            return True
    return False


def _falls_short(course: Course, scatter: _Scatter) -> bool:
    """Whether the adjoint of a repeated row is as many times what is added to it as it is repeated."""
    rows = _rows(course, scatter)
    single = [n for n, row in enumerate(scatter.index) if int(row) not in scatter.lost]
    near = [s for s in course.steps if s.first <= scatter.operation.number <= s.last + 40] or _later(course, scatter)
    for step in near if rows is not None and single else ():
        seeds = _seeds(course, step)
        if not seeds:
            continue
        found = np.asarray(adjoints(course.replay, seeds, [scatter.array], check=(), held=step.held)[scatter.array])
        if not np.any(found):
            continue
        wanted, given = found[scatter.index[single]], rows[single]
        square = float(np.sum(wanted * wanted))
        factor = float(np.sum(wanted * given)) / square if square else 0.0
        if not factor or not np.allclose(given, factor * wanted, rtol=1e-5, atol=1e-12 * abs(factor)):
            continue
        short = (
            np.allclose(times * rows[scatter.index == row][0], factor * found[row], rtol=1e-5, atol=1e-12)
            for row, times in scatter.lost.items()
        )
        if all(short):
            return True
    return False


def _seeds(course: Course, step: Step) -> dict[int, Any]:
    """The loss that a step follows, as what the adjoints begin with; empty where there is none."""
    if step in course.steps:
        known = course.verdicts(step)
        return known.matching.adjoints.seeds if known is not None and known.all() else {}
    return next((loss.seeds for loss in find_losses(course.replay, step) if loss.credible), {})


def _later(course: Course, scatter: _Scatter) -> list[Step]:
    """The step that rows are added in, where it comes after the first ones, in which no row came twice."""
    every = find_parameters(course.tape, most_updates=_MOST_UPDATES)
    for updates in (p.updates for p in every):
        number = next((n for n, u in enumerate(updates) if u.operation >= scatter.operation.number), 0)
        if not number or scatter.operation.result not in {updates[number].new, updates[number].change}:
            continue
        now = [(p, p.updates[number]) for p in every if len(p.updates) > number]
        since = max(p.updates[number - 1].operation for p, _ in now)
        if any(u.operation <= since for _, u in now):
            return []  # the parameters take turns
        parameters = tuple((p, u.old, u.change, u.sign) for p, u in now)
        return [Step(number, parameters, since + 1, max(u.operation for _, u in now))]
    return []


__all__ = ["REPEATED_ROWS", "repeated_rows"]
