"""Training steps, and the losses that their backward passes may be the derivatives of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from shapecheck.gradients.adjoints import Adjoints
from shapecheck.gradients.matching import Matching
from shapecheck.gradients.replay import Replay
from shapecheck.network.parameters import Parameter, find_parameters, side_by_side

_ALL_UPDATES = 1000


@dataclass(frozen=True, slots=True)
class Step:
    """One training step: what each parameter was, and what was applied to it.

    Attributes:
        parameters: (parameter, its value at the start, the change, the sign of the change) of those it updates.
        first: The first operation that can belong to it, and `last` the last.
        held: What other networks were after their own steps: a generator is not moved for what its critic learned.
    """

    number: int
    parameters: tuple[tuple[Parameter, int, int, int], ...]
    first: int
    last: int
    held: frozenset[int] = frozenset()

    @property
    def olds(self) -> set[int]:
        """The parameters' values that the step starts from."""
        return {old for _, old, _, _ in self.parameters}

    def movement(self, replay: Replay, old: int) -> Any:
        """The parameter after the step minus the parameter before it, of its shape; None where it grew."""
        after = {o: p.updates[self.number].new for p, o, _, _ in self.parameters}
        before, now = np.asarray(replay.recorded[old]), np.asarray(replay.recorded[after[old]])
        return now.reshape(before.shape) - before if before.size == now.size else None


@dataclass(slots=True)
class Loss:
    """A scalar that the backward pass may be the derivative of.

    Attributes:
        seeds: Value number -> cotangent; for a loss on the tape its own number and 1.
        formula: For one that is inferred, what it is.
        value: Its number, for one on the tape.
        score: How much of the backward pass agrees with its adjoints.
        right: The parameters' values whose gradients do.
        credible: Whether anything speaks for it: a gradient agrees, or it is called a loss and shares the forward pass
            that the gradients come from.
    """

    seeds: dict[int, Any]
    formula: str
    value: int | None
    score: float = 0.0
    right: set[int] = field(default_factory=set)
    credible: bool = False
    adjoints: Adjoints | None = None
    matching: Matching | None = None

    @property
    def inferred(self) -> bool:
        """Whether the program never computes it."""
        return self.value is None


def steps(replay: Replay, parameters: Sequence[Parameter], most: int = 3) -> list[Step]:
    """The training steps on a tape, from the parameters' updates; networks that share nothing have steps of their own.

    Args:
        replay: The tape.
        parameters: What the program updates.
        most: So many updates of each parameter are looked at.
    """
    found = []
    parameters = side_by_side(parameters)
    groups = _networks(replay, parameters)
    # A critic may take many steps for one of the generator's.
    followed = find_parameters(replay.tape, most_updates=_ALL_UPDATES) if len(groups) > 1 else []
    for group in groups:
        others = {p.birth for p in parameters if p not in group}
        held = frozenset(u.new for p in [*parameters, *followed] if p.birth in others for u in p.updates)
        first = 0
        for number in range(most):
            updated = [(p, p.updates[number]) for p in group if len(p.updates) > number]
            if not updated:
                break
            last = max(u.operation for _, u in updated)
            found.append(Step(number, tuple((p, u.old, u.change, u.sign) for p, u in updated), first, last, held))
            first = min(u.operation for _, u in updated)
    return sorted(found, key=lambda s: s.last)


def joint_step(known: Sequence[Step]) -> Step | None:
    """The first steps of several networks as one, where each begins before the other has ended; else None."""
    first = [s for s in known if s.number == 0]
    if len(first) < 2 or max(_begun(s) for s in first) > min(s.last for s in first):
        return None
    parameters = tuple(sorted((p for s in first for p in s.parameters), key=lambda p: p[1]))
    return Step(0, parameters, min(s.first for s in first), max(s.last for s in first))


def _begun(step: Step) -> int:
    return min(p.updates[step.number].operation for p, *_ in step.parameters)


def _networks(replay: Replay, parameters: Sequence[Parameter]) -> list[list[Parameter]]:
    """The parameters, together where the change of one depends on another.

    Networks that take turns are apart: the second one's forward pass sees the first as it is after its update, and
    nothing of it as it was before.
    """
    olds = {p.updates[0].old: i for i, p in enumerate(parameters)}
    news = {p.updates[0].new: i for i, p in enumerate(parameters)}
    label = list(range(len(parameters)))
    seen = [replay.ancestors([p.updates[0].change], until=news) for p in parameters]
    before = [{olds[v] for v in values & set(olds)} for values in seen]
    after = [{news[v] for v in values & set(news)} for values in seen]
    for i in range(len(parameters)):
        for j in before[i]:
            if j in after[i] - before[i] or i in after[j] - before[j]:
                continue
            left, right = label[i], label[j]
            label = [left if one == right else one for one in label]
    return [[p for p, one in zip(parameters, label, strict=True) if one == group] for group in dict.fromkeys(label)]


def reach(replay: Replay, origins: set[int], until: int | None = None) -> dict[int, frozenset[int]]:
    """For each value that depends on any of `origins`, on which; only those made before operation `until`."""
    found: dict[int, frozenset[int]] = {o: frozenset([o]) for o in origins}
    for operation in replay.tape.operations[:until]:
        on: frozenset[int] | None = None
        for number in operation.inputs:
            known = found.get(number)
            if known is not None and known is not on:
                on = known if on is None else on | known
        if on is not None and operation.function != "leaf":
            found[operation.result] = on | found[operation.result] if operation.result in found else on
    return found


__all__ = ["Loss", "Step", "joint_step", "reach", "steps"]
