"""A forward pass that is wrong under a right backward pass: a normalisation along the wrong axis, or along all."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from shapecheck.diagnose.verdicts import Verdicts
from shapecheck.gradients.functions import CannotReplayError
from shapecheck.gradients.losses import find_losses
from shapecheck.gradients.replay import Replay, ReplayError
from shapecheck.gradients.steps import Loss, Step
from shapecheck.trace.tape import Operation

_MOST_REDUCTIONS = 4
_REDUCTIONS = frozenset(
    {f"numpy.{name}" for name in ("sum", "mean", "max", "amax", "std", "var", "linalg.norm")}
    | {f".{name}" for name in ("sum", "mean", "max", "std", "var")}
)


@dataclass(frozen=True, slots=True)
class WrongAxis:
    """A reduction of the forward pass that makes every gradient right once it is taken along `axis`.

    Attributes:
        site: Of the reduction.
        values: Its results.
        axis: The axis that is meant.
        loss: What the step descends then.
    """

    site: int
    values: tuple[int, ...]
    axis: int
    loss: Loss


def axis_to_blame(replay: Replay, step: Step) -> WrongAxis | None:
    """Find a reduction of the forward pass that, taken along another axis, makes every gradient of a step right.

    Args:
        replay: The tape.
        step: One with gradients that are wrong.
    """
    changes = [change for _, _, change, _ in step.parameters]
    needed = replay.ancestors(changes) & replay.dependents(step.olds, step.last + 1)
    tried: set[int] = set()
    for operation in replay.tape.operations[step.first : step.last + 1]:
        if operation.site is None or operation.site in tried or operation.result not in needed:
            continue
        if not _is_suspicious(replay, operation) or needed.isdisjoint(operation.inputs):
            continue
        tried.add(operation.site)
        instances = list(replay.tape.made_at(operation.site))
        for axis in _axes(replay, operation):
            loss = _right_with(replay, step, {o.number: _along(o, axis) for o in instances})
            if loss is not None:
                return WrongAxis(operation.site, tuple(o.result for o in instances), axis, loss)
        if len(tried) >= _MOST_REDUCTIONS:
            break
    return None


def _is_suspicious(replay: Replay, operation: Operation) -> bool:
    """Whether a reduction's result is spread over the array again, as in a normalisation."""
    if operation.function not in _REDUCTIONS or not operation.inputs:
        return False
    shape = np.shape(replay.recorded[operation.inputs[0]])
    if len(shape) < 2:
        return False
    users = [o for o in replay.tape.operations[operation.number + 1 :][:200] if operation.result in o.inputs]
    return any(np.shape(replay.recorded[o.result]) == shape for o in users)


def _axes(replay: Replay, operation: Operation) -> Iterator[int]:
    """The axes to try, the last one first; along one of length 1 every number would be reduced to itself."""
    shape = np.shape(replay.recorded[operation.inputs[0]])
    last = len(shape) - 1
    yield from (axis for axis in (last, *range(last)) if shape[axis] > 1)


def _along(operation: Operation, axis: int) -> Operation:
    keywords: dict[str, Any] = {k: v for k, v in operation.keywords.items() if k != "axis"}
    return replace(operation, arguments=operation.arguments[:1], keywords={**keywords, "axis": axis, "keepdims": True})


def _right_with(replay: Replay, step: Step, operations: dict[int, Operation]) -> Loss | None:
    """The loss under which all gradients are right, had some operations been others."""
    try:
        losses = find_losses(replay.edited(operations), step)
    except (ReplayError, CannotReplayError, ValueError, TypeError):
        return None
    for loss in losses[:2]:
        assert loss.matching is not None
        verdicts = Verdicts(loss.matching, step).all()
        told = [v for v in verdicts if not v.proves_nothing]
        if any(v.is_right and not v.weak for v in told) and all(v.is_right for v in told):
            return loss
    return None


__all__ = ["WrongAxis", "axis_to_blame"]
