"""Arrays that stand still: given before the network ran, and read again and again with the same numbers."""

from __future__ import annotations

import itertools
from collections.abc import Collection

import numpy as np

from shapecheck.diagnose.course import Course
from shapecheck.network.dependence import CARRIERS
from shapecheck.trace.tape import Operation

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


def varies(course: Course, product: Operation, position: int) -> bool:
    """Whether one operand of a product is another each time that it meets the other operand, which stays the same."""
    kept = uncarried(course, product.inputs[1 - position])
    again = (o for o in course.tape.made_at(product.site if product.site is not None else -1) if len(o.inputs) == 2)
    same = (o for o in again if uncarried(course, o.inputs[1 - position]) == kept)
    arrays = [course.tape.values[o.inputs[position]].array for o in itertools.islice(same, READINGS)]
    return len(arrays) == READINGS and not all(np.array_equal(a, arrays[0]) for a in arrays)


__all__ = ["READINGS", "is_given", "is_read_again", "uncarried", "varies"]
