"""Which adjoints could set which gradients right in the place of a value, told without running anything again.

A backward pass is linear in every value of it, so what a gradient would be with another value in one place follows from
one reverse sweep along the backward pass itself. Only what passes here is put to a replay.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from shapecheck.diagnose.verdicts import Verdicts
from shapecheck.gradients.adjoints import adjoints

# Relative; a replay decides in the end.
_TOLERANCE = 1e-5
_PROBES = 2
# What does not come by way of a value, relative to what does, before it counts.
_BESIDE = 1e-9


@dataclass(frozen=True, slots=True)
class _Look:
    """One gradient seen along one random direction.

    Attributes:
        along: How the look changes with each value of the backward pass.
        now: What it shows.
        wanted: What it would show of the right gradient, up to a factor.
        blind: Values whose influence is not known.
    """

    along: dict[int, Any]
    now: float
    wanted: float
    blind: frozenset[int]


class Prospects:
    """Looks at the gradients that are wrong along random directions; any two of one gradient must agree on a factor.

    That is the factor of the gradient, or, where that is known beforehand, the factor of what is put in.

    Args:
        known: The verdicts of the step.
        wrong: The parameters whose gradients are wrong.
        chain: The values of the backward pass.
    """

    def __init__(self, known: Verdicts, wrong: set[int], chain: Sequence[int]) -> None:
        self.known = known
        self.recorded = known.replay.recorded
        self.rate = known.rate if known.settled else None
        self.looks: list[tuple[int, list[_Look]]] = []
        rng = np.random.default_rng(20240229)
        for parameter in sorted(wrong):
            adjoint = np.asarray(known.matching.adjoints[parameter], dtype=float)
            probe = known.probes[parameter][-1] if known.probes[parameter] else None
            if probe is None or np.shape(self.recorded[probe]) != adjoint.shape or adjoint.size < _PROBES:
                continue
            looks = [self._look(known, probe, adjoint, chain, rng) for _ in range(_PROBES + (adjoint.size > _PROBES))]
            self.looks.append((parameter, looks))

    def _look(self, known: Verdicts, probe: int, adjoint: Any, chain: Sequence[int], rng: np.random.Generator) -> _Look:
        direction = rng.normal(size=adjoint.shape)
        swept = adjoints(known.replay, {probe: direction}, chain, check=())
        now = float(np.sum(direction * self.recorded[probe]))
        return _Look(swept.of, now, float(np.sum(direction * adjoint)), frozenset(swept.doubtful))

    def helpful(self, value: int, others: Any) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """Which of several arrays, in the place of a value, may make a gradient a multiple of what it should be.

        Args:
            value: Its number.
            others: The arrays, each flattened to a row.
        """
        found = np.zeros(len(others), dtype=bool)
        if not self.looks:
            return ~found
        current = np.asarray(self.recorded[value], dtype=float).reshape(-1)
        for parameter, (first, second, *third) in self.looks:
            if value in first.blind:
                return np.ones(len(others), dtype=bool)
            if value not in first.along or value not in second.along:
                if parameter in self.known.reached(value):
                    return np.ones(len(others), dtype=bool)  # it enters where nobody has looked
                continue
            along = [np.asarray(k.along[value], dtype=float).reshape(-1) for k in (first, second)]
            rest = [k.now - float(a @ current) for k, a in zip((first, second), along, strict=True)]
            if self.rate is None:
                # rest + part = factor * wanted, with one factor for both
                left, right = (
                    (rest[0] + others @ along[0]) * second.wanted,
                    (rest[1] + others @ along[1]) * first.wanted,
                )
            else:
                # rest + factor * part = rate * wanted
                goals = [self.rate * k.wanted - r for k, r in zip((first, second), rest, strict=True)]
                left, right = (others @ along[0]) * goals[1], (others @ along[1]) * goals[0]
            size = np.abs(left) + np.abs(right)
            found |= (np.abs(left - right) <= _TOLERANCE * size) & (size > 0)
            if third and self.rate is None and (lines := self._lines(value, [first, second, *third], others)):
                found |= _consistent(*lines)
        return found

    def scales(self, value: int, other: Any) -> list[float]:
        """What an array has to be multiplied by, where a gradient is made from a value and from something beside it.

        A penalty is as large as it is: the derivative that it is added to must have the right size, then.

        Args:
            value: Its number.
            other: The array in its place, flattened.
        """
        found: list[float] = []
        for _, looks in self.looks if self.rate is None else ():
            lines = self._lines(value, looks, other[None, :]) if len(looks) > _PROBES else None
            if lines is not None and _consistent(*lines)[0]:
                rest, part, wanted = lines
                # rest + factor * part = multiple * wanted
                matrix = np.stack([part[:, 0], -wanted], axis=1)
                solution, *_ = np.linalg.lstsq(matrix, -rest, rcond=None)
                found.append(float(solution[0]))
        return [f for f in found if np.isfinite(f) and f]

    def _lines(self, value: int, looks: Sequence[_Look], others: Any) -> tuple[Any, Any, Any] | None:
        """(what does not come by way of a value, what others in its place give, what is wanted) in each look."""
        if any(value not in look.along for look in looks):
            return None
        current = np.asarray(self.recorded[value], dtype=float).reshape(-1)
        along = np.array([np.asarray(look.along[value], dtype=float).reshape(-1) for look in looks])
        now = np.array([look.now for look in looks])
        rest = now - along @ current
        if np.abs(rest).max() <= _BESIDE * np.abs(now).max():
            return None
        return rest, along @ others.T, np.array([look.wanted for look in looks])


def _consistent(rest: Any, parts: Any, wanted: Any) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """For each column of `parts`, whether the three are linearly dependent."""
    terms = [rest[i] * parts[j] * wanted[k] for i, j, k in ((0, 1, 2), (1, 2, 0), (2, 0, 1))]
    others = [rest[i] * parts[k] * wanted[j] for i, j, k in ((0, 1, 2), (1, 2, 0), (2, 0, 1))]
    size = sum(map(np.abs, [*terms, *others]))
    dependent: np.ndarray[Any, np.dtype[np.bool_]] = (np.abs(sum(terms) - sum(others)) <= _TOLERANCE * size) & (
        size > 0
    )
    return dependent


__all__ = ["Prospects"]
