"""AdaGrad's sum of squares that is no sum: `s = g**2` in every step, where `s` began as zeros.

What divides the gradient is its own size then, and each step goes as far as the one before, however steep the loss is
(Duchi, Hazan & Singer 2011 add up the squares of all steps). Who wants the sign of the gradient keeps no zeros for it.
"""

from __future__ import annotations

import numpy as np

from shapecheck.diagnose.course import Course, quoted, shown
from shapecheck.diagnose.finding import Finding, TrailStep
from shapecheck.diagnose.moments import scaled_sums, squares, zone_of
from shapecheck.diagnose.trail import span_of
from shapecheck.gradients.steps import Step
from shapecheck.trace.operations import QUOTIENTS
from shapecheck.trace.tape import Ref

OVERWRITTEN = "the squares of the steps before are overwritten here"

_ROOTS = frozenset(["numpy.sqrt", "math.sqrt"])


def overwritten_squares(course: Course) -> list[Finding]:
    """Squares of gradients that are stored, step after step, where zeros were that nobody has ever read."""
    if len(course.steps) < 2:
        return []
    by_step = [_stored_squares(course, step) for step in course.steps[:2]]
    names = [name for name, _, _ in by_step[0]]
    unread = _unread_zeros(course)
    again = {place for _, _, place in by_step[1]}
    begun = {number: place for _, number, place in by_step[0] if place in again & unread}
    sites = [site for number in begun if (site := course.site(number)) is not None]
    if not sites:
        return []
    site, place = sites[0], begun[sites[0].number]
    return [
        Finding(
            code="SC406",
            severity="error",
            title=OVERWRITTEN,
            message=f"`{shown(place, 30)}` began as zeros, which nobody reads: `{shown(site.text)}` forgets the "
            f"earlier steps, and each step of {quoted(names)} is divided by its own size; add the squares up",
            location=span_of(site),
            cause=span_of(site),
            parameters=tuple(dict.fromkeys(names)),
            trail=tuple(TrailStep(span_of(other), "and here") for other in sites[1:8]),
        )
    ]


def _stored_squares(course: Course, step: Step) -> list[tuple[str, int, str]]:
    """(parameter, where, name of the place) of each gradient's square that is stored, and whose root divides it."""
    found = []
    for name, _, values in zone_of(course, step):
        for square, base in squares(course, values):
            made = course.producer(square)
            if made is None or made.site is None or not _divides(course, base, square, values):
                continue
            found.append((name, made.site, course.names.get(square, "")))
    return found


def _divides(course: Course, base: int, square: int, values: set[int]) -> bool:
    """Whether a multiple of a gradient is divided by the root of its square, to which a small number may be added."""
    gradients = scaled_sums(course, base, values)
    kept = scaled_sums(course, square, values)
    roots = {u.result for number in kept for u in course.users.get(number, []) if u.function in _ROOTS}
    divisors = {n for root in roots for n in scaled_sums(course, root, values)}
    quotients = (o for n in values if (o := course.producer(n)) is not None and o.function in QUOTIENTS)
    return any(
        isinstance(first, Ref) and isinstance(second, Ref) and first.value in gradients and second.value in divisors
        for first, second in (o.arguments[:2] for o in quotients)
    )


def _unread_zeros(course: Course) -> set[str]:
    """The names of the places where zeros were put that no operation has read."""
    first: dict[str, int] = {}
    for value in sorted(course.names):
        first.setdefault(course.names[value], value)
    arrays = {name: course.tape.values[value].array for name, value in first.items() if value not in course.users}
    return {n for n, array in arrays.items() if isinstance(array, np.ndarray) and array.size and not np.any(array)}


__all__ = ["OVERWRITTEN", "overwritten_squares"]
