"""What speaks for a loss of which no gradient is right: that a single mistake, or a chain of them, explains all.

A backward pass through several layers is not in order for a loss by accident, but for one value.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from shapecheck.diagnose.branches import common_factor
from shapecheck.diagnose.odd_slopes import follows_up_to_it, has_the_slope_of_another
from shapecheck.diagnose.verdicts import Verdicts
from shapecheck.gradients.adjoints import Adjoints
from shapecheck.gradients.matching import same_direction
from shapecheck.gradients.replay import Replay
from shapecheck.gradients.steps import Loss, Step
from shapecheck.network.dependence import CARRIERS
from shapecheck.network.parameters import find_parameters
from shapecheck.trace.operations import PRODUCTS, QUOTIENTS, SUMS
from shapecheck.trace.tape import Operation

if TYPE_CHECKING:
    from shapecheck.diagnose.gradient import Diagnosis


def meets_data(known: Replay, step: Step, loss: Loss, *, after: int | None = None) -> bool:
    """Whether data meet a loss entry by entry, or by an index, on its way from the parameters, as targets do.

    A mean of outputs is printed to be looked at, and the gradient of a single bias is a number as well. What another
    network met in its own steps, of which this loss sees the results, is no target here. With `after`, the output, only
    what is made of it counts.
    """
    if loss.value is None:
        return False
    updates = [u for p in find_parameters(known.tape, most_updates=len(known.tape.operations)) for u in p.updates]
    parameters = {u.old for u in updates} | step.olds
    learned = known.dependents(parameters, step.last + 400)
    stepped = {u.new for u in updates}
    computed = (learned & known.ancestors([loss.value], until=parameters | stepped)) - parameters - stepped
    computed &= computed if after is None else known.dependents([after], step.last + 400) - {after}
    for operation in (o for o in known.tape.operations if o.result in computed):
        others = [n for n in operation.inputs if n not in learned and known.tape.values[n].size > 1]
        if others and (operation.function in SUMS | PRODUCTS | QUOTIENTS or operation.function == "getitem"):
            return True
        if operation.function in SUMS and _are_of_two_samples(known, operation):
            return True
    return False


def _are_of_two_samples(known: Replay, operation: Operation) -> bool:
    """Whether two outputs of one expression are held against each other, as those of pairs and triplets are."""
    if len(set(operation.inputs)) != 2 or any(known.tape.values[n].size < 2 for n in operation.inputs):
        return False
    made = [known.tape.values[n].producer for n in operation.inputs]
    sites = {known.tape.operations[p].site for p in made if p is not None}
    return None not in made and len(sites) == 1 and None not in sites


def is_output(found: Diagnosis) -> bool:
    """Whether what is to blame is the very value that a supposed loss is a loss of."""
    return found.loss.inferred and not set(found.suspects[0].values).isdisjoint(found.loss.seeds)


def is_renamed(known: Replay, found: Diagnosis) -> bool:
    """Whether what is to blame is a second name: `delta = out`."""
    return isinstance(known.tape.sites[found.suspects[0].site].node, ast.Name)


def is_one_mistake(found: Diagnosis) -> bool:
    """Whether one value sets a whole backward pass right."""
    first = next(iter(found.suspects[: found.independent]), None)
    adjoints = found.loss.adjoints
    # Of a loss that is only supposed, what is a multiple of a derivative, or another one, may be that of the real loss.
    reasons = {"value"} if found.loss.inferred else {"value", "other", "scale"}
    if first is None or adjoints is None or first.reason not in reasons:
        return False
    if not (first.operands_right or first.sound or (first.beside_right and not found.loss.inferred)):
        return False
    if not len(first.explains) == len(found.wrong) == sum(not v.proves_nothing for v in found.verdicts):
        return False
    if found.loss.value is None:
        return True
    several = _weights(adjoints, (v.parameter for v in found.wrong)) > 1
    if several or found.loss.matching is None:
        return several
    known = Verdicts(found.loss.matching, found.step)
    supposed = found.loss.inferred
    if common_factor(known, first.values) is not None or has_the_slope_of_another(known, first, supposed=supposed):
        return True
    return not supposed and follows_up_to_it(known, first)


def _weights(adjoints: Adjoints, parameters: Iterable[int]) -> int:
    """How many of some parameters are weights: matrices, and kernels of one axis, which are not only added."""
    flat = {p for p in parameters if np.size(adjoints[p]) > 1}
    found = {p for p in flat if np.ndim(adjoints[p]) > 1}
    for operation in adjoints.replay.tape.operations:
        if operation.result in adjoints.closure and operation.function not in SUMS | CARRIERS:
            found |= flat.intersection(operation.inputs)
    return len(found)


def is_chain_of_mistakes(found: Diagnosis) -> bool:
    """Whether values that are made from one another set a whole backward pass right, one of them several layers."""
    chosen = found.suspects[: found.independent]
    adjoints = found.loss.adjoints
    if found.loss.inferred or found.loss.value is None or adjoints is None or len(chosen) < 2:
        return False
    first = min(chosen, key=lambda s: min(s.values))
    if not (first.operands_right or first.sound) or any(s.reason != "value" for s in chosen):
        return False
    made_from_it = all(set(first.values) & adjoints.replay.ancestors(s.values) for s in chosen)
    several = any(_weights(adjoints, s.explains) > 1 for s in chosen)
    explained = {p for s in chosen for p in s.explains}
    return made_from_it and several and explained >= {v.parameter for v in found.wrong}


def begun_with(known: Replay, step: Step, losses: Iterable[Loss]) -> list[Loss]:
    """The inferred losses whose derivative by the output itself is what a step is made from, up to a factor."""
    recorded = known.recorded
    used = known.ancestors([change for _, _, change, _ in step.parameters], until=step.olds) - step.olds
    made = {o.result for o in known.tape.operations[step.first : step.last + 1]} & used
    return [
        loss
        for loss in losses
        if loss.inferred
        and any(np.size(seed) > 1 and same_direction(recorded[v], seed) for v in made for seed in loss.seeds.values())
    ]


__all__ = ["begun_with", "is_chain_of_mistakes", "is_one_mistake", "is_output", "is_renamed", "meets_data"]
