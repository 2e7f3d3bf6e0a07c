"""A forward pass that is wrong under a right backward pass: a normalisation along the wrong axis, or along all."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from shapecheck.diagnose.verdicts import Verdicts
from shapecheck.gradients.functions import CannotReplayError
from shapecheck.gradients.losses import find_losses
from shapecheck.gradients.matching import same_direction
from shapecheck.gradients.replay import Replay, ReplayError
from shapecheck.gradients.steps import Loss, Step
from shapecheck.trace.tape import Operation

_MOST_REDUCTIONS = 4
_REDUCTIONS = frozenset(
    {f"numpy.{name}" for name in ("sum", "mean", "max", "amax", "std", "var", "linalg.norm")}
    | {f".{name}" for name in ("sum", "mean", "max", "std", "var")}
)


@dataclass(frozen=True, slots=True)
class Turned:
    """A reduction of the forward pass that is meant to be taken along another axis.

    Attributes:
        site: Of the reduction.
        wanted: Its results, each with what it is along `axis`.
        axis: The axis that is meant.
    """

    site: int
    wanted: dict[int, Any]
    axis: int


@dataclass(frozen=True, slots=True)
class WrongAxis:
    """Reductions of the forward pass that make every gradient right once they are taken along another axis.

    Attributes:
        reductions: One; or several of which none is enough, as the largest score and the sum of a softmax.
        loss: What the step descends then.
    """

    reductions: tuple[Turned, ...]
    loss: Loss


def axis_to_blame(
    replay: Replay, step: Step, trusted: Collection[int] = (), forward: Collection[int] | None = None
) -> WrongAxis | None:
    """Find reductions of the forward pass that, taken along another axis, make every gradient of a step right.

    Args:
        replay: The tape.
        step: One with gradients that are wrong.
        trusted: Values of the forward pass that gradients have been right through as they are.
        forward: What that loss is computed from, if there are any: a reduction of the backward pass is none of it.
    """
    changes = [change for _, _, change, _ in step.parameters]
    needed = replay.ancestors(changes) & replay.dependents(step.olds, step.last + 1)
    tried: dict[int, list[Operation]] = {}
    for operation in replay.tape.operations[step.first : step.last + 1]:
        if operation.site is None or operation.site in tried or operation.result not in needed:
            continue
        if operation.result in trusted or (forward is not None and operation.result not in forward):
            continue
        if not _is_suspicious(replay, operation) or needed.isdisjoint(operation.inputs):
            continue
        tried[operation.site] = list(replay.tape.made_at(operation.site))
        for axis in _axes(replay, operation):
            found = _right_along(replay, step, [tried[operation.site]], axis)
            if found is not None:
                return found
        if len(tried) >= _MOST_REDUCTIONS:
            break
    first = next(iter(tried.values()), [])
    alike = [made for made in tried.values() if _axis(made[0]) == _axis(first[0])]
    for axis in _axes(replay, first[0]) if len(alike) > 1 else ():
        found = _right_along(replay, step, alike, axis)
        if found is not None:
            return found
    return None


def another_axis_gives(replay: Replay, value: int, wanted: Any) -> bool:
    """Whether a value of the backward pass is what is wanted once a reduction in its expression takes another axis.

    A softmax that goes over one axis forward and over another one backward is one mistake where it goes backward, and
    two, of its largest score and its sum, where it goes forward.

    Args:
        replay: The tape.
        value: Its number.
        wanted: What it should be, up to a factor.
    """
    tape = replay.tape
    site = tape.site_of(value)
    if site is None:
        return False
    for number in sorted(replay.ancestors([value]), reverse=True):
        made = tape.values[number].producer
        operation = tape.operations[made] if made is not None else None
        if operation is None or operation.site is None or operation.function not in _REDUCTIONS:
            continue
        if not operation.inputs or not tape.sites[operation.site].within(site):
            continue
        for axis in _axes(replay, operation):
            try:
                other = replay.edited({operation.number: _along(operation, axis)}, tape.values[value].producer)
                step = other.step(tape.operations[tape.values[value].producer or 0])
                again = step(other.recorded) if step is not None else None
            except (ReplayError, CannotReplayError, ValueError, TypeError):
                continue
            if again is not None and same_direction(again, wanted):
                return True
    return False


def _right_along(replay: Replay, step: Step, reductions: Sequence[Sequence[Operation]], axis: int) -> WrongAxis | None:
    """Some reductions along an axis, if all gradients of a step are right then."""
    loss = _right_with(replay, step, {o.number: _along(o, axis) for made in reductions for o in made})
    if loss is None:
        return None
    turned = []
    for made in reductions:
        alone = replay.edited({o.number: _along(o, axis) for o in made})
        turned.append(Turned(made[0].site or 0, {o.result: alone.recorded[o.result] for o in made}, axis))
    return WrongAxis(tuple(turned), loss)


def _axis(operation: Operation) -> Any:
    return operation.keywords.get("axis", operation.arguments[1] if len(operation.arguments) > 1 else None)


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
        early = {number: operation for number, operation in operations.items() if number <= step.last}
        losses = find_losses(replay.edited(early, step.last + 1), step)
    except (ReplayError, CannotReplayError, ValueError, TypeError):
        return None
    for loss in losses[:2]:
        assert loss.matching is not None
        verdicts = Verdicts(loss.matching, step).all()
        told = [v for v in verdicts if not v.proves_nothing]
        if any(v.is_right and not v.weak for v in told) and all(v.is_right for v in told):
            return loss
    return None


__all__ = ["Turned", "WrongAxis", "another_axis_gives", "axis_to_blame"]
