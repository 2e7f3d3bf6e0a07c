"""Which adjoints could set which gradients right in the place of a value, told without running anything again.

A backward pass is linear in every value of it, so what a gradient would be with another value in one place follows from
one reverse sweep along the backward pass itself. Only what passes here is put to a replay.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from shapecheck.diagnose.verdicts import TELLING, Verdicts, is_added_whole
from shapecheck.gradients.adjoints import adjoints
from shapecheck.trace.operations import SUMS

# Relative; a replay decides in the end.
_TOLERANCE = 1e-5
_PROBES = 3
_CYCLES = ((0, 1, 2), (1, 2, 0), (2, 0, 1))


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
    """Looks at the gradients that are wrong along random directions; those at one gradient must agree on a factor.

    That is the factor of the gradient, or, where that is known beforehand, the factor of what is put in; where
    something else is added to the gradient (a penalty), both have one.

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
            for probe in self._looked_at(known.probes[parameter]):
                shape = np.shape(self.recorded[probe])
                if not is_added_whole(shape, adjoint.shape) or adjoint.size < 2:
                    continue
                looks = [self._look(known, probe, adjoint.reshape(shape), chain, rng) for _ in range(_PROBES)]
                self.looks.append((parameter, looks))

    def _looked_at(self, probes: Sequence[int]) -> Sequence[int]:
        """Of what a change is made from: the last; where that is added to something, the whole sum, too.

        The penalty that is added to a gradient may be a part of the loss, and the gradient by itself no adjoint then.
        """
        made = [self.known.producer(value) for value in probes]
        sums = [v for v, o in zip(probes, made, strict=True) if o is not None and o.function in SUMS]
        return list(dict.fromkeys([*sums[-1:], *probes[-1:]]))

    def _look(self, known: Verdicts, probe: int, adjoint: Any, chain: Sequence[int], rng: np.random.Generator) -> _Look:
        direction = rng.normal(size=adjoint.shape)
        swept = adjoints(known.replay, {probe: direction}, chain, check=(), ties=False)
        now = float(np.sum(direction * np.asarray(self.recorded[probe])))
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
        for parameter, (first, second, third) in self.looks:
            if value in first.blind:
                return np.ones(len(others), dtype=bool)
            if any(value not in look.along for look in (first, second, third)):
                if parameter in self.known.reached(value):
                    return np.ones(len(others), dtype=bool)  # it enters where nobody has looked
                continue
            looks = (first, second, third)
            along = [np.asarray(k.along[value], dtype=float).reshape(-1) for k in looks]
            rest = [k.now - float(a @ current) for k, a in zip(looks, along, strict=True)]
            if self.rate is None:
                # rest + part = factor * wanted, with one factor for both
                left, right = (
                    (rest[0] + others @ along[0]) * second.wanted,
                    (rest[1] + others @ along[1]) * first.wanted,
                )
            else:
                # rest + factor * part = rate * wanted
                goals = [self.rate * k.wanted - r for k, r in zip(looks, rest, strict=True)]
                left, right = (others @ along[0]) * goals[1], (others @ along[1]) * goals[0]
            size = np.abs(left) + np.abs(right)
            found |= (np.abs(left - right) <= _TOLERANCE * size) & (size > 0)
            # Of a few entries some two numbers always make what is wanted.
            telling = np.size(self.known.matching.adjoints[parameter]) >= TELLING
            if (
                self.rate is None
                and telling
                and any(abs(r) > _TOLERANCE * abs(k.now) for r, k in zip(rest, looks, strict=True))
            ):
                found |= _dependent(np.array(rest), others @ np.array(along).T, np.array([k.wanted for k in looks]))
        return found


def _dependent(rest: Any, parts: Any, wanted: Any) -> Any:
    """For each row of `parts`, whether rest + times * part = factor * wanted for some two numbers but zero.

    Where a part is a multiple of the rest it can only take the rest away, which leaves no gradient at all.
    """
    terms = np.stack([parts[:, i] * (wanted[j] * rest[k] - wanted[k] * rest[j]) for i, j, k in _CYCLES])
    sizes = [np.abs(parts[:, i]) * (abs(wanted[j] * rest[k]) + abs(wanted[k] * rest[j])) for i, j, k in _CYCLES]
    size = np.sum(sizes, axis=0)
    minors = [parts[:, i] * rest[j] - parts[:, j] * rest[i] for i, j, _ in _CYCLES]
    along = [np.abs(parts[:, i] * rest[j]) + np.abs(parts[:, j] * rest[i]) for i, j, _ in _CYCLES]
    apart = np.any(np.abs(minors) > _TOLERANCE * np.array(along), axis=0)
    return apart & (np.abs(terms.sum(axis=0)) <= _TOLERANCE * size) & (size > 0)


__all__ = ["Prospects"]
