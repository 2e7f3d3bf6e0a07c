"""Layers that learn and that no output depends on: the forward pass goes past what they give.

The backward pass goes through them all the same: the error comes back to them through the weights of a later layer, and
that layer's gradient is made with what they give. So it was meant to read that, and reads something else.
"""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from shapecheck.diagnose.course import Course, quoted, shown
from shapecheck.diagnose.finding import Finding, TrailStep
from shapecheck.diagnose.standing import uncarried
from shapecheck.diagnose.targets import Result, Target
from shapecheck.diagnose.trail import span_of
from shapecheck.gradients.inferred import inferred_losses
from shapecheck.gradients.replay import ReplayError
from shapecheck.gradients.steps import Step
from shapecheck.network.dependence import CARRIERS
from shapecheck.trace.operations import MATRIX_PRODUCTS, PRODUCTS, QUOTIENTS
from shapecheck.trace.tape import Operation, Ref


def passed_by(course: Course) -> list[Finding]:
    """Parameters that the error comes back to through a layer, while no output of that layer depends on them."""
    found: list[tuple[Operation, Result]] = []
    names: tuple[str, ...] = ()
    gave: list[int] = []
    for step in course.steps:
        seeds = {output for loss in inferred_losses(course.replay, step) for output in loss.seeds}
        closure = course.replay.ancestors(seeds)
        beside = [(p, old, change) for p, old, change, _ in step.parameters if old not in closure]
        if not seeds or not beside or len(beside) == len(step.parameters):
            return []
        layers = _layers_below(course, step, closure, seeds, [old for _, old, _ in beside])
        if not layers or not all(_comes_back(course, step, closure, seeds, change) for _, _, change in beside):
            return []
        for operation, given in (layer for layer in layers if layer[0].site == layers[0][0].site):
            operand = next(i for i in operation.inputs if uncarried(course, i) not in step.olds)
            try:
                wanted = course.replay.exchanged(operation, operand, course.replay.recorded[given])
            except ReplayError:
                return []
            if wanted is None or np.shape(wanted) != np.shape(course.replay.recorded[operation.result]):
                return []
            found.append((operation, Result(operation.result, (np.asarray(wanted, dtype=float),), exact=True)))
            gave.append(given)
        names = names or tuple(dict.fromkeys(p.name for p, _, _ in beside))
    sites = {operation.site for operation, _ in found}
    site = course.site(found[0][0].site) if len(sites) == 1 else None
    if site is None:
        return []
    course.aimed[names] = (Target(site.number, tuple(result for _, result in found)),)
    course.settled.add(names)
    made = course.site_of(gave[0])
    return [
        Finding(
            code="SC305",
            severity="error",
            title=f"the forward pass goes past {quoted(list(names))}",
            message=f"the error comes back to {quoted(list(names))} through the layer of `{shown(site.text)}`, and no "
            "output depends on them: this layer reads something else than what they give",
            location=span_of(site),
            cause=span_of(site),
            layer=course.layer(next(old for p, old, *_ in course.steps[0].parameters if p.name == names[0])),
            parameters=names,
            trail=(TrailStep(span_of(made), "this is what they give"),) if made is not None else (),
        )
    ]


def _layers_below(
    course: Course, step: Step, closure: set[int], seeds: Collection[int], beside: list[int]
) -> list[tuple[Operation, int]]:
    """(product, what it should read): products of the forward pass whose weight's gradient is made with something else.

    That was made from the parameters that are passed by, is as large as what the product reads, and nothing else of
    the forward pass reads it.
    """
    tape, replay = course.tape, course.replay
    changes = {old: change for _, old, change, _ in step.parameters}
    lost = replay.dependents(beside, step.last + 1)
    after = replay.dependents(seeds, step.last + 1)
    if _enters_an_error(course, step, lost - after):
        return []
    found = []
    for operation in tape.operations[step.first : step.last + 1]:
        if operation.function not in MATRIX_PRODUCTS or operation.result not in closure or len(operation.inputs) != 2:
            continue
        weights = [w for i in operation.inputs if (w := uncarried(course, i)) in step.olds]
        others = [i for i in operation.inputs if uncarried(course, i) not in step.olds]
        if len(weights) != 1 or len(others) != 1:
            continue
        made = replay.ancestors([changes[weights[0]]], until=course.versions)
        factors = [o for o in tape.operations[step.first : step.last + 1] if o.result in made & after]
        factors = [o for o in factors if o.function in MATRIX_PRODUCTS]
        given = {_unscaled(course, i) for o in factors for i in o.inputs} & (lost - after)
        alike = [g for g in given if tape.values[g].shape == tape.values[others[0]].shape]
        if len(alike) == 1 and others[0] not in lost:
            found.append((operation, alike[0]))
    return found


def _unscaled(course: Course, value: int) -> int:
    """What a value is a view, or a multiple by a number, of: `h` of `0.1 * h.T`."""
    while True:
        value = uncarried(course, value)
        made = course.producer(value)
        arrays = [i for i in made.inputs if course.tape.values[i].size > 1] if made is not None else []
        if made is None or made.function not in PRODUCTS | QUOTIENTS or len(arrays) != 1:
            return value
        if made.function in QUOTIENTS and made.arguments[0] != Ref(arrays[0]):
            return value
        value = arrays[0]


def _enters_an_error(course: Course, step: Step, lost: set[int]) -> bool:
    """Whether what is lost for the output is held against data, or comes down to a number: then it has its own loss."""
    for operation in course.tape.operations[step.first : step.last + 1]:
        value = course.tape.values[operation.result]
        if operation.result in lost and value.size == 1 and operation.function not in CARRIERS:
            return True
    return False


def _comes_back(course: Course, step: Step, closure: set[int], seeds: Collection[int], change: int) -> bool:
    """Whether a change was made from the error, after that met a weight that the output depends on."""
    made = course.replay.ancestors([change], until=course.versions)
    after = course.replay.dependents(seeds, step.last + 1) & made
    for operation in course.tape.operations[step.first : step.last + 1]:
        if operation.result in after and operation.function in MATRIX_PRODUCTS:
            weights = {uncarried(course, i) for i in operation.inputs} & step.olds
            if weights & closure and any(i in after for i in operation.inputs):
                return True
    return False


__all__ = ["passed_by"]
