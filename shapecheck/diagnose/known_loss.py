"""The wrong expression of a backward pass whose loss, parameters and gradients are all known: nothing is inferred."""

from __future__ import annotations

import time
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from shapecheck.diagnose.gradient import Diagnosis, diagnose_step
from shapecheck.diagnose.suspects import Suspect
from shapecheck.diagnose.verdicts import Outcome, Verdict, Verdicts
from shapecheck.gradients.adjoints import Adjoints, adjoints
from shapecheck.gradients.factors import Factor
from shapecheck.gradients.matching import EXACT, Matching
from shapecheck.gradients.replay import Replay, ReplayError
from shapecheck.gradients.steps import Loss, Step
from shapecheck.network.parameters import Parameter, Update
from shapecheck.trace.patience import patient
from shapecheck.trace.tape import Tape


@dataclass(frozen=True)
class Pair:
    """A parameter on a tape and the value that is to be its gradient.

    Attributes:
        name: The user's name of the parameter.
        parameter: The parameter's value when the forward pass read it.
        gradient: What should be `factor` times its adjoint.
    """

    name: str
    parameter: int
    gradient: int


@dataclass(frozen=True)
class Known:
    """What is known of one call of a forward and a backward pass.

    Attributes:
        seeds: Value number -> cotangent: 1 for the loss, or what the backward pass was handed.
        pairs: Parameters and gradients.
        factor: What a right gradient is times its adjoint: 1, -1, or a learning rate.
        seconds: How long may be looked for.
    """

    seeds: Mapping[int, Any]
    pairs: Sequence[Pair]
    factor: float = 1.0
    seconds: float = 4.0


@dataclass
class Accused:
    """The expressions to blame, one for each independent mistake.

    Attributes:
        diagnosis: With the verdicts on all gradients.
        known: The judge, to ask further questions.
        suspects: Those to blame, the first explains most.
        names: Parameter's value -> the user's name.
    """

    diagnosis: Diagnosis
    known: Verdicts
    suspects: list[Suspect]
    names: dict[int, str]

    @property
    def wrong(self) -> set[str]:
        """The parameters whose gradients are not what they should be."""
        return {v.name for v in self.diagnosis.wrong}


class KnownVerdicts(Verdicts):
    """Judges gradients whose factor is known; what they were made from does not excuse them."""

    settled = True

    def __init__(self, matching: Matching, step: Step, factor: float, seconds: float) -> None:
        super().__init__(matching, step)
        self.rate = factor
        self.deadline = time.monotonic() + patient(seconds)
        self._slack: dict[int, float] = {}
        matching.factors.add_rates([abs(factor)])

    def _probes(self, old: int, change: int, shape: tuple[int, ...]) -> list[int]:  # noqa: ARG002
        return [change]  # no optimizer stands between the two

    def all(self) -> list[Verdict]:
        """The verdict on every gradient as it was; one with another factor is wrong."""
        verdicts = [self._verdict(p.name, old) for p, old, _, _ in self.step.parameters]
        return [v if self.is_exact(v.factor) else replace(v, factor=None) for v in verdicts]

    def outcomes(self, changes: Mapping[int, Any]) -> dict[int, Outcome | None]:
        """For the gradients that depend on what is changed: None for one that is wrong then.

        The changes may all be multiplied by one number, with which what is right then comes.
        """
        if time.monotonic() > self.deadline:
            raise ReplayError("time is up", -1)
        touched = list(dict.fromkeys(p for value in changes for p in self.reached(value)))
        wanted = [self.changes[p] for p in touched]
        found = self.replay.evaluate(changes, wanted) if wanted else {}
        without = self._rest(tuple(changes), wanted)
        goals = {p: (self.rate or 1.0) * np.asarray(self.matching.adjoints[p], dtype=float) for p in touched}
        parts = {}
        for p in touched:
            rest = np.asarray(without[self.changes[p]], dtype=float)
            part = np.asarray(found[self.changes[p]], dtype=float) - rest
            if part.shape == rest.shape == goals[p].shape:
                parts[p] = (rest, part)
        best: dict[int, Outcome | None] = {}
        chosen = 1.0
        for scale in self._scales(parts, goals):
            right: dict[int, Outcome | None] = {}
            for p in touched:
                close = p in parts and self._is_close(p, parts[p][0] + scale * parts[p][1], goals[p])
                right[p] = Outcome(Factor(self.rate or 1.0, ""), scale) if close else None
            if not best or _count(right) > _count(best):
                best, chosen = right, scale
            if _count(right) == len(touched):
                break
        return self._confirmed(best, changes, chosen, goals) if best else dict.fromkeys(touched)

    def _confirmed(
        self, outcomes: dict[int, Outcome | None], changes: Mapping[int, Any], scale: float, goals: Mapping[int, Any]
    ) -> dict[int, Outcome | None]:
        """The outcomes without those that multiplying the changes does not give: behind a mask nothing is linear."""
        right = [p for p, factor in outcomes.items() if factor is not None]
        if abs(scale - 1) <= EXACT or not right:
            return outcomes
        multiplied = {value: scale * np.asarray(array, dtype=float) for value, array in changes.items()}
        found = self.replay.evaluate(multiplied, [self.changes[p] for p in right])
        kept = {p: self._is_close(p, np.asarray(found[self.changes[p]], dtype=float), goals[p]) for p in right}
        return {p: factor if kept.get(p) else None for p, factor in outcomes.items()}

    def _is_close(self, parameter: int, array: Any, goal: Any) -> bool:
        if parameter not in self._slack:
            # One entry of many may be wrong by little: what leaves the mistake as large as it was explains nothing.
            size = float(np.linalg.norm(goal))
            as_it_is = np.asarray(self.replay.recorded[self.changes[parameter]], dtype=float)
            error = float(np.linalg.norm(as_it_is - goal)) if as_it_is.shape == goal.shape else np.inf
            self._slack[parameter] = min(10 * EXACT * size, error / 10 if error > EXACT * size else np.inf)
        return float(np.linalg.norm(array - goal)) <= self._slack[parameter]

    def _scales(self, parts: Mapping[int, tuple[Any, Any]], goals: Mapping[int, Any]) -> list[float]:
        """The numbers by which changes may have to be multiplied, from the gradients that say most first."""
        found: list[float] = []
        for p in sorted(parts, key=lambda p: -goals[p].size):
            rest, part = parts[p]
            square = float(np.sum(part * part))
            scale = float(np.sum(part * (goals[p] - rest))) / square if square > 0 else 0.0
            # A gradient of one entry is met by some number whatever was changed.
            telling = goals[p].size > 1 or self.matching.factors.recognise(abs(scale)).is_plain
            new = scale and np.isfinite(scale) and telling and all(abs(scale / f - 1) > EXACT for f in found)
            if new and self._is_close(p, rest + scale * part, goals[p]):
                found.append(scale)
        return found


def _count(outcomes: Mapping[int, Outcome | None]) -> int:
    return sum(factor is not None for factor in outcomes.values())


def adjoints_of(tape: Tape, known: Known) -> Adjoints:
    """The adjoints of the known loss, in double precision; unchecked."""
    return adjoints(Replay(tape).in_double(), dict(known.seeds), check=())


def accuse(found: Adjoints, known: Known) -> Accused:
    """Find the expressions to blame for gradients that are wrong.

    Args:
        found: The adjoints of the loss.
        known: The parameters and gradients.

    Returns:
        What was found; no suspects where all that is compared is right, or nothing explains what is not.
    """
    last = max((o.number for o in found.replay.tape.operations), default=0)
    parameters = tuple(
        (
            Parameter(p.name, p.parameter, [Update(last, p.parameter, p.parameter, p.gradient, -1)]),
            p.parameter,
            p.gradient,
            -1,
        )
        for p in known.pairs
    )
    step = Step(0, parameters, 0, last)
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        matching = Matching(found)
        judge = KnownVerdicts(matching, step, known.factor, known.seconds)
        loss = Loss(dict(known.seeds), "", next(iter(known.seeds)), credible=True, adjoints=found, matching=matching)
        diagnosis = diagnose_step(step, loss, judge)
    names = {p.parameter: p.name for p in known.pairs}
    suspects = [_where_renamed(_without_excuse(s, judge), judge) for s in diagnosis.suspects[: diagnosis.independent]]
    return Accused(diagnosis, judge, _joined(suspects, judge), names)


def _without_excuse(suspect: Suspect, judge: KnownVerdicts) -> Suspect:
    """The suspect without an origin that is right in itself: a value of the forward pass, or one that serves others."""
    origins = [t for t in suspect.targets if suspect.origin is not None and t.site == suspect.origin]
    recorded = judge.replay.recorded
    for value in [r.value for t in origins for r in t.results]:
        closure = [v for v in judge.matching.adjoints.closure if np.shape(recorded[v]) == np.shape(recorded[value])]
        is_forward = any(np.array_equal(recorded[v], recorded[value]) for v in closure)
        match = judge.matching.match(value)
        serves = match is not None and not match.weak and not set(judge.reached(value)) <= set(suspect.explains)
        if (is_forward and np.size(recorded[value]) > 1) or serves:
            return replace(suspect, origin=None)
    return suspect


def _where_renamed(suspect: Suspect, judge: KnownVerdicts) -> Suspect:
    """The suspect with its origin where the derivative of something else was given its name: `dZ1 = dA1`."""
    tape = judge.replay.tape
    own = tape.sites[suspect.site]
    if suspect.reason != "other" or suspect.origin is not None or own.bound_to is None:
        return suspect
    names = [b for b in tape.bindings if b.value == suspect.values[0] and b.owner is None and b.key is None]
    later = [b.site for b in names if b.name != own.bound_to and tape.sites[b.site].function == own.function]
    return replace(suspect, origin=later[-1]) if later else suspect


def _joined(suspects: list[Suspect], judge: KnownVerdicts) -> list[Suspect]:
    """The suspects without those that are wrong for what another one is wrong for: a slope that both were given."""
    merged: dict[int, Suspect] = dict(enumerate(suspects))
    for i, first in enumerate(suspects):
        for j, other in enumerate(suspects):
            if first.origin is None or i == j or not {i, j} <= set(merged) or other.origin not in {None, first.origin}:
                continue
            inputs = {v for value in other.values if (o := judge.producer(value)) is not None for v in o.inputs}
            if first.origin in {o.site for v in inputs if (o := judge.producer(v)) is not None}:
                both = tuple(dict.fromkeys((*merged[i].explains, *merged.pop(j).explains)))
                merged[i] = replace(merged[i], explains=both)
    return list(merged.values())


__all__ = ["Accused", "Known", "KnownVerdicts", "Pair", "accuse", "adjoints_of"]
