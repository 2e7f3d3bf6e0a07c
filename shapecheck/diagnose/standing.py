"""Arrays that stand still: given before the network ran, and read again and again with the same numbers."""

from __future__ import annotations

from collections.abc import Collection

from shapecheck.diagnose.course import Course
from shapecheck.network.dependence import CARRIERS

# An array that was read so often at one place, always the same, is not about to be moved.
READINGS = 3


def uncarried(course: Course, value: int) -> int:
    """What a value is a view or a part of."""
    operation = course.producer(value)
    while operation is not None and operation.function in CARRIERS and operation.inputs:
        value = operation.inputs[0]
        operation = course.producer(value)
    return value


def is_given(course: Course, value: int) -> bool:
    """Whether an array was there before the network ran, or is a parameter's."""
    value = uncarried(course, value)
    kept = course.tape.values[value]
    if not kept.dtype.startswith("float") or kept.size < 1 or kept.shape == ():
        return False
    return value in course.versions or course.layers._newborn[value]


def is_read_again(course: Course, value: int, places: Collection[int | None] | None = None) -> bool:
    """Whether the same array, unchanged, is read at one place again and again.

    Args:
        course: Of the run.
        value: The array.
        places: The sites that count, beside those of its views; all if none are given. What a step is made from is
            read again and again, too.
    """
    users = [o for o in course.users.get(value, ()) if o.site is not None]
    sites = [o.site for o in users if places is None or o.site in places or o.function in CARRIERS]
    return any(sites.count(site) >= READINGS for site in set(sites))


__all__ = ["READINGS", "is_given", "is_read_again", "uncarried"]
