"""Backward passes of one number each, sample by sample, that begin with no difference of output and target.

With one output and one sample at a time every gradient is a multiple of that of any loss; only the multiple tells, from
step to step. Where it comes and goes with the sample under every loss that could be meant, and is one and the same
under what follows from another error signal, that signal is what the program goes by.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from shapecheck.diagnose.error_signal import followed_at, is_a_slip, tells_nothing
from shapecheck.diagnose.gradient import Diagnosis
from shapecheck.diagnose.suspects import Suspect
from shapecheck.diagnose.targets import Result, Target
from shapecheck.diagnose.verdicts import Verdicts
from shapecheck.diagnose.wrong_values import where_passed_on
from shapecheck.gradients.error_signals import ErrorSignal, error_signals
from shapecheck.gradients.inferred import Pair, losses_of, met_numbers
from shapecheck.gradients.losses import find_losses
from shapecheck.gradients.replay import Replay, ReplayError
from shapecheck.gradients.steps import Loss, Step, reach, steps
from shapecheck.network.parameters import find_parameters

_MOST_STEPS, _LEAST_STEPS = 8, 3
# Relative: factors that are one and the same, and factors that are not.
_SAME, _OTHER = 1e-6, 1e-3


@dataclass(frozen=True, slots=True, eq=False)
class _Sample:
    """One step: what it should descend, and what it does.

    Attributes:
        signals: For each kind, the error signal, where all changes follow it, and the factor.
    """

    step: Step
    pair: Pair
    loss: Loss
    signals: dict[str, tuple[ErrorSignal, float]]


def slips_of_one_number(replay: Replay) -> Diagnosis | None:
    """The mistake in the error signal of a network that learns from one number at a time; None where there is none.

    Args:
        replay: The tape, in double precision.
    """
    key = "slips of one number"
    if key not in replay.memory:
        replay.memory[key] = _slips(replay)
    found: Diagnosis | None = replay.memory[key]
    return found


def _slips(replay: Replay) -> Diagnosis | None:
    parameters = find_parameters(replay.tape, most_updates=_MOST_STEPS)
    known = steps(replay, parameters, _MOST_STEPS) if parameters else []
    groups: dict[tuple[int, ...], list[Step]] = {}
    for step in known:
        groups.setdefault(tuple(p.birth for p, *_ in step.parameters), []).append(step)
    for group in groups.values():
        ends = [*(s.last + 1 for s in group[1:]), len(replay.tape.operations)]
        met = [met_numbers(replay, s, end) for s, end in zip(group, ends, strict=True) if len(group) >= _LEAST_STEPS]
        for site in dict.fromkeys(site for pairs in met for site in pairs):
            places = [(step, pairs[site]) for step, pairs in zip(group, met, strict=False) if site in pairs]
            varied = len({float(pair.target.reshape(-1)[0]) for _, pair in places}) > 1
            found = _of_site(replay, places) if varied and len(places) >= _LEAST_STEPS else None
            if found is not None:
                return found
    return None


def _of_site(replay: Replay, places: Sequence[tuple[Step, Pair]]) -> Diagnosis | None:
    """The mistake where outputs and targets meet at one place, be it for the sake of printing only."""
    for formula in [loss.formula for loss in losses_of(replay, *places[0])]:
        samples = _followed(replay, places, formula)
        for kind in samples[0].signals if len(samples) >= _LEAST_STEPS else ():
            first = samples[0]
            slip = is_a_slip(replay, first.step, first.signals[kind][0], first.pair)
            if slip and not _descends_a_loss(replay, samples):
                return _blamed(replay, samples, kind)
    return None


def _followed(replay: Replay, places: Sequence[tuple[Step, Pair]], formula: str) -> list[_Sample]:
    """The steps, with the error signals that all of them follow at one rate; empty where there is no such signal."""
    samples: list[_Sample] = []
    rates: dict[str, float] | None = None
    for step, pair in places:
        if not any(np.any(replay.recorded[change]) for _, _, change, _ in step.parameters):
            continue  # this target is zero, or no unit is on
        loss = next((known for known in losses_of(replay, step, pair) if known.formula == formula), None)
        if loss is None:
            return []
        found = {}
        signals = list(error_signals(replay, step, loss, [pair], rates))
        if any(tells_nothing(step, signal.matching) for signal in signals):
            continue
        for signal in signals:
            moved = followed_at(step, signal.matching)
            if moved is not None and (rates is None or _is_one([moved, rates[signal.kind]])):
                found[signal.kind] = (signal, moved)
        rates = {kind: moved for kind, (_, moved) in found.items()}
        samples.append(_Sample(step, pair, loss, found))
        if not rates:
            return []
    return [replace(s, signals={k: v for k, v in s.signals.items() if k in (rates or {})}) for s in samples]


def _is_one(factors: Sequence[float]) -> bool:
    return max(factors) - min(factors) <= _SAME * max(map(abs, factors))


def _descends_a_loss(replay: Replay, samples: Sequence[_Sample]) -> bool:
    """Whether the steps follow a loss, of the program's own or of the catalogue, at one rate."""
    factors: dict[Any, list[float]] = {}
    for sample in samples:
        for loss in find_losses(replay, sample.step):
            site = replay.tape.site_of(loss.value) if loss.value is not None else None
            key = loss.formula or (site.number if site is not None else None)
            if loss.matching is not None and (factor := followed_at(sample.step, loss.matching)):
                factors.setdefault(key, []).append(factor)
        if sample.loss.matching is not None and (factor := followed_at(sample.step, sample.loss.matching)):
            factors.setdefault("", []).append(factor)
    whole = [f for f in factors.values() if len(f) >= len(samples)]
    return any(max(f) - min(f) <= _OTHER * max(map(abs, f)) for f in whole)


def _handed_on(judge: Verdicts, value: int) -> int | None:
    """Where a value is given another name, or is first read in another function than that in which it was made."""
    tape = judge.replay.tape
    site, made = where_passed_on(judge, value), tape.site_of(value)
    if site is None or isinstance(tape.sites[site].node, ast.Name):
        return site
    return site if made is None or made.function != tape.sites[site].function else None


# -- what to blame ---------------------------------------------------------------------------------------------------


def _blamed(replay: Replay, samples: Sequence[_Sample], kind: str) -> Diagnosis | None:
    first = samples[0]
    judges = [Verdicts(s.signals[kind][0].matching, s.step) for s in samples]
    verdicts = judges[0].all()
    for values, forwards, ratio in _candidates(replay, samples, judges, kind):
        wanted = {}
        for sample, value, forward in zip(samples, values, forwards, strict=True):
            assert sample.loss.adjoints is not None
            array = np.asarray(sample.loss.adjoints[forward], dtype=float)
            wanted[value] = (forward, ratio * array.reshape(np.shape(replay.recorded[value])))
        made = replay.tape.site_of(values[0])
        closure = judges[0].matching.adjoints.closure
        passed_on = values[0] in {first.pair.given, first.pair.output} or values[0] in closure
        site = _handed_on(judges[0], values[0]) if passed_on else made.number if made is not None else None
        if site is None:
            continue
        results = tuple(Result(value, (array,), exact=True) for value, (_, array) in wanted.items())
        targets = (Target(site, results), Target(None, results))
        explains = tuple(first.step.olds)
        suspect = Suspect(site, tuple(wanted), wanted, explains, True, sound=tuple(wanted), targets=targets)
        return Diagnosis(first.step, first.loss, verdicts, [suspect], 1, None, kind)
    return None


def _candidates(
    replay: Replay, samples: Sequence[_Sample], judges: Sequence[Verdicts], kind: str
) -> Iterator[tuple[list[int], list[int], float]]:
    """(values, forward values whose derivatives they should be, factor): of each step one."""
    wholes = _whole_values(replay, samples, kind)
    given = [s.pair.given for s in samples]
    alone = [(column, column) for column in wholes] if kind == "target left out" else []
    if kind == "output left out" and None not in given:
        alone = [([v or 0 for v in given], [s.pair.output for s in samples])]
    for values, forwards in alone:
        if (ratio := _put_in_place(samples, values, forwards)) is not None:
            yield values, forwards, ratio
    chains = [_single_file(judge) for judge in judges]
    for values in _columns(chains):
        if len({site.number for v in values if (site := replay.tape.site_of(v)) is not None}) > 1:
            return
        for forwards in wholes:
            of = [s.signals[kind][0].matching.adjoints for s in samples]
            ratios = [_ratio(replay.recorded[v], a[f]) for v, a, f in zip(values, of, forwards, strict=True)]
            if all(ratios) and _is_one([r for r in ratios if r is not None]):
                # What climbs with this signal is to be turned round.
                yield values, forwards, -np.sign(samples[0].signals[kind][1]) * (ratios[0] or 1.0)


def _columns(rows: Sequence[Sequence[int]]) -> list[list[int]]:
    return [list(column) for column in zip(*rows, strict=True)] if len({len(r) for r in rows}) == 1 else []


def _put_in_place(samples: Sequence[_Sample], values: Sequence[int], outputs: Sequence[int]) -> float | None:
    """The sign of the derivatives by outputs with which, in the place of what goes backwards as it is, steps descend.

    None where they would not follow the loss.
    """
    rates = []
    for sample, value, output in zip(samples, values, outputs, strict=True):
        assert sample.loss.matching is not None
        assert sample.loss.adjoints is not None
        known = Verdicts(sample.loss.matching, sample.step)
        known.all()
        array = np.asarray(sample.loss.adjoints[output], dtype=float)
        try:
            outcomes = known.outcomes({value: array.reshape(np.shape(known.replay.recorded[value]))})
        except ReplayError:
            return None
        # A parameter of one entry would follow at any rate.
        large = {old: sign for _, old, _, sign in sample.step.parameters if np.size(known.matching.adjoints[old]) > 1}
        found = [large[p] * o.factor.number for p, o in outcomes.items() if o is not None and p in large]
        if len(found) < len(large) or not found or not _is_one(found):
            return None
        rates.append(found[0])
    return -float(np.sign(rates[0])) if _is_one(rates) else None


def _single_file(judge: Verdicts) -> list[int]:
    """The single numbers of the backward pass on which all changes depend, in their order."""
    values = judge.replay.tape.values
    begun = min((values[v].producer or 0 for v in judge.forward), default=0)
    chain = [v for v in judge.chain(judge.changes) if (values[v].producer or 0) > begun]
    return [v for v in chain if values[v].size == 1 and len(judge.reached(v)) == len(judge.changes)]


def _whole_values(replay: Replay, samples: Sequence[_Sample], kind: str) -> list[list[int]]:
    """The single numbers of the forward pass that depend on all parameters, of each step the same, the output first."""
    rows = []
    for sample in samples:
        reached = reach(replay, sample.step.olds)
        known = sample.signals[kind][0].matching.adjoints.of
        whole = [f for f in known if np.size(known[f]) == 1 and len(reached.get(f, ())) == len(sample.step.olds)]
        rows.append(sorted(whole, reverse=True))
    return _columns(rows)


def _ratio(value: Any, adjoint: Any) -> float | None:
    below = float(np.asarray(adjoint, dtype=float).reshape(-1)[0])
    above = float(np.asarray(value, dtype=float).reshape(-1)[0])
    return above / below if below and above else None


__all__ = ["slips_of_one_number"]
