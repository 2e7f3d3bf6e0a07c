"""Layers of a network with one output whose gradients are other multiples than the output layer's, step by step.

With one output and one sample at a time every layer's gradient has the right direction as long as only single numbers
are wrong: `error * W2` for `delta * W2` leaves the output's slope out of all that lies below. How large the layers'
gradients are beside each other is a question of the network alone, and not of the loss: where that comes and goes with
the sample, as a single number of the step does, this number is missing in one of them, or one too many.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from shapecheck.diagnose.gradient import Diagnosis
from shapecheck.diagnose.suspects import Suspect
from shapecheck.diagnose.targets import Result, Target
from shapecheck.diagnose.verdicts import Verdicts
from shapecheck.gradients.inferred import Pair, losses_of, met_numbers
from shapecheck.gradients.replay import Replay
from shapecheck.gradients.steps import Loss, Step, steps
from shapecheck.network.parameters import find_parameters

_MOST_STEPS, _LEAST_STEPS = 8, 3
_MOST_NUMBERS = 12
# Relative: multiples that are one and the same, and multiples that are not.
_SAME, _OTHER = 1e-6, 1e-2


@dataclass(frozen=True, slots=True, eq=False)
class _Judged:
    """One step, held against a loss.

    Attributes:
        multiples: For each parameter, the change as a multiple of its adjoint; None where that cannot be told.
        whole: For each, whether that is the change itself, and not what a velocity is made from.
    """

    known: Verdicts
    loss: Loss
    multiples: tuple[float | None, ...]
    whole: tuple[bool, ...]


def uneven_multiples(replay: Replay) -> Diagnosis | None:
    """The expression with which some layers' gradients come to other multiples, from step to step; None without one.

    Args:
        replay: The tape, in double precision.
    """
    parameters = find_parameters(replay.tape, most_updates=_MOST_STEPS)
    known = steps(replay, parameters, _MOST_STEPS) if len(parameters) > 1 else []
    known = [s for s in known if len(s.parameters) == len(parameters)]
    if len(known) < _LEAST_STEPS:
        return None
    ends = [*(s.last + 1 for s in known[1:]), len(replay.tape.operations)]
    met = [met_numbers(replay, step, end) for step, end in zip(known, ends, strict=True)]
    for site in dict.fromkeys(site for pairs in met for site in pairs):
        places = [(step, pairs[site]) for step, pairs in zip(known, met, strict=True) if site in pairs]
        if len(places) < _LEAST_STEPS:
            continue
        for formula in [loss.formula for loss in losses_of(replay, *places[0])]:
            judged = list(_judged(replay, places, formula))
            found = _diagnosed(replay, judged) if len(judged) >= _LEAST_STEPS else None
            if found is not None:
                return found
    return None


def _judged(replay: Replay, places: Sequence[tuple[Step, Pair]], formula: str) -> Iterator[_Judged]:
    """The steps that follow a loss but for the size of each layer's gradient; none after one that does not."""
    for step, pair in places:
        loss = next((known for known in losses_of(replay, step, pair) if known.formula == formula), None)
        if loss is None or loss.matching is None:
            return
        known = Verdicts(loss.matching, step)
        verdicts = known.all()
        signs = {old: sign for _, old, _, sign in step.parameters}
        several = {v.parameter for v in verdicts if np.size(known.matching.adjoints[v.parameter]) > 1}
        if not all(v.is_right or v.proves_nothing or v.parameter not in several for v in verdicts):
            return
        told = [(v.parameter, v.factor if v.parameter in several else None) for v in verdicts]
        multiples = tuple(signs[old] * f.number if f is not None else None for old, f in told)
        yield _Judged(known, loss, multiples, tuple(v.at_change for v in verdicts))


def _diagnosed(replay: Replay, judged: Sequence[_Judged]) -> Diagnosis | None:
    """The mistake where other layers' multiples part from the output layer's."""
    count = len(judged[0].multiples)
    # Least of the forward pass hangs on the output layer.
    lengths = [len(judged[0].known.downstream([old])) for _, old, _, _ in judged[0].known.step.parameters]
    told = [p for p in range(count) if sum(j.multiples[p] is not None for j in judged) >= _LEAST_STEPS]
    last = min(told, key=lambda p: lengths[p], default=None)
    if last is None:
        return None
    full = [j for j in judged if j.multiples[last]]
    alike = [p for p in told if p != last]
    if not _is_one([j.multiples[last] for j in full]):
        # A velocity of zeros leaves the first change whole; later ones are told by what goes into the velocity.
        full = [j for j in full if j.whole == full[-1].whole]
        alike = [p for p in alike if full[0].whole[p] == full[0].whole[last]]
    if len(full) < _LEAST_STEPS or not _is_one([j.multiples[last] for j in full]):
        return None  # it is another loss that it follows, or none
    shares = {p: [_share(j, p, last) for j in full] for p in alike}
    uneven = [p for p, found in shares.items() if _comes_and_goes(found)]
    if not uneven or any(p not in uneven and not _is_one(found) for p, found in shares.items()):
        return None
    return _blamed(replay, full, last, uneven, [last, *(p for p in alike if p not in uneven)])


def _share(judged: _Judged, parameter: int, whole: int) -> float | None:
    one, other = judged.multiples[parameter], judged.multiples[whole]
    return one / other if one and other else None


def _told(shares: Sequence[float | None]) -> list[float]:
    return [share for share in shares if share is not None]


def _is_one(shares: Sequence[float | None]) -> bool:
    found = _told(shares)
    return not found or max(found) - min(found) <= _SAME * max(map(abs, found))


def _comes_and_goes(shares: Sequence[float | None]) -> bool:
    """Whether multiples are plainly others in other steps."""
    found = _told(shares)
    return len(found) >= _LEAST_STEPS and max(found) - min(found) > _OTHER * max(map(abs, found))


def _blamed(
    replay: Replay, judged: Sequence[_Judged], last: int, uneven: Sequence[int], even: Sequence[int]
) -> Diagnosis | None:
    """The first expression from which uneven gradients alone are made; it has to be off by a number of the step."""
    judged = [j for j in judged if all(j.multiples[p] for p in uneven)]
    shares = [[_share(j, p, last) or 0.0 for p in uneven] for j in judged]
    if len(judged) < _LEAST_STEPS or not all(_is_one(found) for found in shares):
        return None
    columns = [_of_these_alone(j.known, uneven, even) for j in judged]
    if len({len(column) for column in columns}) > 1:
        return None
    turns = [values for values in zip(*columns, strict=True) if _one_site(replay, values) is not None]
    known_as = [v for v in turns if _should_be_a_derivative(replay, judged, v, [found[0] for found in shares])]
    for values in [*known_as, *turns][:1]:
        if not _is_a_number_of_the_step(replay, judged, values, [found[0] for found in shares]):
            return None
        first = judged[0]
        wanted = {v: np.asarray(replay.recorded[v]) / found[0] for v, found in zip(values, shares, strict=True)}
        explains = tuple(first.known.reached(values[0]))
        results = tuple(Result(value, (array,), exact=True) for value, array in wanted.items())
        site = _one_site(replay, values) or 0
        targets = (Target(site, results), Target(None, results))
        arrays = {value: (explains[0], array) for value, array in wanted.items()}
        suspect = Suspect(site, tuple(wanted), arrays, explains, True, sound=tuple(wanted), targets=targets)
        return Diagnosis(first.known.step, first.loss, first.known.all(), [suspect], 1, None)
    return None


def _one_site(replay: Replay, values: Sequence[int]) -> int | None:
    """The expression that has made some values; None where they come from several."""
    sites = {site.number for v in values if (site := replay.tape.site_of(v)) is not None}
    return sites.pop() if len(sites) == 1 else None


def _should_be_a_derivative(
    replay: Replay, judged: Sequence[_Judged], values: Sequence[int], shares: Sequence[float]
) -> bool:
    """Whether values would be one and the same multiple of a derivative in every step, were they of the right size."""
    rows = []
    for one, value, share in zip(judged, values, shares, strict=True):
        wanted = np.ravel(np.asarray(replay.recorded[value], dtype=float)) / share
        row: dict[int, float] = {}
        for forward, adjoint in one.known.matching.adjoints.of.items():
            made, by = one.known.producer(forward), np.ravel(adjoint)
            if made is None or made.site is None or by.size != wanted.size or not np.any(by):
                continue
            times = float(wanted @ by / (by @ by))
            if np.allclose(wanted, times * by, rtol=_SAME, atol=_SAME * float(np.abs(wanted).max())):
                row[made.site] = times
        rows.append(row)
    common = set.intersection(*map(set, rows)) if rows else set()
    return any(_is_one([row[site] for row in rows]) for site in common)


def _of_these_alone(known: Verdicts, parameters: Sequence[int], others: Sequence[int]) -> list[int]:
    """The values of the backward pass from which all of some parameters' changes are made, and none of some others'."""
    olds = [old for _, old, _, _ in known.step.parameters]
    those, none = {olds[p] for p in parameters}, {olds[p] for p in others}
    reached = ((v, set(known.reached(v))) for v in known.chain(those))
    return [v for v, found in reached if those <= found and none.isdisjoint(found)]


def _is_a_number_of_the_step(
    replay: Replay, judged: Sequence[_Judged], values: Sequence[int], shares: Sequence[float]
) -> bool:
    """Whether in every step a gradient is off by what one number of it is, or the quotient of two derivatives.

    What sets a rate for each layer by the size of its gradients, or clips these, has multiples that come and go as
    well: a number that is made from the gradients themselves says nothing.
    """
    rows: list[dict[tuple[int, ...], float]] = []
    for one, value, share in zip(judged, values, shares, strict=True):
        known, row = one.known, dict[tuple[int, ...], float]()
        step = known.step
        own = replay.dependents([value], step.last + 1) | {value}
        learned = replay.dependents(step.olds, step.last + 1)
        for operation in replay.tape.operations[step.first : step.last + 1]:
            if operation.result in own or operation.result not in learned:
                continue  # each layer may have a rate of its own, and each rate a schedule
            array = np.asarray(replay.recorded[operation.result])
            if array.size == 1 and array.dtype.kind == "f" and operation.site is not None:
                row.setdefault((operation.site,), float(array.reshape(-1)[0]))
        slopes = list(_derivatives(known))
        row.update({(*of, *by): a / b for of, a in slopes for by, b in slopes if b})
        rows.append({key: number for key, number in row.items() if number and share})
    for key in set.intersection(*(set(row) for row in rows)):
        numbers = [row[key] for row in rows]
        if _is_one([n * s for n, s in zip(numbers, shares, strict=True)]) or _is_one(
            [n / s for n, s in zip(numbers, shares, strict=True)]
        ):
            return True
    return False


def _derivatives(known: Verdicts) -> Iterator[tuple[tuple[int, ...], float]]:
    """(where it was made, derivative by it) for the single numbers of the forward pass."""
    made = ((known.producer(value), np.ravel(array)) for value, array in known.matching.adjoints.of.items())
    numbers = ((o.site, float(a[0])) for o, a in made if o is not None and o.site is not None and a.size == 1)
    yield from itertools.islice((((site,), a) for site, a in numbers if site is not None), _MOST_NUMBERS)


__all__ = ["uneven_multiples"]
