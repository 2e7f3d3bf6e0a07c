"""What is added to a gradient twice in a row: the same line stands there two times."""

from __future__ import annotations

from statistics import median

import numpy as np

from shapecheck.diagnose.course import Course, shown
from shapecheck.diagnose.finding import Finding, TrailStep
from shapecheck.diagnose.trail import span_of
from shapecheck.diagnose.verdicts import Verdicts
from shapecheck.gradients.matching import EXACT
from shapecheck.trace.operations import ADDITIONS
from shapecheck.trace.tape import Operation, Ref


def added_twice(course: Course) -> list[Finding]:
    """Sums to which one line adds what another has just added, and which are twice as large as the other gradients.

    The same may be added twice on purpose, where an array takes part twice; then the gradient is not twice too large.
    """
    if not course.steps:
        return []
    known = course.verdicts(course.steps[0])
    if known is None:
        return []
    factors = {old: _gradient(known, old) for old in known.changes}
    numbers = {old: found[1] for old, found in factors.items() if found is not None}
    findings = []
    for parameter, old, _, _ in known.step.parameters:
        found = factors[old]
        others = [number for other, number in numbers.items() if other != old]
        usual = median(others) if others else 0.0  # zero where one half goes the other way
        if found is None or not usual or abs(found[1] / usual - 2) > 10 * EXACT:
            continue
        again = _second_addition(course, found[0])
        if again is not None:
            findings += _finding(course, parameter.name, *again)
    return findings


def _gradient(known: Verdicts, old: int) -> tuple[int, float] | None:
    """(the first value that a change was made from and that is the gradient, its factor)."""
    for probe in reversed(known.probes[old]):
        factor, _ = known.factor(old, known.replay.recorded[probe])
        if factor is not None:
            return probe, factor.number
    return None


def _second_addition(course: Course, total: int) -> tuple[Operation, Operation] | None:
    """(an addition, the one just after it of the same), going back along a sum."""
    second = course.producer(total)
    while second is not None and second.function in ADDITIONS and len(second.arguments) == 2:
        first = course.producer(second.inputs[0])
        if first is None or first.function not in ADDITIONS or len(first.arguments) != 2:
            return None
        if first.site != second.site and _is_the_same(course, first, second):
            return first, second
        second = first
    return None


def _is_the_same(course: Course, first: Operation, second: Operation) -> bool:
    one, other = first.arguments[1], second.arguments[1]
    if not isinstance(one, Ref) or not isinstance(other, Ref):
        return False
    if one == other:
        return True
    texts = [site.text if (site := course.tape.site_of(ref.value)) is not None else "" for ref in (one, other)]
    arrays = [course.tape.values[ref.value].array for ref in (one, other)]
    return bool(texts[0]) and texts[0] == texts[1] and np.array_equal(*arrays)


def _finding(course: Course, name: str, first: Operation, second: Operation) -> list[Finding]:
    sites = [course.site(first.site), course.site(second.site)]
    if sites[0] is None or sites[1] is None:
        return []
    return [
        Finding(
            code="SC406",
            severity="error",
            title="this adds the same a second time",
            message=f"`{shown(sites[1].text)}` adds what was added just before: the gradient of `{name}` is twice as "
            "large as those of the others",
            location=span_of(sites[1]),
            cause=span_of(sites[1]),
            parameters=(name,),
            trail=(TrailStep(span_of(sites[0]), "added here first"),),
        )
    ]


__all__ = ["added_twice"]
