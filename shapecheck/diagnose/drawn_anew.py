"""A random mask that the backward pass draws again, where that of the forward pass belongs."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from shapecheck.diagnose.activation_slopes import equal
from shapecheck.diagnose.verdicts import Verdicts
from shapecheck.trace.operations import DRAWS


def drawn_anew(known: Verdicts, value: int, wanted: NDArray[np.float64]) -> tuple[int, int] | None:
    """(What is drawn again, what the forward pass has drawn), if only the first in the second's place makes it wrong.

    Args:
        known: What every value should be.
        value: What is wrong.
        wanted: What it should be, of its shape.
    """
    adjoints, recorded = known.matching.adjoints, known.replay.recorded
    closure, now = adjoints.closure, np.asarray(recorded[value], dtype=float)
    again = [v for v in _drawn(known, known.replay.ancestors([value])) if np.shape(recorded[v]) == now.shape]
    read = {i for v in closure if (made := known.producer(v)) is not None for i in made.inputs}
    first = [v for v in _drawn(known, read) if np.shape(recorded[v]) == now.shape]
    for mask in again if wanted.shape == now.shape and now.size > 1 else ():
        for other in first if mask not in read else ():
            # What comes after it, as the slope of a relu, may be a part of what is wanted.
            is_now, should = now * recorded[other] * (wanted != 0), wanted * recorded[mask]
            square = float(np.sum(is_now * is_now))
            factor = float(np.sum(is_now * should)) / square if square else 0.0
            if factor and equal(factor * is_now, should):
                return mask, other
    return None


def _drawn(known: Verdicts, values: Iterable[int]) -> list[int]:
    """Those of some values that are made from numbers drawn at random, and from nothing that is learned."""
    tape, learned = known.replay.tape, known.replay.dependents(known.step.olds)
    found = []
    # What is made last of a drawing has the name that a reader knows.
    for value in sorted(set(values) - learned, reverse=True):
        made = (tape.values[v].producer for v in (value, *known.replay.ancestors([value])))
        leaves = (tape.operations[number] for number in made if number is not None and number >= known.step.first)
        if any(leaf.function == "leaf" and leaf.label.rpartition(".")[2] in DRAWS for leaf in leaves):
            found.append(value)
    return found


__all__ = ["drawn_anew"]
