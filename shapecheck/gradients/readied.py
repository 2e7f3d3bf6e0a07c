"""A tape as gradients are judged on it: whole steps, and losses for all of them."""

from __future__ import annotations

from dataclasses import dataclass

from shapecheck.gradients.gathered import gathered
from shapecheck.gradients.held_copies import with_copies_held
from shapecheck.gradients.partial_steps import taken_together
from shapecheck.gradients.recomputed import with_losses
from shapecheck.gradients.several_terms import terms_together
from shapecheck.trace.tape import Tape


@dataclass(frozen=True)
class Readied:
    """What a tape was made into.

    Attributes:
        tape: With steps of one array in several parts as one, with the losses that are printed now and then, and with
            copies of the network that the targets come from taken as given.
        steps: The same with the steps of rows and entries each by itself, and without these losses.
        is_gathered: Whether there are such steps.
    """

    tape: Tape
    steps: Tape
    is_gathered: bool

    def single_steps(self) -> Tape | None:
        """The tape with the steps of rows and entries each by itself; None where there are none."""
        return with_copies_held(with_losses(self.steps)) if self.is_gathered else None


def readied(tape: Tape) -> Readied:
    """Make a tape ready to be judged; a program and its repairs have to be judged alike.

    Args:
        tape: With whole values.
    """
    steps = taken_together(terms_together(tape))
    whole = gathered(steps)
    return Readied(with_copies_held(with_losses(whole)), steps, whole is not steps)


__all__ = ["Readied", "readied"]
