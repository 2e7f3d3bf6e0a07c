"""Sums that were gathered from the end backwards, and weigh the steps of an episode from its beginning on.

What is still to come at each step, `G = r + gamma * G`, is summed from the last reward to the first. Appended one after
the other the sums stand in that order, too: the first of them belongs to the last step. Nothing crashes where they are
then taken up beside the steps as these were made, and each action is praised for what another one brought.

Source: Williams, Simple statistical gradient-following algorithms for connectionist reinforcement learning (1992).
"""

from __future__ import annotations

import ast
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from shapecheck.diagnose.course import Course, shown
from shapecheck.diagnose.finding import Finding, Span, TrailStep
from shapecheck.diagnose.trail import span_of
from shapecheck.trace.operations import PRODUCTS, SUMS
from shapecheck.trace.sites import Site, SourceText
from shapecheck.trace.tape import Operation

MIRRORED = "these sums are used in the order in which they were gathered, from the end"

# Fewer are the same from both ends by chance.
_FEWEST = 3
_SAME = 1e-9


@dataclass(frozen=True, slots=True)
class _Gathering:
    """A loop from the end to the beginning that appends a sum which goes on from turn to turn."""

    source: SourceText
    loop: ast.For
    append: ast.Call


def mirrored_sums(course: Course) -> list[Finding]:
    """Such sums, where the gradients that they multiply were made from the first step to the last."""
    for source in course.trace.sources.values():
        for gathering in _gatherings(source):
            for run in _runs(course, gathering):
                use = _used_from_the_first_on(course, run)
                if use is not None:
                    return [_finding(gathering, use)]
    return []


def _gatherings(source: SourceText) -> Iterator[_Gathering]:
    for loop in source.nodes():
        if not isinstance(loop, ast.For) or not _is_backwards(loop.iter):
            continue
        for statement in loop.body:
            call = statement.value if isinstance(statement, ast.Expr) else None
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr == "append":
                if len(call.args) == 1 and not call.keywords:
                    yield _Gathering(source, loop, call)


def _is_backwards(iterated: ast.expr) -> bool:
    """`reversed(...)`, `...[::-1]`, `range(..., -1, -1)`."""
    if isinstance(iterated, ast.Subscript):
        step = iterated.slice.step if isinstance(iterated.slice, ast.Slice) else None
        return step is not None and ast.unparse(step) == "-1"
    if not isinstance(iterated, ast.Call):
        return False
    name = iterated.func.id if isinstance(iterated.func, ast.Name) else ""
    return name == "reversed" or (name == "range" and len(iterated.args) == 3 and ast.unparse(iterated.args[2]) == "-1")


def _runs(course: Course, gathering: _Gathering) -> Iterator[list[Operation]]:
    """The sums of each time that the loop ran, each made from the one before."""
    loop, path = gathering.loop, gathering.source.path
    within: dict[tuple[int, int], list[Operation]] = {}
    home, left = "", 0
    for operation in course.tape.operations:
        site = course.site(operation.site)
        if site is None or site.path != path:
            continue
        if not loop.lineno < site.line <= (loop.end_lineno or 0):
            left += site.function == home
            continue
        home = site.function
        if operation.function in SUMS and course.tape.values[operation.result].size == 1:
            within.setdefault((site.number, left), []).append(operation)
    for operations in within.values():
        run: list[Operation] = []
        for operation in operations:
            if run and run[-1].result not in course.replay.ancestors([operation.result]):
                yield from [run] if len(run) >= _FEWEST else []
                run = []
            run.append(operation)
        if len(run) >= _FEWEST:
            yield run


def _used_from_the_first_on(course: Course, run: Sequence[Operation]) -> Site | None:
    """Where the sums of a run multiply, in the order in which they were made, what was made from the first step on."""
    sums = np.array([float(np.ravel(course.replay.recorded[o.result])[0]) for o in run])
    if np.ptp(sums) == 0 or _are_alike(sums, sums[::-1]):
        return None
    later = [o for o in course.tape.operations[run[-1].number + 1 :] if o.function in PRODUCTS and len(o.inputs) == 2]
    by_site: dict[int, list[tuple[float, Operation, int]]] = {}
    for operation in later:
        for weight, other in (operation.inputs, operation.inputs[::-1]):
            if other not in course.learned or operation.site is None:
                continue
            array = np.asarray(course.replay.recorded[weight], dtype=float)
            if array.size == 1:
                by_site.setdefault(operation.site, []).append((float(np.ravel(array)[0]), operation, other))
            elif array.size == len(sums) and _are_alike(sums, np.ravel(array)):
                return course.site(operation.site) if _rows_are_in_time(course, other, run[0].number) else None
    for number, uses in by_site.items():
        kept = uses[: len(sums) * max(1, len({w for w, _, _ in uses}) and _repeats(uses))]
        every = kept[:: _repeats(kept)][: len(sums)]
        if len(every) == len(sums) and _are_alike(sums, np.array([w for w, _, _ in every])):
            times = [_time(course, other, run[0].number) for _, _, other in every]
            return course.site(number) if all(a < b for a, b in itertools.pairwise(times)) else None
    return None


def _repeats(uses: Sequence[tuple[float, Operation, int]]) -> int:
    """How often each weight is used in a row, once for every array of a network."""
    first = uses[0][1].inputs
    return max(1, sum(1 for _, o, _ in uses if set(o.inputs) & set(first)))


def _are_alike(sums: np.ndarray[Any, Any], weights: np.ndarray[Any, Any]) -> bool:
    """Whether weights are the sums in this order, moved and scaled as a baseline and a deviation would."""
    if np.ptp(weights) == 0:
        return False
    ones = np.stack([sums, np.ones_like(sums)], axis=1)
    found, *_ = np.linalg.lstsq(ones, weights, rcond=None)
    return bool(found[0] > 0 and np.linalg.norm(ones @ found - weights) <= _SAME * np.linalg.norm(weights))


def _time(course: Course, value: int, before: int) -> int:
    """When the step was made that a gradient belongs to: the latest value before the sums that it depends on."""
    values = course.tape.values
    own = (v for v in course.replay.ancestors([value]) if v not in course.versions)
    return max((v for v in own if (values[v].producer or 0) < before and v < _first_after(course, before)), default=0)


def _first_after(course: Course, operation: int) -> int:
    return course.tape.operations[operation].result


def _rows_are_in_time(course: Course, value: int, before: int) -> bool:
    """Whether an array's rows were put together from values in the order in which these were made."""
    limit = _first_after(course, before)
    for made in sorted(course.replay.ancestors([value]), reverse=True):
        operation = course.producer(made)
        rows = operation.inputs if operation is not None else ()
        if len(rows) >= _FEWEST and all(r < limit for r in rows):
            return all(a < b for a, b in itertools.pairwise(rows))
    return False


def _finding(gathering: _Gathering, use: Site) -> Finding:
    source = gathering.source
    span = Span(source.path, *source.place(gathering.append), source.of(gathering.append))
    head = Span(source.path, *source.place(gathering.loop.iter), source.of(gathering.loop.iter))
    return Finding(
        code="SC407",
        severity="error",
        title=MIRRORED,
        message=f"`{shown(head.source)}` goes from the end to the beginning, so `{shown(span.source)}` puts the last "
        f"one first; `{shown(use.text)}` takes them up beside what was made from the beginning on: each gradient is "
        "weighed by what belongs to the step at the other end",
        location=span_of(use),
        cause=span,
        trail=(TrailStep(head, "the loop that goes backwards"),),
    )


__all__ = ["MIRRORED", "mirrored_sums"]
