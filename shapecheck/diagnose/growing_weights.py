"""Penalties with the wrong sign: weight decay that lets weights grow, or that moves weights of both signs one way."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from shapecheck.diagnose.course import Course, quoted, shown
from shapecheck.diagnose.finding import Finding, TrailStep
from shapecheck.diagnose.trail import span_of
from shapecheck.gradients.losses import find_losses
from shapecheck.gradients.matching import same_direction
from shapecheck.gradients.steps import Step
from shapecheck.trace.operations import DIFFERENCES, SUMS
from shapecheck.trace.sites import Site
from shapecheck.trace.tape import Operation, Ref

GROWING = "this penalty makes the weights grow"
ONE_WAY = "this penalty moves all weights one way"
# Of fewer entries any step is some multiple of the gradient and some multiple of the weights.
_TELLING = 4
_EXACT = 1e-6


def growing_weights(course: Course) -> list[Finding]:
    """Steps that are a gradient's, and a part of the weights themselves added to them."""
    told: dict[str, dict[int, tuple[str, Site]]] = {}
    # Nothing is added to weights of zero.
    telling = [s for s in course.steps if any(np.any(course.replay.recorded[old]) for old in s.olds)]
    every = set(sorted({s.number for s in telling})[:2])
    for step in [s for s in telling if s.number in every]:
        known = course.verdicts(step)
        if known is None:
            continue
        for parameter, old, change, _ in step.parameters:
            weights = np.asarray(course.replay.recorded[old], dtype=float)
            gradient = known.matching.adjoints[old]
            title, part = GROWING, weights if _takes(course, step, old, gradient, weights, growing=True) else None
            if part is None and np.any(weights > 0) and np.any(weights < 0):
                # Where the program's own loss has the penalty, the rest of the gradient is that of another one.
                losses = [loss.adjoints for loss in find_losses(course.replay, step) if loss.credible]
                gradients = [gradient, *(a[old] for a in losses if a is not None)]
                even = [np.abs(weights), weights**2]
                pairs = ((g, e) for g in gradients for e in even if _takes(course, step, old, g, e))
                title, part = ONE_WAY, next((e for _, e in pairs), None)
            entries = _entries(course, step, old, change, part) if part is not None else iter(())
            grown = title == GROWING
            entered = next((o for o, term in entries if not (grown and _shrinks(course, step, old, o, term))), None)
            site = course.site(entered.site) if entered is not None else None
            if site is not None:
                told.setdefault(parameter.name, {})[step.number] = title, site
    # One step may be so by chance, as where the weights are small and the gradient is mostly noise.
    found = {name: by_step[min(by_step)] for name, by_step in told.items() if set(by_step) == every}
    for title in (GROWING, ONE_WAY):
        sites = {name: site for name, (kind, site) in found.items() if kind == title}
        if sites:
            return [_finding(title, sites)]
    return []


def _finding(title: str, sites: dict[str, Site]) -> Finding:
    places = list({site.number: site for site in sites.values()}.values())
    why = (
        f"adds a part of {quoted(list(sites))} to what the step applies, away from zero: the derivative of a penalty "
        "is added to the gradient, and taken off the weights with it"
        if title == GROWING
        else f"adds to the gradient of {quoted(list(sites))} what has the same sign for weights on both sides of zero, "
        "and so drives half of them away from it: the derivative of `|w|` is `sign(w)`, that of `w ** 2` is `2 * w`"
    )
    return Finding(
        code="SC303",
        severity="error",
        title=title,
        message=f"`{shown(places[0].text)}` {why}",
        location=span_of(places[0]),
        cause=span_of(places[0]),
        parameters=tuple(sites),
        trail=tuple(TrailStep(span_of(site), "and so does this") for site in places[1:8]),
    )


def _takes(course: Course, step: Step, old: int, adjoint: Any, part: Any, *, growing: bool = False) -> bool:
    """Whether a step is `-a * gradient + k * part`, with a positive `a`; and with a positive `k`, too, if `growing`."""
    moved = step.movement(course.replay, old)
    if moved is None or np.shape(adjoint) != np.shape(part) or np.shape(moved) != np.shape(part):
        return False
    rows = _rows(moved)
    weights, gradient, target = (np.ravel(np.asarray(a, dtype=float)[rows]) for a in (part, adjoint, moved))
    if weights.size < _TELLING:
        return False
    sizes = [float(np.linalg.norm(v)) for v in (gradient, weights, target)]
    if not all(np.isfinite(sizes)) or not all(sizes) or abs(gradient @ weights) > 0.999 * sizes[0] * sizes[1]:
        return False
    basis = np.stack([gradient / sizes[0], weights / sizes[1]], axis=1)
    (along, growth), *_ = np.linalg.lstsq(basis, target, rcond=None)
    close = float(np.linalg.norm(basis @ [along, growth] - target)) <= _EXACT * sizes[2]
    return bool(close and along < 0 and (growth if growing else abs(growth)) > 1e-4 * sizes[2])


def _rows(moved: Any) -> Any:
    """The rows that a step moves: of what is learned for each word or user, only that of those that it is made from."""
    found = np.any(moved != 0, axis=tuple(range(1, np.ndim(moved)))) if np.ndim(moved) > 1 else np.zeros(0)
    return found if np.any(found) and not np.all(found) else ...


def _entries(course: Course, step: Step, old: int, change: int, part: Any) -> Iterator[tuple[Operation, int]]:
    """The sums in which a multiple of `part`, the weights or what was made from them, enters what a step applies.

    Each comes with the number of that multiple.
    """
    values, recorded = course.tape.values, course.replay.recorded
    moved = step.movement(course.replay, old)
    rows = _rows(moved) if moved is not None else ...
    shape = values[old].shape
    taken = np.squeeze(np.asarray(part, dtype=float)[rows])
    shapes = {shape} if rows is ... else {shape, taken.shape, (1, *taken.shape)}
    parts = {old}
    # Of the weights times what the network makes of them, an error, nothing is a penalty.
    learned = course.replay.dependents(step.olds, step.last + 1) | step.olds
    for operation in course.tape.operations[step.first : step.last + 1]:
        made = [number for number in operation.inputs if number in parts]
        plain = made and operation.function not in SUMS and learned.intersection(operation.inputs) <= parts
        if plain and values[operation.result].shape in shapes:
            array = np.asarray(recorded[operation.result], dtype=float)
            if same_direction(array, part if array.shape == shape else taken.reshape(array.shape)):
                parts.add(operation.result)
    needed = course.replay.ancestors([change]) | {
        u.new for p, o, _, _ in step.parameters if o == old for u in p.updates
    }
    for operation in course.tape.operations[step.first : step.last + 1]:
        mine = [i for i in operation.inputs if i in parts - {old}]
        if operation.function in SUMS and mine and len(operation.inputs) == 2 and operation.site is not None:
            # A step of one row is taken apart into its terms, to be put together with those of other rows.
            if operation.result in needed or (rows is not ... and needed.issuperset(operation.inputs)):
                yield operation, mine[0]


def _shrinks(course: Course, step: Step, old: int, total: Operation, term: int) -> bool:
    """Whether a penalty is right in a sum that is all of a step: weights grow by what the rest of it is made from."""
    moved, recorded = step.movement(course.replay, old), course.replay.recorded
    rows = _rows(moved)
    change, weights = (np.ravel(np.asarray(a, dtype=float)[rows]) for a in (moved, recorded[old]))
    whole, part = (np.ravel(np.asarray(recorded[number], dtype=float)) for number in (total.result, term))
    if len({array.size for array in (change, weights, whole, part)}) > 1 or not same_direction(whole, change):
        return False
    taken_off = total.function in DIFFERENCES and total.arguments[1] == Ref(term)
    return bool(float(whole @ change) * float(part @ weights) * (-1 if taken_off else 1) < 0)


__all__ = ["GROWING", "ONE_WAY", "growing_weights"]
