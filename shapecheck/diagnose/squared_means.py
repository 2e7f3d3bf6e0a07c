"""Second moments that are none: a square of the mean of the gradients, or a mean of the gradients as they are."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from shapecheck.diagnose.course import Course, quoted, shown
from shapecheck.diagnose.finding import Finding, TrailStep
from shapecheck.diagnose.moments import POWERS, mean_of, number_of, scaled_sums, squares, zone_of
from shapecheck.diagnose.trail import span_of
from shapecheck.gradients.steps import Step
from shapecheck.trace.operations import PRODUCTS, QUOTIENTS, SUMS
from shapecheck.trace.tape import Operation

ROOT_OF_MEAN = "the gradient goes into the second moment as it is, not squared"
SQUARED_MEAN = "this squares the mean of the gradients, and not the gradient"


def squared_means(course: Course) -> list[Finding]:
    """A second moment that is made of the first one: `v = b * v + (1 - b) * m**2`.

    Source: Adam (Kingma and Ba 2015) keeps the means of the gradients and of their squares apart.
    """
    found: dict[int, dict[str, int]] = {}
    for step in course.steps:
        for name, _, zone in zone_of(course, step):
            means = {number for number in zone if mean_of(course, number, step) is not None}
            for square, base in squares(course, zone):
                made = course.producer(square)
                kept = scaled_sums(course, square, zone) & means - {base}
                if base in means and kept and made is not None and made.site is not None:
                    found.setdefault(made.site, {}).setdefault(name, base)
    findings = []
    for number, names in found.items():
        site, mean = course.site(number), course.site_of(next(iter(names.values())))
        if site is None:
            continue
        trail = (TrailStep(span_of(mean), "the mean of the gradients"),) if mean is not None else ()
        findings.append(
            Finding(
                code="SC410",
                severity="warning",
                title=SQUARED_MEAN,
                message=f"`{shown(site.text)}` goes into the second moment of {quoted(list(names))}, which is the mean "
                "of the gradients' squares: where gradients change their signs, it comes out far too small",
                location=span_of(site),
                cause=span_of(site),
                parameters=tuple(names),
                trail=trail,
            )
        )
    return findings


def rooted_means(course: Course) -> list[Finding]:
    """A root that is taken of a mean of the gradients as they are: `v = b * v + (1 - b) * g`, then `m / sqrt(v)`.

    Of negative numbers that is NaN. Source: Adam, as above.
    """
    found: dict[int, dict[str, Operation]] = {}
    for step in course.steps:
        for name, _, zone in zone_of(course, step):
            squared = {n for square, _ in squares(course, zone) for n in scaled_sums(course, square, zone)}
            for mean, taken in _under_roots(course, zone, step):
                total = course.producer(mean)
                if mean not in squared and total is not None and total.site is not None:
                    if np.any(np.asarray(course.replay.recorded[taken]) < 0):
                        found.setdefault(total.site, {}).setdefault(name, total)
    findings = []
    for number, names in found.items():
        site = course.site(number)
        if site is not None:
            findings.append(
                Finding(
                    code="SC410",
                    severity="error",
                    title=ROOT_OF_MEAN,
                    message=f"`{shown(site.text)}` is the mean of the gradients of {quoted(list(names))}, and its root "
                    "is taken, which negative numbers do not have: the second moment is the mean of their squares",
                    location=span_of(site),
                    cause=span_of(site),
                    parameters=tuple(names),
                )
            )
    return findings


def _under_roots(course: Course, zone: set[int], step: Step) -> Iterator[tuple[int, int]]:
    """(mean, what is added to it in this step) for each mean that a root is taken of, corrected or not."""
    for number in sorted(zone):
        root = course.producer(number)
        if root is None or not root.inputs:
            continue
        rooted = root.function in POWERS and number_of(course, root.arguments[1]) == 0.5
        if root.function != "numpy.sqrt" and not rooted:
            continue
        value = root.inputs[0]
        while True:
            made = course.producer(value)
            pair = mean_of(course, value, step)
            whole = [i for i in made.inputs if course.tape.values[i].shape != ()] if made is not None else []
            if made is not None and (pair is not None or (made.function in SUMS and value in course.stored)):
                # The first mean goes on from a number: `0.999 * 0 + 0.001 * g`.
                yield from ((value, i) for i in whole if pair is None or i != pair[0].result)
                break
            if made is None or made.function not in PRODUCTS | QUOTIENTS | SUMS or len(whole) != 1:
                break
            value = whole[0]


__all__ = ["ROOT_OF_MEAN", "SQUARED_MEAN", "rooted_means", "squared_means"]
