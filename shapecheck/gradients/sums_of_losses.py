"""Losses whose parts are computed and never added up: `rec` and `kl` are printed apart, and their sum is descended.

Each part is a number that the program computes. Gradients that follow one of them together with one and the same
multiple of another follow their sum; whatever else is stepped in the program has to follow it too.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Container, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from shapecheck.gradients.adjoints import adjoints
from shapecheck.gradients.followed import (
    ParameterAgreement,
    common_factor,
    directions_for,
    gradient_like,
    slope_along,
)
from shapecheck.gradients.hypotheses import SELECTIONS, Hypothesis, called
from shapecheck.gradients.replay import Replay, ReplayError
from shapecheck.gradients.steps import Loss, Step, reach
from shapecheck.network.dependence import ancestors
from shapecheck.network.parameters import Update
from shapecheck.trace.tape import Tape

_EXACT = 1e-6
# Where derivatives are differences.
_ROUGH = 1e-5
# So many numbers of a program are tried as the other part.
_MOST = 8
# A gradient of fewer entries is a sum of multiples of any two derivatives.
_TELLING = 3
# So many operations after a step a number may be computed that is a part of its loss.
_AFTERWARDS = 400
Floats = NDArray[np.float64]


def other_parts(tape: Tape, first: int, until: int, may_be: Callable[[int], bool]) -> list[int]:
    """Numbers that may be the other part of a loss: of `k`, `beta * k` and `total += k` the last.

    Args:
        tape: With the program's sites.
        first: The first operation to be looked at.
        until: The one after the last.
        may_be: Whether a value depends on what it has to, and on nothing else.
    """
    made = [o for o in tape.operations[first:until] if o.site is not None and o.function not in SELECTIONS]
    numbers = [o.result for o in made if tape.values[o.result].size == 1 and tape.values[o.result].dtype[:5] == "float"]
    apart = [v for v in numbers if may_be(v)]
    inner = {i for v in apart for i in tape.operations[tape.values[v].producer or 0].inputs}
    return [v for v in apart if v not in inner][:_MOST]


def _joined_formula(tape: Tape, formula: str, part: int, share: float) -> str:
    """What a loss and a multiple of another number are called together."""
    return f"{formula} + {share:.4g} * {called(tape.site_of(part))}"


def joined_loss(replay: Replay, step: Step, loss: Loss) -> Loss | None:
    """A loss and the multiple of another of the program's numbers that some gradients follow, which it lacks.

    Args:
        replay: The tape, in double precision.
        step: The step.
        loss: One that some of the step's gradients are derivatives of.
    """
    if loss.adjoints is None or loss.right >= step.olds:
        return None
    gradients = {old: list(_gradients(replay, old, change)) for _, old, change, _ in step.parameters}
    own = {old: _flat(loss.adjoints[old]) for old in step.olds}
    factors = _common_factors([(gradients[old], own[old]) for old in sorted(loss.right) if own[old].size >= _TELLING])
    wrong = [old for old in sorted(step.olds - loss.right) if own[old].size >= _TELLING and np.any(own[old])]
    if not factors or not wrong:
        return None
    for part in _parts(replay, step, loss.adjoints.closure | set(loss.seeds), wrong):
        seed = {part: np.ones(np.shape(replay.recorded[part]))}
        try:
            other = adjoints(replay, seed, step.olds, check=(), held=step.held)
        except ReplayError:
            continue
        shares: Counter[float] = Counter()
        for old in wrong:
            second = _flat(other[old])
            found = (s for f in factors for s in _shares(gradients[old], f * own[old], f * second))
            share = next(found, None)
            if share is not None:
                shares[next((s for s in shares if abs(s - share) <= 10 * _EXACT * abs(s)), share)] += 1
        share = shares.most_common(1)[0][0] if shares else 0.0
        if share > 0 or (share < 0 and _has_data(replay, part, step.olds)):
            own_name = called(replay.tape.site_of(loss.value)) if loss.value is not None else loss.formula
            formula = _joined_formula(replay.tape, own_name, part, share)
            return Loss({**loss.seeds, part: share * seed[part]}, formula, None)
    return None


def joined_hypotheses(
    replay: Replay, hypothesis: Hypothesis, updates: Sequence[tuple[ParameterAgreement, Update]], parts: Sequence[int]
) -> Iterator[Hypothesis]:
    """A loss that some updates follow, with the multiples of other numbers that others follow besides.

    Args:
        replay: The tape.
        hypothesis: What some of the updates follow.
        updates: Each as it was held against that loss.
        parts: Numbers that may be the other part.
    """
    # Of fewer entries an update is a multiple of many a gradient by chance.
    telling = [pair for pair in updates if np.prod(pair[0].shape) >= _TELLING]
    factor = common_factor(row for row, _ in telling)
    wrong = [pair for pair in telling if pair[0].verdict == "wrong"]
    if factor is None or not wrong:
        return
    tape, rng = replay.tape, np.random.default_rng(20240229)
    weights = hypothesis.weights if hypothesis.scalar is None else ((hypothesis.scalar, np.ones(())),)
    first_name = hypothesis.formula if hypothesis.scalar is None else called(tape.site_of(hypothesis.scalar))
    for part in parts:
        for row, update in wrong:
            directions = directions_for(rng, row.shape)
            both = (hypothesis, Hypothesis("", scalar=part))
            try:
                first, second = (np.array([slope_along(replay, h, update.old, d) for d in directions]) for h in both)
            except (ReplayError, FloatingPointError, ValueError, TypeError):
                break
            gradients = gradient_like(tape, update.change, row.shape, replay.ancestors([update.change]))
            arrays = ((update.sign * entering, tape.values[number].array) for number, entering in gradients)
            along = [sign * np.array([np.sum(a * d) for d in directions]) for sign, a in arrays if a is not None]
            share = next(_shares(along, factor * first, factor * second, _ROUGH), None)
            if share is not None and (share > 0 or _has_data(replay, part, {u.old for _, u in updates})):
                formula = _joined_formula(tape, first_name, part, share)
                yield Hypothesis(formula, weights=(*weights, (part, np.asarray(share))))
                break


def _has_data(replay: Replay, part: int, olds: Collection[int]) -> bool:
    """Whether a number is made from more than parameters: what is taken off a loss is no penalty that was meant so."""
    values, operations = replay.tape.values, replay.tape.operations
    found = ancestors(replay.tape, [part], until=frozenset(olds)) - set(olds)
    made = [values[v].producer for v in found if values[v].size > 1]
    return any(number is None or operations[number].function == "leaf" for number in made)


def _flat(array: object) -> Floats:
    return np.ravel(np.asarray(array, dtype=float))


def _gradients(replay: Replay, old: int, change: int) -> Iterator[Floats]:
    """What a step may have been made from, from the change backwards."""
    made = replay.ancestors([change])
    for number, _ in gradient_like(replay.tape, change, np.shape(replay.recorded[old]), made):
        gradient = _flat(replay.recorded[number])
        if np.all(np.isfinite(gradient)) and np.any(gradient):
            yield gradient


def _common_factors(right: list[tuple[list[Floats], Floats]]) -> list[float]:
    """The multiples of their derivatives that gradients which are right have in common."""
    common: list[float] | None = None
    for gradients, wanted in right:
        square = float(wanted @ wanted)
        fits = [float(g @ wanted) / square for g in gradients if square]
        fits = [f for f, g in zip(fits, gradients, strict=True) if _is_close(g, f * wanted)]
        common = fits if common is None else [f for f in common if any(abs(f - c) <= 1e-4 * abs(f) for c in fits)]
    return common or []


def _is_close(array: Floats, wanted: Floats, tolerance: float = _EXACT) -> bool:
    return float(np.linalg.norm(array - wanted)) <= tolerance * float(np.linalg.norm(array))


def _shares(gradients: Sequence[Floats], first: Floats, second: Floats, tolerance: float = _EXACT) -> Iterator[float]:
    """The multiples of one derivative that are all that a gradient has besides another."""
    square = float(second @ second)
    for gradient in gradients if square else ():
        rest = gradient - first
        share = float(rest @ second) / square
        alone = abs(share) <= _EXACT or _is_close(gradient, first, tolerance)
        if not alone and _is_close(gradient, first + share * second, tolerance):
            yield share


def _parts(replay: Replay, step: Step, known: Container[int], wrong: list[int]) -> list[int]:
    """Numbers that a parameter depends on whose gradient is wrong, and that the loss is not made from."""
    end = step.last + _AFTERWARDS
    reached = reach(replay, step.olds, end)
    # A sum over batches goes on with what the next step's parameters give.
    later = reach(replay, {p.updates[step.number].new for p, *_ in step.parameters}, end)
    used = replay.ancestors([change for _, _, change, _ in step.parameters])

    def may_be(value: int) -> bool:
        depends = not reached.get(value, frozenset()).isdisjoint(wrong)
        return depends and value not in later and value not in used and value not in known

    return other_parts(replay.tape, step.first, end, may_be)


__all__ = ["joined_hypotheses", "joined_loss", "other_parts"]
