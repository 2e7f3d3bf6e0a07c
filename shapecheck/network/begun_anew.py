"""Sums that every step begins anew: they are changed as parameters are, and are none."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from shapecheck.trace.tape import Tape

if TYPE_CHECKING:
    from shapecheck.network.parameters import Parameter


def begun_anew(
    tape: Tape, sums: Sequence[Parameter], parameters: Sequence[Parameter], *, born: bool = False
) -> set[int]:
    """The identities of sums that one place begins in every step: one ends before a parameter moves, another follows.

    Args:
        tape: With or without whole values.
        sums: What may be no parameter.
        parameters: What tells the steps apart.
        born: Whether they have to be made in the step, too, and not only changed first: the biases of two networks are
            made at one place, and may be trained one after the other.
    """
    alike: dict[object, list[Parameter]] = {}
    for one in sums:
        site = tape.site_of(one.birth)
        alike.setdefault(("value", one.birth) if site is None else site.number, []).append(one)
    turns = [(p.updates[0].operation, p.updates[1].operation) for p in parameters if len(p.updates) > 1]
    anew: set[int] = set()
    for group in alike.values():
        ended = [s.updates[-1].operation for s in group]
        begun = [(tape.values[s.birth].producer or 0) if born else s.updates[0].operation for s in group]
        if any(min(ended) < first and any(first < b < second for b in begun) for first, second in turns):
            anew.update(id(one) for one in group)
    return anew


def begun_once(tape: Tape, parameters: Sequence[Parameter]) -> list[Parameter]:
    """The parameters but for zeros that every step begins with: `back += R @ da` carries a derivative through time."""
    births = ((p, tape.values[p.birth]) for p in parameters)
    zeros = [p for p, birth in births if birth.shape and birth.array is not None and not np.any(birth.array)]
    anew = begun_anew(tape, zeros, [p for p in parameters if p not in zeros], born=True)
    return [p for p in parameters if id(p) not in anew]


__all__ = ["begun_anew", "begun_once"]
