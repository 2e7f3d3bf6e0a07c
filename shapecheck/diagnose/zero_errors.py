"""Errors that are zero whatever comes in, for they are taken from themselves: `error = y - y`; nothing moves then."""

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
    """The difference of an output and itself, where every step of every parameter is zero because of it."""
    changes = [u.change for p in parameters for u in p.updates]
    if any(np.any(replay.recorded[change]) for change in changes):
        return None
    last = max(u.operation for p in parameters for u in p.updates) + 1
    olds = {u.old for p in parameters for u in p.updates}
    learned = replay.dependents(olds, last)
    for operation in trace.head.operations[:last]:
        if not _is_of_itself(operation) or operation.inputs[0] not in learned or operation.site is None:
            continue
        spoilt = replay.dependents([operation.result], last)
        site = trace.head.sites[operation.site]
        of_first_step = {p.updates[0].change for p in parameters}
        if site.path not in trace.sources or not of_first_step <= spoilt:
            continue
        span = span_of(site)
        shown = " ".join(site.text.split())
        finding = Finding(
            code="SC306",
            severity="error",
            title="this error is zero, whatever comes in",
            message=f"`{shown}` takes an output from itself: the target is missing, and no step moves anything",
            location=span,
            cause=span,
            parameters=tuple(dict.fromkeys(p.name for p in parameters)),
        )
        failure = pseudo_failure(trace, trace.head, site, tuple(operation.inputs))
        return SilentMistake(finding, failure, _targets(replay, parameters, operation), bound=True)
    return None


def _targets(replay: Replay, parameters: list[Parameter], operation: Operation) -> tuple[Target, ...]:
    """The difference from whatever may be the output's target."""
    first = steps(replay, parameters, 1)
    output = operation.inputs[0]
    step = next((s for s in first if s.last > operation.number), None)
    given = targets_at_hand(replay, step, output) if step is not None else []
    wanted = tuple(np.asarray(replay.recorded[output], dtype=float) - pair.target for pair in given)
    return (Target(operation.site, (Result(operation.result, wanted),)),) if wanted else ()


def _is_of_itself(operation: Operation) -> bool:
    if operation.function not in DIFFERENCES or len(operation.arguments) != 2:
        return False
    return bool(operation.inputs) and operation.arguments[0] == operation.arguments[1]


__all__ = ["zero_error"]
