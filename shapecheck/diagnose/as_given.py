"""A mistake behind another one: what an expression should have made of the wrong derivative that it was given.

`d2 = e * s(a2)` and `d1 = (W2.T @ d2) * s(a1)` are wrong each by itself. Nothing that is written in the place of the
second gives the derivative of the loss, for it is made from the first; but what it should have made of that is known:
the chain rule, from there backwards.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from shapecheck.diagnose.suspects import Suspect
from shapecheck.diagnose.verdicts import Verdicts
from shapecheck.gradients.adjoints import adjoints
from shapecheck.gradients.matching import same_direction

# So many wrong derivatives are followed through the pass.
_MOST_BEFORE = 4


def as_given(known: Verdicts, chosen: Sequence[Suspect]) -> list[Suspect]:
    """The suspects; those made from others' values are held against what they should have made of these.

    Args:
        known: The verdicts of a step.
        chosen: One suspect for each mistake.
    """
    return [_held(known, suspect, chosen) for suspect in chosen]


def _held(known: Verdicts, suspect: Suspect, chosen: Sequence[Suspect]) -> Suspect:
    if suspect.reason != "value" or len(suspect.values) != 1:
        return suspect
    (value,) = suspect.values
    made_from = known.ancestors(value) - {value}
    before = {v: s.wanted[v] for s in chosen if s is not suspect and s.reason == "value" for v in s.wanted}
    before = {v: before[v] for v in sorted(before.keys() & made_from)}
    if value not in suspect.wanted or not 0 < len(before) <= _MOST_BEFORE:
        return suspect
    forward, true = suspect.wanted[value]
    given = _derivative(known, forward, before)
    factor = _times(true, known.matching.adjoints[forward])
    if given is None or factor is None or not np.any(given) or not np.all(np.isfinite(given)):
        return suspect
    others = (np.asarray(true), *suspect.alternatives.get(value, ()))
    wanted = {value: (forward, factor * given)}
    return replace(suspect, wanted=wanted, alternatives={value: others}, sound=(value,))


def _derivative(known: Verdicts, forward: int, before: dict[int, tuple[int, Any]]) -> Any:
    """The derivative by a forward value that follows from derivatives as they were computed; None where it is unknown.

    Args:
        known: The verdicts of a step.
        forward: The forward value.
        before: For values that are wrong, in their order, the forward value whose adjoint each should have been, and
            that array.
    """
    true = known.matching.adjoints
    wanted = {forward, *(f for f, _ in before.values())}
    found = {f: np.asarray(true[f], dtype=float) for f in wanted}
    for value, (node, array) in before.items():
        factor = _times(array, true[node])
        recorded = np.asarray(known.replay.recorded[value], dtype=float)
        if factor is None or recorded.shape != found[node].shape:
            return None
        change = recorded / factor - found[node]
        further = adjoints(known.replay, {node: change}, wanted, check=(), ties=False)
        for f in wanted - {node}:
            found[f] = found[f] + further[f]
        found[node] = found[node] + change
    return found[forward]


def _times(array: Any, adjoint: Any) -> float | None:
    """How many times an adjoint an array is; None where it is no multiple of it."""
    array, adjoint = np.asarray(array, dtype=float), np.asarray(adjoint, dtype=float)
    square = float(np.sum(adjoint * adjoint))
    if array.shape != adjoint.shape or not square or not np.isfinite(square) or not np.any(array):
        return None
    return float(np.sum(array * adjoint)) / square if array.size == 1 or same_direction(array, adjoint) else None


__all__ = ["as_given"]
