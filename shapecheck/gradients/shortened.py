"""Steps that add up the gradients of many samples, one after another, as steps of the first few of them.

The sum after the thirtieth sample is the gradient of the loss of thirty samples: what is wrong with the whole is wrong
with that, and hundreds of samples take too long to look at. It holds only where each sample is computed by itself,
after the gradients of the one before it were added.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from shapecheck.gradients.replay import Replay
from shapecheck.gradients.steps import Step
from shapecheck.trace.operations import SUMS
from shapecheck.trace.tape import Operation, Ref

# A sum of more turns than these is looked at up to so many of them.
_MANY = 60
_ENOUGH = 30
# Or of more than these, where what is computed for one of them takes long, as a sequence does.
_SEVERAL = 6
_LEAST = 4
_LONG = 5000
_SCALING = frozenset({"*", "/", "*=", "/=", "numpy.multiply", "numpy.divide", "unary-"})
_MOST_SCALED = 6
# How far from one another two factors may be that are one.
_SAME = 1e-9


def shortened(replay: Replay, step: Step) -> Step:
    """A step as that of the first samples it sums over; as it is where it sums over few, or they hang together."""
    sums = {}
    for _, old, change, _ in step.parameters:
        turns = _turns(replay, change)
        if len(turns) <= (_MANY if step.last - step.first < _LONG else _SEVERAL):
            return step
        sums[old] = turns
    if len({len(turns) for turns in sums.values()}) != 1 or not _are_apart(replay, step, list(sums.values())):
        return step
    if not _are_scaled_alike(replay, step, sums):
        return step
    enough = _enough(list(sums.values()))
    parameters = tuple((p, old, sums[old][enough - 1].result, sign) for p, old, _, sign in step.parameters)
    last = max(turns[enough - 1].number for turns in sums.values())
    return replace(step, parameters=parameters, last=last)


def _enough(sums: list[list[Operation]]) -> int:
    """How many turns are looked at: fewer of such as take long."""
    turns = sums[0]
    each = max(1, (turns[-1].number - turns[0].number) // (len(turns) - 1))
    return max(_LEAST, min(_ENOUGH, _LONG // each, len(turns) - 1))


def _turns(replay: Replay, change: int) -> list[Operation]:
    """The additions at one place that a change was summed by, before it was scaled, the first of them first."""
    made = _made(replay, change)
    for _ in range(_MOST_SCALED):
        if made is None or made.function not in _SCALING:
            break
        shape = np.shape(replay.recorded[made.result])
        whole = [i for i in made.inputs if np.shape(replay.recorded[i]) == shape]
        if len(whole) != 1 or (shape == () and len(made.inputs) > 1):
            return []
        made = _made(replay, whole[0])
    found: list[Operation] = []
    site = made.site if made is not None else None
    while made is not None and made.function in SUMS and made.site == site and len(made.arguments) == 2:
        found.append(made)
        before = made.arguments[0]
        made = _made(replay, before.value) if isinstance(before, Ref) else None
    return found[::-1]


def _are_apart(replay: Replay, step: Step, sums: list[list[Operation]]) -> bool:
    """Whether what the second sample adds was computed after all that the first one has added, outputs included."""
    first = max(turns[0].number for turns in sums)
    learned = replay.dependents(step.olds, step.last + 1) - step.olds
    for turns in sums:
        added: Any = turns[1].arguments[1]
        if not isinstance(added, Ref) or turns[1].number < first:
            return False
        made = [_made(replay, v) for v in replay.ancestors([added.value]) & learned]
        if any(operation is not None and operation.number < first for operation in made):
            return False
    return True


def _are_scaled_alike(replay: Replay, step: Step, sums: dict[int, list[Operation]]) -> bool:
    """Whether the sums are all multiplied by one number after they are complete: else that may be the mistake."""
    factors = []
    for _, old, change, _ in step.parameters:
        whole = np.asarray(replay.recorded[sums[old][-1].result], dtype=float)
        square = float(np.sum(whole * whole))
        if not np.isfinite(square):
            return False
        if square:
            factors.append(float(np.sum(whole * np.asarray(replay.recorded[change], dtype=float))) / square)
    return not factors or max(factors) - min(factors) <= _SAME * max(map(abs, factors))


def _made(replay: Replay, value: int) -> Operation | None:
    number = replay.tape.values[value].producer
    operation = replay.tape.operations[number] if number is not None else None
    return operation if operation is not None and operation.function != "leaf" else None


__all__ = ["shortened"]
