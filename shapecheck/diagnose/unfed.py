"""Steps by nothing but zeros: a velocity that no gradient ever enters, while the gradient is computed for nobody."""

from __future__ import annotations

import ast
from dataclasses import dataclass

import numpy as np

from shapecheck.diagnose.course import Course, quoted, shown
from shapecheck.diagnose.finding import Finding, TrailStep
from shapecheck.diagnose.number_steps import Moved, computed, moved_by
from shapecheck.diagnose.trail import span_of
from shapecheck.diagnose.unapplied import Found, Turns, Unapplied, last_reading
from shapecheck.network.uses import value_names
from shapecheck.trace.operations import DIFFERENCES
from shapecheck.trace.sites import Site
from shapecheck.trace.tape import Operation, Ref

_MOST_STEPS_BACK = 6


@dataclass(frozen=True, slots=True)
class Unfed:
    """An array that is moved by zeros.

    Attributes:
        one: The array, and its gradient.
        velocity: How what it is moved by is called there.
        sign: `+` or `-`: how the gradient has to enter that.
    """

    one: Unapplied
    velocity: str
    sign: str


def unfed_velocities(course: Course) -> list[Finding]:
    """Arrays that are moved by zeros in every turn, while their gradients are computed for nobody."""
    moved = moved_by(course, _by_zeros)
    if not moved:
        return []
    for turns, pairs in computed(course, moved):
        first: dict[int, Found] = {}
        for pair in pairs:
            first.setdefault(turns.whole[pair[0]], pair)
        by_site: dict[int, list[Found]] = {}
        for whole, pair in first.items():
            by_site.setdefault(moved[whole][1].site or 0, []).append(pair)
        found = [_finding(course, pairs, turns, moved) for pairs in by_site.values()]
        if found:
            return [f for f in found if f is not None]
    return []


def _by_zeros(course: Course, operation: Operation) -> bool:
    """Whether a step leaves an array exactly where it is."""
    values = course.tape.values
    old, change = operation.arguments[0].value, operation.arguments[1]
    if values[old].size < 2 or not values[old].dtype.startswith("float") or course.site(operation.site) is None:
        return False
    if values[operation.result].shape != values[old].shape or len(operation.arguments) > 3:
        return False
    if not isinstance(change, Ref):
        return isinstance(change, int | float) and change == 0
    return not np.any(course.replay.recorded[change.value])


def _finding(course: Course, pairs: list[Found], turns: Turns, moved: Moved) -> Finding | None:
    tape = course.tape
    names = {a.value: tape.sites[a.site].text for a in tape.accesses} | value_names(tape)
    wholes = [turns.whole[weight] for weight, _, _ in pairs]
    step = moved[wholes[0]][1]
    site = course.site(step.site)
    if site is None:
        return None
    velocity, made = _velocity(course, step, site)
    known = tuple(dict.fromkeys(names.get(whole, "an array") for whole in wholes))
    course.unfed[known] = [
        Unfed(
            Unapplied(weight, operation.result, factor, names.get(whole, "")),
            velocity,
            "-" if (step.function in DIFFERENCES) == (factor < 0) else "+",
        )
        for (weight, operation, factor), whole in zip(pairs, wholes, strict=True)
    ]
    gradient = last_reading(course, pairs[0][1])
    what = f"`{velocity}`" if velocity else "what it is moved by"
    return Finding(
        code="SC406",
        severity="error",
        title=f"{quoted(list(known))} {'is' if len(known) == 1 else 'are'} moved by zeros",
        message=f"{what} is zero, and stays zero: no gradient enters it; `{shown(site.text)}` changes nothing",
        location=span_of(site),
        cause=span_of(made or site),
        layer=course.layer(wholes[0]),
        parameters=known,
        trail=(TrailStep(span_of(gradient), "the gradient is computed here, for nobody"),) if gradient else (),
    )


def _velocity(course: Course, step: Operation, site: Site) -> tuple[str, Site | None]:
    """(what a step reads that is kept from turn to turn, where that is made anew in each turn)."""
    if not isinstance(step.arguments[1], Ref):
        return _number(course, site), None
    value = step.arguments[1].value
    for _ in range(_MOST_STEPS_BACK):
        made = course.producer(value)
        place = course.site(made.site) if made is not None else None
        within = place is not None and place.path == site.path and site.line <= place.line <= site.end_line
        if made is None or not within:
            read = {course.tape.sites[a.site].text for a in course.tape.accesses if a.value == value}
            inside = sorted(text for text in read if text in site.text)
            name = inside[0] if inside else course.names.get(value, "")
            often = made is not None and sum(1 for _ in course.tape.made_at(made.site or 0)) > 1
            return name, place if often else None
        zeros = [v for v in course.scaled(made) if not np.any(course.replay.recorded[v])]
        if len(zeros) != 1:
            break
        value = zeros[0]
    return "", None


def _number(course: Course, site: Site) -> str:
    """How what is added is called where it is a plain number, as velocities are before a gradient enters them."""
    added = getattr(site.node, "value" if isinstance(site.node, ast.AugAssign) else "right", None)
    kept = added if isinstance(added, ast.Name | ast.Attribute | ast.Subscript) else None
    return course.trace.sources[site.path].of(kept) if kept is not None else ""


__all__ = ["Unfed", "unfed_velocities"]
