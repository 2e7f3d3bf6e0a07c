"""Steps that weigh data and penalty otherwise than the loss that the program computes: a factor that no rate absorbs.

Half an error is as good as an error where it is all there is to descend. Beside a penalty it is not: the steps then
lead to where another sum of the two is least than the one that is computed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from shapecheck.diagnose.course import Course, quoted, shown
from shapecheck.diagnose.finding import Finding
from shapecheck.diagnose.targets import Result, Target
from shapecheck.diagnose.trail import span_of
from shapecheck.gradients.hypotheses import own_formula
from shapecheck.gradients.losses import find_losses, sounds_like_a_loss
from shapecheck.gradients.matching import same_direction
from shapecheck.gradients.steps import Loss, Step
from shapecheck.trace.operations import PRODUCTS
from shapecheck.trace.sites import Site
from shapecheck.trace.tape import Ref

# A step is made of two parts up to rounding, and their weights are one and the same up to this.
_EXACT, _ALIKE = 1e-7, 1e-4
# Of fewer entries two parts make up anything.
_TELLING = 4
# The sine of the angle between two parts that can be told apart.
_APART = 0.05
# What squares are written with or without.
_HALVES = (0.5, 2.0)
# A part that is this small beside the other shows nothing.
_SMALL = 1e-6


@dataclass(frozen=True, slots=True, eq=False)
class _Weights:
    """What a step is made of: the derivatives of a loss's two parts, and how often each of them was taken.

    `penalty` is None where the loss has no penalty on the parameter.
    """

    name: str
    old: int
    change: int
    derivatives: tuple[Any, Any]
    data: float
    penalty: float | None


def uneven_parts(course: Course) -> list[Finding]:
    """Steps in which the data, or a penalty, has another factor than the other part of the loss, or other parameters.

    Only a plain step shows it, which is made of the two parts and nothing else.
    """
    if course.verdict.verdict != "right":
        return []
    for step in course.steps:
        losses = find_losses(course.replay, step)
        followed = [loss for loss in losses if loss.inferred and loss.adjoints is not None]
        for loss in losses:
            site = course.tape.site_of(loss.value) if loss.value is not None else None
            if site is None or loss.adjoints is None or not sounds_like_a_loss(course.replay, loss):
                continue
            for data in followed:
                if found := _weights(course, step, loss, data):
                    return _uneven(course, loss, site, found)
    return []


def _weights(course: Course, step: Step, loss: Loss, data: Loss) -> list[_Weights]:
    """How each step is made of a loss's two parts; empty where any is not, or where there is but one part."""
    times = _times(loss, data)
    if times is None or loss.adjoints is None or data.adjoints is None:
        return []
    found: list[_Weights] = []
    for parameter, old, change, _ in step.parameters:
        whole = np.asarray(loss.adjoints[old], dtype=float)
        part = times * np.asarray(data.adjoints[old], dtype=float)
        rest = whole - part
        update = parameter.updates[step.number]
        after = parameter.updates[step.number + 1].old if len(parameter.updates) > step.number + 1 else update.new
        moved = np.asarray(course.replay.recorded[after], dtype=float) - course.replay.recorded[old]
        applied = np.asarray(course.replay.recorded[change], dtype=float)
        if np.shape(applied) != moved.shape or not same_direction(moved, applied):
            return []  # weights that decay by themselves have a strength of their own
        if moved.shape != whole.shape or not np.all(np.isfinite(moved)) or not np.any(moved) or not np.any(part):
            return []
        penalised = bool(np.linalg.norm(rest) > _SMALL * np.linalg.norm(whole))
        parts = [part, rest] if penalised else [part]
        if penalised and (moved.size < _TELLING or not _are_apart(part, rest)):
            return []
        columns = np.stack([-p.reshape(-1) for p in parts], axis=1)
        taken, *_ = np.linalg.lstsq(columns, moved.reshape(-1), rcond=None)
        if np.linalg.norm(columns @ taken - moved.reshape(-1)) > _EXACT * np.linalg.norm(moved) or np.any(taken <= 0):
            return []
        rate = float(taken[1]) if penalised else None
        found.append(_Weights(parameter.name, old, change, (part, rest), float(taken[0]), rate))
    return found if any(w.penalty is not None for w in found) else []


def _times(loss: Loss, data: Loss) -> float | None:
    """How often a loss contains one that is made from the outputs alone; None where it is made from something else."""
    assert loss.adjoints is not None
    found: float | None = None
    for output, wanted in data.seeds.items():
        if output not in loss.adjoints.closure:
            return None
        adjoint, seed = np.asarray(loss.adjoints[output], dtype=float), np.asarray(wanted, dtype=float)
        square = float(np.sum(seed * seed))
        if adjoint.shape != seed.shape or not square:
            return None
        times = float(np.sum(adjoint * seed)) / square
        if np.linalg.norm(adjoint - times * seed) > _EXACT * np.linalg.norm(adjoint) or times <= 0:
            return None
        if found is not None and abs(times / found - 1) > _ALIKE:
            return None
        found = times
    return found


def _are_apart(first: Any, second: Any) -> bool:
    size = float(np.linalg.norm(first) * np.linalg.norm(second))
    cosine = float(np.sum(first * second)) / size if size else 1.0
    return 1 - cosine**2 > _APART**2


def _uneven(course: Course, loss: Loss, site: Site, found: Sequence[_Weights]) -> list[Finding]:
    penalised = [w for w in found if w.penalty is not None]
    if all(w.penalty is None or abs(w.penalty / w.data - 1) <= _ALIKE for w in found):
        return []
    base = _base(course, found)
    odd_data = [w for w in found if base is not None and abs(w.data / base - 1) > _ALIKE]
    odd_penalties = [w for w in penalised if base is not None and w.penalty and abs(w.penalty / base - 1) > _ALIKE]
    if base is None or bool(odd_data) == bool(odd_penalties):
        return []  # either may be meant
    odd = odd_data or odd_penalties
    factors = [f / base for w in found for f in ((w.data if odd_data else w.penalty),) if f is not None]
    alike = max(factors) <= (1 + _ALIKE) * min(factors)
    if alike and odd_penalties and any(abs(factors[0] / often - 1) <= _ALIKE for often in _HALVES):
        return []  # half a square, or a whole one: the strength of a penalty is given as either
    what = "the derivative of the error" if odd_data else "the derivative of the penalty"
    findings = []
    aims = _data_targets(course, loss, found, odd, base) if odd_data else _penalty_targets(course, odd, base)
    for concerned, target in aims:
        place = course.site(target.site)
        if place is None:
            return []
        names = tuple(dict.fromkeys(w.name for w in concerned))
        course.aimed[names], course.meant[names] = (target,), own_formula(site)
        factor = ((concerned[0].data if odd_data else concerned[0].penalty) or 0.0) / base
        said = f"in the steps of {quoted(list(names))} {what} is {factor:.6g} times what it is in "
        findings.append(
            Finding(
                code="SC302",
                severity="warning" if alike else "error",
                title="the error and the penalty do not have one factor",
                message=f"{said}`{shown(site.bound_to or site.text)}`, and all else is what it is there: no learning "
                "rate makes up for it",
                location=span_of(place),
                cause=span_of(place),
                parameters=names,
            )
        )
    return findings


def _base(course: Course, found: Sequence[_Weights]) -> float | None:
    """The factor that derivatives are meant to have: the learning rate, if one is seen, else that of most of them."""
    factors = [f for w in found for f in (w.data, w.penalty) if f is not None]
    rates = [number for w in found for number in _numbers(course, w.change)]
    for factor in factors:
        if any(abs(abs(rate) / factor - 1) <= _SMALL for rate in rates):
            return factor
    alike = Counter({f: sum(abs(f / other - 1) <= _ALIKE for other in factors) for f in factors})
    (most, times), *_ = alike.most_common(1)
    return most if 2 * times > len(factors) else None


def _numbers(course: Course, change: int) -> list[float]:
    """The numbers that a change is multiplied by as a whole."""
    operation = course.producer(change)
    if operation is None or operation.function not in PRODUCTS:
        return []
    factors = (course.replay.recorded[a.value] if isinstance(a, Ref) else a for a in operation.arguments[:2])
    return [float(f) for f in factors if isinstance(f, int | float | np.number) or np.ndim(f) == 0]


def _data_targets(
    course: Course, loss: Loss, found: Sequence[_Weights], odd: Sequence[_Weights], base: float
) -> list[tuple[Sequence[_Weights], Target]]:
    """The expression that all odd parts and no others are made from; or else each part by itself."""
    assert loss.adjoints is not None
    parts = [(w, _part(course, w, 0)) for w in odd]
    ways = [course.replay.ancestors([part]) | {part} for _, part in parts if part is not None]
    common = set.intersection(*ways) - loss.adjoints.closure if ways else set()
    for other in found:
        if all(other is not w for w in odd):
            common -= course.replay.ancestors([other.change])
    learned = [v for v in sorted(common) if v in course.learned and course.tape.values[v].size > 1]
    first = next((v for v in learned if course.producer(v) is not None and course.site_of(v) is not None), None)
    if first is not None and len(odd) > 1 and all(abs(w.data / odd[0].data - 1) <= _ALIKE for w in odd):
        return _targets(course, odd, [(first, odd[0].data / base)] * len(odd))
    return _targets(course, odd, [(part, w.data / base) for w, part in parts])


def _penalty_targets(course: Course, odd: Sequence[_Weights], base: float) -> list[tuple[Sequence[_Weights], Target]]:
    return _targets(course, odd, [(_part(course, w, 1), (w.penalty or 0.0) / base) for w in odd])


def _part(course: Course, weights: _Weights, which: int) -> int | None:
    """The last value on the way to a change that is a multiple of one part's derivative alone."""
    wanted = weights.derivatives[which]
    others = course.replay.ancestors([weights.old])
    for value in sorted(course.replay.ancestors([weights.change]) - others - {weights.old}, reverse=True):
        array = course.replay.recorded[value]
        if course.producer(value) is not None and np.shape(array) == np.shape(wanted) and same_direction(array, wanted):
            return value
    return None


def _targets(
    course: Course, odd: Sequence[_Weights], parts: Sequence[tuple[int | None, float]]
) -> list[tuple[Sequence[_Weights], Target]]:
    """What to mend, by expression: what each gave, and should have given; none where a part has no expression."""
    results: dict[int, dict[int, Result]] = {}
    concerned: dict[int, list[_Weights]] = {}
    for weights, (value, factor) in zip(odd, parts, strict=True):
        made = course.producer(value) if value is not None else None
        if value is None or made is None or made.site is None:
            return []
        wanted = np.asarray(course.replay.recorded[value], dtype=float) / factor
        results.setdefault(made.site, {})[value] = Result(value, (wanted,), exact=True)
        concerned.setdefault(made.site, []).append(weights)
    return [(concerned[site], Target(site, tuple(found.values()))) for site, found in results.items()]


__all__ = ["uneven_parts"]
