"""Gradients of several samples of which only the last is applied: the sum was left out, or begins anew each time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from shapecheck.diagnose.course import Course, quoted, shown
from shapecheck.diagnose.finding import Finding, TrailStep
from shapecheck.diagnose.trail import span_of
from shapecheck.diagnose.unapplied import is_dropped, is_shown
from shapecheck.gradients.steps import Step
from shapecheck.trace.operations import ADDITIONS
from shapecheck.trace.sites import Site
from shapecheck.trace.tape import Operation

ONLY_LAST = "only the last gradient of several is applied"
# So many of those before the last are looked at.
_MOST_GRADIENTS = 2
# Of so many parameters, the first of each step; a network of single numbers has many, and one loop for all.
_MOST_PARAMETERS = 24


@dataclass(frozen=True, slots=True)
class _Lost:
    """A parameter, and the gradient that it was moved by, with those before that came to nothing."""

    name: str
    parameter: int
    applied: int
    lost: tuple[int, ...]


def only_last(course: Course) -> list[Finding]:
    """Gradients that one expression computes for sample after sample, and of which the last alone has a use."""
    found: dict[int, tuple[Site, list[_Lost]]] = {}
    names: set[str] | None = None
    for step in [s for s in course.steps if s.number < 2]:
        overwritten = _overwritten(course, step)
        names = {o.name for o in overwritten} if names is None else names & {o.name for o in overwritten}
        for one in overwritten:
            site = _kept_at(course, one)
            if site is not None and not step.number:
                found.setdefault(site.number, (site, []))[1].append(one)
    kept = {number: (site, [o for o in lost if o.name in (names or ())]) for number, (site, lost) in found.items()}
    told = [(site, lost) for site, lost in kept.values() if lost]
    return [_finding(course, told)] if told else []


def _overwritten(course: Course, step: Step) -> list[_Lost]:
    found = []
    everything = {change for p in course.parameters for change in (u.change for u in p.updates)}
    for parameter, old, change, _ in step.parameters[:_MOST_PARAMETERS]:
        shape = course.tape.values[old].shape
        since = course.replay.dependents([old], step.last + 1)
        for value in course.applied(change):
            made = course.producer(value)
            if made is None or made.site is None or course.tape.values[value].shape != shape:
                continue
            if made.function in ADDITIONS and old in made.inputs:
                continue  # the output that a single number was added to has the shape of its gradient, too
            before = [
                o
                for o in course.tape.made_at(made.site)
                if o.number < made.number and o.result in since and course.tape.values[o.result].shape == shape
            ]
            last = before[-_MOST_GRADIENTS:]
            if last and all(_is_lost(course, o, made, (old, change), everything) for o in last):
                found.append(_Lost(parameter.name, parameter.birth, value, tuple(o.result for o in before)))
                break
    return found


def _is_lost(course: Course, one: Operation, last: Operation, step_of: tuple[int, int], everything: set[int]) -> bool:
    """Whether what an expression gave for another sample is a gradient of the same kind, and of no use as such.

    The delta of a layer is the gradient of its bias; it goes into that of the weight as well, and that may be summed.
    """
    replay, values = course.replay, course.tape.values
    recorded = replay.recorded[one.result]
    if not np.any(recorded) or np.array_equal(recorded, replay.recorded[last.result]):
        return False
    old, change = step_of
    if is_shown(course, one.result) or is_dropped(course, one.result):
        return False
    if not _are_of_two_samples(course, one.result, last.result, old):
        return False
    later = replay.dependents([one.result])
    if change in later or any(one.result in course.applied(reached) for reached in later & everything):
        return False
    return not (later.isdisjoint(everything) and any(values[v].size <= 1 < values[one.result].size for v in later))


def _are_of_two_samples(course: Course, one: int, other: int, old: int) -> bool:
    """Whether two gradients come from forward passes of their own, through the same expressions, for other samples.

    What two time steps, or two networks, have of one forward pass is for the gradients themselves to tell.
    """
    first, second = (course.replay.ancestors([value], until=course.all_versions) for value in (one, other))
    if old not in first | second:
        return False
    apart = first ^ second
    learned = course.learned
    shared = (first & second & learned) - course.all_versions
    if shared or _sites(course, first & learned) != _sites(course, second & learned):
        return False
    given = [{v for v in values & apart if v not in learned} for values in (first, second)]
    return bool(_places(course, given[0]) & _places(course, given[1]))


def _sites(course: Course, values: set[int]) -> set[int | None]:
    made = (course.producer(v) for v in values if v not in course.all_versions)
    return {o.site for o in made if o is not None}


def _places(course: Course, values: set[int]) -> set[int]:
    """Where samples are taken: the expressions that made them or handed them out, and what they are rows of."""
    made = [o for v in values if (o := course.producer(v)) is not None]
    found = {o.site for o in made if o.site is not None}
    found |= {-1 - o.inputs[0] for o in made if o.function == "view" and o.inputs}
    found |= {b.site for b in course.tape.bindings if b.value in values}
    return found | {a.site for a in course.tape.accesses if a.value in values}


def _kept_at(course: Course, one: _Lost) -> Site | None:
    """The last place at which both the gradient that is applied and those before it were given a name."""
    sites = [{b.site for b in course.tape.bindings if b.value == value} for value in (one.applied, one.lost[-1])]
    times = {b.site: b.time for b in course.tape.bindings if b.value == one.lost[-1]}
    common = sorted(sites[0] & sites[1], key=lambda site: times[site])
    return course.site(common[-1]) if common else course.site_of(one.applied)


def _finding(course: Course, told: list[tuple[Site, list[_Lost]]]) -> Finding:
    """What is lost is lost together: one finding names all the parameters."""
    site, lost = told[0]
    every = [one for _, group in told for one in group]
    names = tuple(dict.fromkeys(one.name for one in every))
    count = max(len(one.lost) for one in every) + 1
    computed = "gradient of {} is" if len(names) == 1 else "gradients of {} are"
    return Finding(
        code="SC406",
        severity="error",
        title=ONLY_LAST,
        message=f"the {computed.format(quoted(list(names)))} computed {count} times in one step, for one sample, or "
        f"batch, after another, and `{shown(site.text)}` keeps nothing of those before the last: add them up",
        location=span_of(site),
        cause=span_of(site),
        layer=course.layer(lost[0].parameter) if len(every) == 1 else None,
        parameters=names,
        trail=tuple(TrailStep(span_of(other), "and so it is here") for other, _ in told[1:8]),
    )


__all__ = ["ONLY_LAST", "only_last"]
