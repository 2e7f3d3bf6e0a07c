"""Errors that are zero whatever comes in: an output or a target that is taken from itself; nothing moves then."""

from __future__ import annotations

import numpy as np

from shapecheck.diagnose.broadcast import SilentMistake, pseudo_failure
from shapecheck.diagnose.finding import Finding
from shapecheck.diagnose.targets import Result, Target
from shapecheck.diagnose.trail import span_of
from shapecheck.gradients.inferred import targets_at_hand
from shapecheck.gradients.replay import Replay
from shapecheck.gradients.steps import steps
from shapecheck.network.parameters import Parameter
from shapecheck.trace.child import Trace
from shapecheck.trace.operations import DIFFERENCES
from shapecheck.trace.tape import Operation


def zero_error(trace: Trace, replay: Replay, parameters: list[Parameter]) -> SilentMistake | None:
    """The difference of an output, or a target, and itself, where every step of every parameter is zero for it."""
    changes = [u.change for p in parameters for u in p.updates]
    if any(np.any(replay.recorded[change]) for change in changes):
        return None
    last = max(u.operation for p in parameters for u in p.updates) + 1
    olds = {u.old for p in parameters for u in p.updates}
    learned = replay.dependents(olds, last)
    for operation in trace.head.operations[:last]:
        of_output = _is_of_itself(operation) and operation.inputs[0] in learned
        of_target = not of_output and learned.isdisjoint(operation.inputs) and _vanishes(replay, operation)
        if operation.site is None or not (of_output or of_target):
            continue
        spoilt = replay.dependents([operation.result], last)
        site = trace.head.sites[operation.site]
        of_first_step = {p.updates[0].change for p in parameters}
        if site.path not in trace.sources or not of_first_step <= spoilt:
            continue
        targets = _targets(replay, parameters, operation) if of_output else _from_outputs(replay, parameters, operation)
        if of_target and not targets:
            continue  # nothing that has to do with an output
        said = (
            "an output from itself: the target is missing" if of_output else "data from themselves: no output is in it"
        )
        span = span_of(site)
        shown = " ".join(site.text.split())
        finding = Finding(
            code="SC306",
            severity="error",
            title="this error is zero, whatever comes in",
            message=f"`{shown}` takes {said}, and no step moves anything",
            location=span,
            cause=span,
            parameters=tuple(dict.fromkeys(p.name for p in parameters)),
        )
        failure = pseudo_failure(trace, trace.head, site, tuple(operation.inputs))
        return SilentMistake(finding, failure, targets, bound=True)
    return None


def _targets(replay: Replay, parameters: list[Parameter], operation: Operation) -> tuple[Target, ...]:
    """The difference from whatever may be the output's target."""
    first = steps(replay, parameters, 1)
    output = operation.inputs[0]
    step = next((s for s in first if s.last > operation.number), None)
    given = targets_at_hand(replay, step, output) if step is not None else []
    wanted = tuple(np.asarray(replay.recorded[output], dtype=float) - pair.target for pair in given)
    return (Target(operation.site, (Result(operation.result, wanted),)),) if wanted else ()


def _from_outputs(replay: Replay, parameters: list[Parameter], operation: Operation) -> tuple[Target, ...]:
    """The difference of what was computed last, of all that is as large, and whatever may be its target."""
    step = next((s for s in steps(replay, parameters, 1) if s.last > operation.number), None)
    shape = np.shape(replay.recorded[operation.result])
    made = replay.dependents(step.olds, operation.number) - step.olds if step is not None else set()
    for output in sorted((v for v in made if np.shape(replay.recorded[v]) == shape), reverse=True):
        given = targets_at_hand(replay, step, output) if step is not None else []
        wanted = tuple(np.asarray(replay.recorded[output], dtype=float) - pair.target for pair in given)
        if wanted:
            return (Target(operation.site, (Result(operation.result, wanted),)),)
    return ()


def _vanishes(replay: Replay, operation: Operation) -> bool:
    """Whether a difference of arrays is zero everywhere, and they are not."""
    if operation.function not in DIFFERENCES or len(operation.arguments) != 2:
        return False
    if len(operation.inputs) != (1 if _is_of_itself(operation) else 2):
        return False  # a number is taken off
    arrays = [replay.recorded[number] for number in (operation.result, *operation.inputs)]
    result, *operands = (np.asarray(a) for a in arrays if a is not None)
    return result.size > 1 and not np.any(result) and all(o.size > 1 and np.ptp(o) > 0 for o in operands)


def _is_of_itself(operation: Operation) -> bool:
    if operation.function not in DIFFERENCES or len(operation.arguments) != 2:
        return False
    return bool(operation.inputs) and operation.arguments[0] == operation.arguments[1]


__all__ = ["zero_error"]
