"""Squares that are taken of the mean of the gradients, where the mean of their squares is to be kept."""

from __future__ import annotations

from shapecheck.diagnose.course import Course, quoted, shown
from shapecheck.diagnose.finding import Finding, TrailStep
from shapecheck.diagnose.moments import mean_of, scaled_sums, squares, zone_of
from shapecheck.diagnose.trail import span_of

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


__all__ = ["SQUARED_MEAN", "squared_means"]
