"""Velocities and moments that one step goes on from twice: the same line stands there two times.

`v = mu * v - rate * g` made once more of the same gradient takes `mu` of what it has just made: what is applied is
no velocity any more, and every part of it still follows the gradient.
"""

from __future__ import annotations

import numpy as np

from shapecheck.diagnose.course import Course, shown
from shapecheck.diagnose.finding import Finding, TrailStep
from shapecheck.diagnose.moments import number_of, zone_of
from shapecheck.diagnose.trail import span_of
from shapecheck.trace.operations import PRODUCTS, SUMS
from shapecheck.trace.sites import Site
from shapecheck.trace.tape import Operation, Ref


def gone_on_twice(course: Course) -> list[Finding]:
    """Sums of a state and a gradient that are made again at once, of the new state and the same gradient."""
    found: dict[int, tuple[list[str], Operation]] = {}
    for step in course.steps:
        for name, _, zone in zone_of(course, step):
            for value in zone:
                second = course.producer(value)
                first = _before(course, second) if second is not None else None
                if second is not None and first is not None and second.site is not None:
                    names, _ = found.setdefault(second.site, ([], first))
                    names.append(name)
    findings = []
    for number, (names, first) in found.items():
        site, other = course.site(number), course.site(first.site)
        if site is not None and other is not None:
            findings.append(_finding(tuple(dict.fromkeys(names)), site, other))
    return findings


def _finding(names: tuple[str, ...], site: Site, other: Site) -> Finding:
    return Finding(
        code="SC406",
        severity="error",
        title="this goes on from what it has just made, a second time in one step",
        message=f"`{shown(site.text)}` takes a part of what the same expression made just before, and adds the same "
        "gradient once more",
        location=span_of(site),
        cause=span_of(site),
        parameters=names,
        trail=(TrailStep(span_of(other), "made here first"),),
    )


def _before(course: Course, second: Operation) -> Operation | None:
    """The sum of the same form that a sum goes on from, and nothing else does; None where there is none."""
    for state, share in _halves(second):
        scaling = course.producer(state)
        if scaling is None or scaling.function not in PRODUCTS or len(scaling.inputs) > 2:
            continue
        for kept in scaling.inputs:
            first = course.producer(kept)
            if first is None or first.function != second.function or not _is_only_for(course, kept, scaling):
                continue
            # One expression in a loop may well go on from itself: a return, a trace of what was visited.
            if first.site == second.site or not _have_one_text(course, first, second):
                continue
            for earlier, other in _halves(first):
                before = course.producer(earlier)
                alike = before is not None and before.site is not None and _have_one_text(course, before, scaling)
                if alike and before is not None and _are_one_number(course, before, scaling):
                    if _are_alike(course, share, other):
                        return first
    return None


def _halves(total: Operation) -> list[tuple[int, int]]:
    """(one operand, the other) of a sum of two."""
    if total.function not in SUMS or len(total.arguments) != 2:
        return []
    one, other = total.arguments
    if not isinstance(one, Ref) or not isinstance(other, Ref) or one == other:
        return []
    return [(one.value, other.value), (other.value, one.value)]


def _is_only_for(course: Course, value: int, scaling: Operation) -> bool:
    """Whether nobody but one product has read a value: it was kept for nothing else."""
    return all(user is scaling for user in course.users.get(value, []))


def _have_one_text(course: Course, one: Operation, other: Operation) -> bool:
    first, second = course.site(one.site), course.site(other.site)
    return first is not None and second is not None and first.text == second.text


def _are_one_number(course: Course, one: Operation, other: Operation) -> bool:
    """Whether two products have the same single number among their operands, and it is not one."""
    numbers = [{n for a in o.arguments[:2] if (n := number_of(course, a)) is not None} for o in (one, other)]
    shared = numbers[0] & numbers[1]
    return any(0 < abs(n) < 1 for n in shared)


def _are_alike(course: Course, one: int, other: int) -> bool:
    """Whether two shares are the same gradient: made by the same expression, with the same entries."""
    made = course.producer(one), course.producer(other)
    recorded = course.replay.recorded
    same = one == other or (made[0] is not None and made[1] is not None and _have_one_text(course, made[0], made[1]))
    learned = not course.versions.isdisjoint(course.replay.ancestors([one]))
    return same and learned and bool(np.any(recorded[one])) and np.array_equal(recorded[one], recorded[other])


__all__ = ["gone_on_twice"]
