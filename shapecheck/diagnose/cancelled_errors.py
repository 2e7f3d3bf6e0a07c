"""Losses in which errors cancel: `np.mean(y - t) ** 2` is small as soon as there is as much too high as too low.

The updates are right: they follow the mean of the squares. But what is printed is another number, and what stops the
training early looks at it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from shapecheck.diagnose.course import Course, shown
from shapecheck.diagnose.finding import Finding
from shapecheck.diagnose.trail import span_of
from shapecheck.gradients.inferred import SQUARES
from shapecheck.gradients.losses import find_losses, sounds_like
from shapecheck.gradients.matching import EXACT
from shapecheck.gradients.steps import Loss

CANCELLED = "the errors cancel in this loss"


def cancelled_errors(course: Course) -> list[Finding]:
    """A loss that the program computes as the square of a sum of errors, while its updates follow their squares."""
    verdict = course.verdict
    if verdict.verdict != "right" or not verdict.same_factor or not course.steps:
        return []
    losses = find_losses(course.replay, course.steps[0])
    followed = next((loss for loss in losses if loss.inferred), None)
    if followed is None or followed.formula != SQUARES or len(followed.seeds) != 1:
        return []
    for loss, number in _numbers(course, losses):
        site = course.tape.site_of(number)
        place = course.site(site.number) if site is not None else None
        if place is None or not sounds_like(place) or not _cancels(course, loss, number, followed):
            continue
        finding = Finding(
            code="SC308",
            severity="warning",
            title=CANCELLED,
            message=f"`{shown(place.text)}` is the square of a sum: errors of either sign cancel in it, and it is "
            "small long before they are; the updates follow the sum of their squares",
            location=span_of(place),
            cause=span_of(place),
        )
        course.unproven.add((finding.title, finding.parameters))
        return [finding]
    return []


def _numbers(course: Course, losses: list[Loss]) -> Iterator[tuple[Loss, int]]:
    """Losses that the program computes, and single numbers that these are made from: `abs(loss - before)`."""
    for loss in losses:
        if loss.value is not None and loss.adjoints is not None:
            closure = (v for v in sorted(loss.adjoints.closure) if course.tape.values[v].size == 1)
            yield from (
                (loss, number) for number in dict.fromkeys((loss.value, *closure)) if number in loss.adjoints.of
            )


def _cancels(course: Course, loss: Loss, number: int, followed: Loss) -> bool:
    """Whether a number is the square of sums of what a loss is a sum of squares of, along one axis at least."""
    ((output, difference),) = followed.seeds.items()
    if loss.adjoints is None or output not in loss.adjoints.of or output not in course.replay.ancestors([number]):
        return False
    slopes, errors = np.asarray(loss.adjoints[output], dtype=float), np.asarray(difference, dtype=float)
    size, by = (float(np.ravel(a)[0]) for a in (course.replay.recorded[number], loss.adjoints[number]))
    if (
        slopes.shape != errors.shape
        or not np.any(slopes)
        or not np.all(np.isfinite(slopes))
        or not by
        or not np.isfinite(size)
    ):
        return False
    # What is a square of its arguments is half of what they and its slopes give together.
    if not abs(float(np.sum(slopes * errors)) / by - 2 * size) <= EXACT * abs(size):
        return False
    return any(_is_level(slopes, axis) and not _is_level(errors, axis) for axis in range(errors.ndim))


def _is_level(array: Any, axis: int) -> bool:
    """Whether all numbers along an axis are one; none are where there is but one."""
    return array.shape[axis] > 1 and bool(np.ptp(array, axis=axis).max() <= EXACT * np.abs(array).max())


__all__ = ["CANCELLED", "cancelled_errors"]
