"""Biases that are plain numbers, and are stepped by the learning rate alone: `b -= rate` for `b -= rate * db`.

Numbers are counted up and down for many reasons. It is a bias where the loss depends on it, where the number is the
very rate of the other steps, and where its derivative is computed beside theirs, and read by nobody.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from shapecheck.diagnose.course import Course, shown
from shapecheck.diagnose.finding import Finding, TrailStep
from shapecheck.diagnose.lost import name_of
from shapecheck.diagnose.trail import span_of
from shapecheck.diagnose.unapplied import Unapplied
from shapecheck.diagnose.verdicts import Verdicts
from shapecheck.gradients.matching import EXACT
from shapecheck.trace.operations import PRODUCTS, SUMS
from shapecheck.trace.tape import Operation, Ref

# Fewer of its steps than these may be part of anything.
_FEWEST = 3


def rate_alone(course: Course) -> list[Finding]:
    """Such biases; the gradients of what else is stepped have to be right."""
    for step in course.steps:
        known = course.verdicts(step)
        rates = dict(_rates(known)) if known is not None else {}
        if known is None or not rates:
            continue
        for operation in course.tape.operations[step.first : step.last + 1 + (step.last - step.first)]:
            rate = _by_a_rate(course, operation, rates)
            gradient = _unread_derivative(course, known, operation, rates[rate]) if rate is not None else None
            if gradient is not None:
                return [_finding(course, operation, gradient, rates[rate or 0])]
    return []


def _rates(known: Verdicts) -> Iterator[tuple[int, float]]:
    """(rate, gradient's factor without it) of each step that is a right gradient times a number."""
    for verdict in known.all():
        made = known.producer(known.changes[verdict.parameter])
        if verdict.factor is None or not verdict.at_change or made is None or made.function not in PRODUCTS:
            continue
        for rate in made.inputs:
            number = known.replay.recorded[rate]
            if np.shape(number) == () and number:
                yield rate, verdict.factor.number / float(number)


def _by_a_rate(course: Course, operation: Operation, rates: dict[int, float]) -> int | None:
    """The rate that a plain number is moved by, over and over."""
    if operation.function not in SUMS or len(operation.arguments) != 2 or course.site(operation.site) is None:
        return None
    old, change = operation.arguments
    if not isinstance(old, Ref) or not isinstance(change, Ref) or course.tape.values[old.value].shape != ():
        return None
    again = list(course.tape.made_at(operation.site or 0))
    return change.value if change.value in rates and len(again) >= _FEWEST else None


def _unread_derivative(course: Course, known: Verdicts, operation: Operation, factor: float) -> int | None:
    """The number's derivative, with the factor that the other gradients have, where nobody reads it."""
    old, step = operation.inputs[0], known.step
    adjoints = known.matching.adjoints
    if old not in adjoints.closure:
        return None
    wanted = factor * float(np.ravel(adjoints[old])[0])
    for made in course.tape.operations[step.first : operation.number]:
        number = course.replay.recorded[made.result]
        if np.shape(number) != () or course.users.get(made.result) or made.result not in course.learned:
            continue
        if wanted and abs(float(number) / wanted - 1) <= EXACT and course.site(made.site) is not None:
            return made.result
    return None


def _finding(course: Course, operation: Operation, gradient: int, factor: float) -> Finding:
    site, made = course.site(operation.site), course.site_of(gradient)
    assert site is not None
    assert made is not None
    name = name_of(course, operation.inputs[0], site)
    course.stepped[(name,)] = [Unapplied(operation.inputs[0], gradient, factor, name)]
    return Finding(
        code="SC309",
        severity="error",
        title="this step does not follow the gradient",
        message=f"`{shown(site.text)}` moves `{name}` by the learning rate itself; `{shown(made.text)}` is its "
        "gradient, and nothing applies it",
        location=span_of(site),
        cause=span_of(site),
        layer=course.layer(operation.inputs[0]),
        parameters=(name,),
        trail=(TrailStep(span_of(made), "the gradient is here"),),
    )


__all__ = ["rate_alone"]
