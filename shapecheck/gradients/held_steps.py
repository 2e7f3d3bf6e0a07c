"""One training step of a tape, and the losses that it may follow."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

import numpy as np

from shapecheck.gradients.hypotheses import Hypothesis, Meetings, catalogue_losses, scalar_losses
from shapecheck.gradients.replay import Replay
from shapecheck.network.dependence import Dependence, ancestors
from shapecheck.network.parameters import Parameter

# A step ends so many operations after its last update at the latest.
_LONGEST = 5000


class HeldStep:
    """All parameters' updates of one training step.

    Attributes:
        tape: With whole values.
        replay: Of the tape.
        parameters: Those that are updated in this step, each with its update in `updates`.
        strays: What is stepped beside them, with its update.
        masks: For each parameter, which values it depends on itself, as `dependence` has them.
    """

    def __init__(
        self,
        replay: Replay,
        parameters: list[Parameter],
        strays: list[Parameter],
        step: int,
        names: dict[int, str],
    ) -> None:
        tape = replay.tape
        self.tape, self.replay, self.step, self.names = tape, replay, step, names
        self.strays = [(p, p.updates[step]) for p in strays if len(p.updates) > step]
        self.parameters = [p for p in parameters if len(p.updates) > step]
        self.updates = [p.updates[step] for p in self.parameters]
        self.olds = frozenset(u.old for u in self.updates)
        self.last = max((u.operation for u in self.updates), default=0)
        self.dependence = Dependence(tape)
        for value in self.olds:
            if tape.values[value].producer is None:
                self.dependence.cut(value)
        stops = {u.new for u in self.updates}
        for operation in tape.operations:
            self.dependence.advance(operation)
            if operation.result in self.olds or operation.result in stops:
                self.dependence.cut(operation.result)
        self.masks = [self.dependence.masks[u.old] for u in self.updates]

    @property
    def moves(self) -> bool:
        """Whether any of the parameters is changed at all: a rate may be zero in the beginning."""
        return any(np.any(self.tape.values[u.change].array) for u in self.updates)

    def horizon(self) -> int:
        """Number of the operation after which the parameters are no longer those of this step."""
        following = [p.updates[self.step + 1].operation for p in self.parameters if len(p.updates) > self.step + 1]
        return min(min(following, default=len(self.tape.operations)), self.last + _LONGEST)

    @cached_property
    def among(self) -> set[int]:
        """What the changes are made from, as far back as the step's parameters."""
        return ancestors(self.tape, [u.change for u in self.updates], until=self.olds)

    def made_from(self, hypothesis: Hypothesis) -> set[int]:
        """The values that a loss is made from, as far back as the step's parameters."""
        return ancestors(self.tape, hypothesis.wanted, until=self.olds)

    @cached_property
    def samples(self) -> set[int]:
        """The arrays that meet what depends on the parameters on the way to the changes."""
        return self._samples(self.among)

    def samples_of(self, hypothesis: Hypothesis) -> set[int]:
        """The arrays that meet what depends on the parameters on the way to a loss."""
        return self._samples(self.made_from(hypothesis))

    def hypotheses(self) -> Iterator[Hypothesis]:
        """The losses that the step may follow, the likeliest first."""
        meetings = Meetings(self.tape, self.dependence, self._everything)
        yield from catalogue_losses(self.tape, meetings, self.among, self.names, differences=True)
        yield from self.own_losses()
        yield from catalogue_losses(self.tape, meetings, self.among, self.names, differences=False)

    def own_losses(self) -> Iterator[Hypothesis]:
        """The numbers that depend on every parameter as it is found, and not on the same one as it is left, too.

        A sum that goes on over the samples has the loss of the next one, which depends on this step's gradients.
        """
        masks = self.dependence.masks
        for hypothesis in scalar_losses(self.tape, self.dependence, self.masks, self.horizon(), self.among):
            made = masks[hypothesis.scalar] if hypothesis.scalar is not None else 0
            if not any(made & masks[u.old] and made & masks[u.new] & ~masks[u.old] for u in self.updates):
                yield hypothesis

    @property
    def _everything(self) -> int:
        everything = 0
        for mask in self.masks:
            everything |= mask
        return everything

    def _samples(self, among: set[int]) -> set[int]:
        tape, masks, everything = self.tape, self.dependence.masks, self._everything
        made = (tape.values[value].producer for value in among - self.olds if masks[value] & everything)
        operations = (tape.operations[number] for number in made if number is not None)
        return {i for o in operations for i in o.inputs if not masks[i] & everything and tape.values[i].size > 1}
