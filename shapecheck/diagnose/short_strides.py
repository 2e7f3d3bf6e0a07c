"""Batches that overlap until hardly any sample is left to be seen: `X[i:i + size]`, where `i` counts the batches.

Windows that slide over a series overlap as well, but then there are as many as there are places for one. Here there
are just as many as would have been enough, had each begun where the one before ended.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from shapecheck.diagnose.course import Course, shown
from shapecheck.diagnose.finding import Finding
from shapecheck.diagnose.trail import span_of
from shapecheck.trace.tape import Operation, Ref

SHORT_STRIDE = "these batches overlap, and never come to most of the samples"

_LEAST_PASSES, _LEAST_BATCHES = 2, 3


@dataclass(frozen=True, slots=True)
class _Slice:
    """A batch.

    Attributes:
        operation: What took it.
        source: The array it was taken from.
        start, stop: Of the rows.
        rows: How many there are.
    """

    operation: Operation
    source: int
    start: int
    stop: int
    rows: int


def short_strides(course: Course) -> list[Finding]:
    """Slices that go over an array by less than their width, as often as by their width would take to see all."""
    by_site: dict[int, list[_Slice]] = {}
    for one in _slices(course):
        by_site.setdefault(one.operation.site or 0, []).append(one)
    needed = course.replay.ancestors([u.change for p in course.parameters for u in p.updates]) if by_site else set()
    for number, slices in by_site.items():
        site = course.site(number)
        passes = list(_passes(slices))[:-1]  # the last one may have been cut short
        if site is None or len(passes) < _LEAST_PASSES or not all(map(_is_short, passes)):
            continue
        if not any(one.operation.result in needed for one in passes[0]):
            continue
        first, last = passes[0][0], passes[0][-1]
        stride, width = passes[0][1].start - first.start, first.stop - first.start
        return [
            Finding(
                code="SC409",
                severity="error",
                title=SHORT_STRIDE,
                message=f"`{shown(site.text)}` goes on by {stride} from batch to batch and takes {width} samples each "
                f"time: {len(passes[0])} batches see the samples up to number {last.stop} of {first.rows}, and then it "
                "begins again",
                location=span_of(site),
                cause=span_of(site),
            )
        ]
    return []


def _slices(course: Course) -> Iterator[_Slice]:
    for operation in course.tape.operations:
        if operation.function != "getitem" or operation.site is None or len(operation.arguments) != 2:
            continue
        source, index = operation.arguments
        if not isinstance(source, Ref):
            continue
        parts = index if isinstance(index, tuple) else (index,)
        chosen = [(axis, part) for axis, part in enumerate(parts) if part != slice(None)]
        if len(chosen) != 1 or not isinstance(part := chosen[0][1], slice) or part.step not in {None, 1}:
            continue
        shape = course.tape.values[source.value].shape
        if isinstance(part.start, int) and isinstance(part.stop, int) and chosen[0][0] < len(shape):
            yield _Slice(operation, source.value, part.start, part.stop, shape[chosen[0][0]])


def _passes(slices: list[_Slice]) -> Iterator[list[_Slice]]:
    """The slices of one loop over an array, from its beginning."""
    current: list[_Slice] = []
    for one in slices:
        if current and (one.start <= current[-1].start or one.source != current[-1].source):
            yield current
            current = []
        current.append(one)
    if current:
        yield current


def _is_short(slices: list[_Slice]) -> bool:
    if len(slices) < _LEAST_BATCHES:
        return False
    stride, width = slices[1].start - slices[0].start, slices[0].stop - slices[0].start
    regular = all(s.start == number * stride and s.stop == s.start + width for number, s in enumerate(slices))
    enough = len(slices) in {slices[0].rows // width, -(-slices[0].rows // width)} if width > 0 else False
    return regular and enough and stride < width and slices[-1].stop < slices[0].rows


__all__ = ["SHORT_STRIDE", "short_strides"]
