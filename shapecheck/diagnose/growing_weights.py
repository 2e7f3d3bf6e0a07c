"""Penalties with the wrong sign: weight decay that lets the weights grow, in proportion to themselves."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from shapecheck.diagnose.course import Course, quoted, shown
from shapecheck.diagnose.finding import Finding, TrailStep
from shapecheck.diagnose.trail import span_of
from shapecheck.gradients.steps import Step
from shapecheck.trace.operations import SUMS
from shapecheck.trace.sites import Site
from shapecheck.trace.tape import Operation

GROWING = "this penalty makes the weights grow"
# Of fewer entries any step is some multiple of the gradient and some multiple of the weights.
_TELLING = 4
_EXACT = 1e-6


def growing_weights(course: Course) -> list[Finding]:
    """Steps that are a gradient's, and a part of the weights themselves added to them."""
    told: dict[str, dict[int, Site]] = {}
    # Nothing is added to weights of zero.
    telling = [s for s in course.steps if any(np.any(course.replay.recorded[old]) for old in s.olds)]
    every = set(sorted({s.number for s in telling})[:2])
    for step in [s for s in telling if s.number in every]:
        known = course.verdicts(step)
        if known is None:
            continue
        for parameter, old, change, _ in step.parameters:
            if not _grows(course, step, old, known.matching.adjoints[old]):
                continue
            entered = next(_entries(course, step, old, change), None)
            site = course.site(entered.site) if entered is not None else None
            if site is not None:
                told.setdefault(parameter.name, {})[step.number] = site
    # One step may be so by chance, as where the weights are small and the gradient is mostly noise.
    sites = {name: by_step[min(by_step)] for name, by_step in told.items() if set(by_step) == every}
    if not sites:
        return []
    places = list({site.number: site for site in sites.values()}.values())
    return [
        Finding(
            code="SC303",
            severity="error",
            title=GROWING,
            message=f"`{shown(places[0].text)}` adds a part of {quoted(list(sites))} to what the step applies, away "
            "from zero: the derivative of a penalty is added to the gradient, and taken off the weights with it",
            location=span_of(places[0]),
            cause=span_of(places[0]),
            parameters=tuple(sites),
            trail=tuple(TrailStep(span_of(site), "and so does this") for site in places[1:8]),
        )
    ]


def _grows(course: Course, step: Step, old: int, adjoint: object) -> bool:
    """Whether a step is `-a * gradient + k * weights`, both positive."""
    moved = step.movement(course.replay, old)
    weights = np.ravel(np.asarray(course.replay.recorded[old], dtype=float))
    gradient = np.ravel(np.asarray(adjoint, dtype=float))
    if moved is None or weights.size < _TELLING or gradient.size != weights.size:
        return False
    target = np.ravel(np.asarray(moved, dtype=float))
    sizes = [float(np.linalg.norm(v)) for v in (gradient, weights, target)]
    if not all(np.isfinite(sizes)) or not all(sizes) or abs(gradient @ weights) > 0.999 * sizes[0] * sizes[1]:
        return False
    basis = np.stack([gradient / sizes[0], weights / sizes[1]], axis=1)
    (along, growth), *_ = np.linalg.lstsq(basis, target, rcond=None)
    close = float(np.linalg.norm(basis @ [along, growth] - target)) <= _EXACT * sizes[2]
    return bool(close and along < 0 and growth > 1e-4 * sizes[2])


def _entries(course: Course, step: Step, old: int, change: int) -> Iterator[Operation]:
    """The sums in which a part of the weights enters what a step applies."""
    values = course.tape.values
    shape = values[old].shape
    parts = {old}
    for operation in course.tape.operations[step.first : step.last + 1]:
        scaled = set(course.scaled(operation)) if operation.function not in SUMS else set()
        if scaled and scaled <= parts and values[operation.result].shape == shape:
            parts.add(operation.result)
    needed = course.replay.ancestors([change]) | {
        u.new for p, o, _, _ in step.parameters if o == old for u in p.updates
    }
    for operation in course.tape.operations[step.first : step.last + 1]:
        mine = [i for i in operation.inputs if i in parts - {old}]
        if operation.function in SUMS and mine and operation.result in needed and len(operation.inputs) == 2:
            yield operation


__all__ = ["GROWING", "growing_weights"]
