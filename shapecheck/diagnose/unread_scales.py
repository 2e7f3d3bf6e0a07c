"""Data brought to one scale under a new name that nobody reads, while training goes on with the old numbers."""

from __future__ import annotations

from typing import Any

import numpy as np

from shapecheck.diagnose.course import Course, shown
from shapecheck.diagnose.finding import Finding, TrailStep
from shapecheck.diagnose.trail import span_of
from shapecheck.diagnose.unread import Unread, is_read, unread_arrays
from shapecheck.trace.sites import Site

UNREAD_SCALE = "nobody reads the scaled data"

_CLOSE = 1e-6
# A standard deviation may be of a sample, or have something small added to it.
_ONE = 0.1


def unread_scales(course: Course) -> list[Finding]:
    """Arrays of standardised data under a name that its function never reads, beside training on what they were."""
    unread = [one for one in unread_arrays(course) if _is_scaled(course.tape.values[one.value].array)]
    needed = course.replay.ancestors([u.change for p in course.parameters for u in p.updates]) if unread else set()
    for one in unread:
        if is_read(course, one):
            continue
        for value in sorted(needed - course.learned):
            used = [o for o in course.users.get(value, ()) if o.number >= one.time and o.result in needed]
            if used and _is_scaled_of(course, one.value, value):
                reader = next((s for o in used if (s := course.site(o.site)) is not None), None)
                return [_finding(course, one, value, reader)]
    return []


def _is_scaled(array: Any) -> bool:
    """Whether numbers have a mean of zero and a deviation of one, or go from zero to one, in all or in each column."""
    if not isinstance(array, np.ndarray) or array.dtype.kind != "f" or not np.all(np.isfinite(array)):
        return False
    for axis in (None, 0, -1):
        mean, deviation = np.mean(array, axis=axis), np.std(array, axis=axis)
        if np.all(np.abs(mean) < _CLOSE) and np.all(np.abs(deviation - 1) < _ONE):
            return True
        low, high = np.min(array, axis=axis), np.max(array, axis=axis)
        if np.all(np.abs(low) < _CLOSE) and np.all(np.abs(high - 1) < _CLOSE):
            return True
    return False


def _is_scaled_of(course: Course, value: int, other: int) -> bool:
    """Whether an array is another one with something taken off it, and divided, in all or in each column."""
    new, old = course.tape.values[value].array, course.tape.values[other].array
    if not isinstance(old, np.ndarray) or old.shape != new.shape or old.dtype.kind not in "fiu":
        return False
    old = old.astype(float)
    if np.allclose(old, new) or not np.all(np.isfinite(old)):
        return False
    for axis in (None, 0, -1):
        with np.errstate(all="ignore"):
            first, second = ((a - np.mean(a, axis, keepdims=True)) / np.std(a, axis, keepdims=True) for a in (new, old))
        if np.all(np.isfinite(first)) and np.allclose(first, second, atol=_CLOSE):
            return True
    return False


def _finding(course: Course, one: Unread, value: int, reader: Site | None) -> Finding:
    kept = course.names.get(value)
    old = f"`{shown(kept, 30)}`" if kept else "the data"
    return Finding(
        code="SC411",
        severity="error",
        title=UNREAD_SCALE,
        message=f"`{one.name}` is {old} brought to one scale, and is not read anywhere; the training reads {old} as "
        "they were",
        location=span_of(one.site),
        cause=span_of(one.site),
        trail=(TrailStep(span_of(reader), "the old numbers are read here"),) if reader is not None else (),
    )


__all__ = ["UNREAD_SCALE", "unread_scales"]
