"""A whole check from the first evaluation to the report: contracts, noise, verdicts, a second point, symptoms."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shapecheck.gradients.comparison import Comparison
from shapecheck.gradients.complex_step import ComplexStep
from shapecheck.gradients.entry_verdicts import judge_entries
from shapecheck.gradients.entrywise import EntrywiseDerivatives
from shapecheck.gradients.errors import GradientCheckError, LossError
from shapecheck.gradients.noise import measure_noise, rounding_alone
from shapecheck.gradients.objective import Objective
from shapecheck.gradients.projection import ZERO, Judge, Judgement
from shapecheck.gradients.result import GradientReport, ParameterResult, Symptom, Verdict
from shapecheck.gradients.single_precision import SinglePrecision, rounding_meter, surface_of
from shapecheck.gradients.subject import Options, Subject, quoted
from shapecheck.gradients.substitution import Substitution
from shapecheck.gradients.surface import OUT_OF_DOMAIN
from shapecheck.gradients.symptoms import find_symptom, merged
from shapecheck.gradients.symptoms_in_values import find_in_values

Floats = NDArray[np.float64]
_ANOTHER = 1e-6  # how far, relative, a loss may be from the mean of both its sides without being looked at again
_MOST_SYMPTOMS = 4  # wrong parameters to look at; each costs a dozen evaluations


class Examination:
    """Carries one check through.

    Args:
        objective: The loss.
        grads: The user's gradients, or the function that computes them.
        options: What the caller asked for.
    """

    def __init__(self, objective: Objective, grads: Any, options: Options) -> None:
        self.subject = Subject(objective, grads, options)
        self.objective = objective
        self.params = objective.params
        self.options = options
        self.rng = np.random.default_rng([options.seed, 0x6772])  # two words: not the stream of default_rng(seed)
        self._numeric: dict[str, Floats] = {}
        self._symptoms: list[Symptom] = []

    def report(self) -> GradientReport:
        """Run the check."""
        with self.params.restored(), self.subject.generators, self.subject.left_as_found():
            return self._run()

    def numeric_gradients(self, step: float | None = None) -> dict[str, Floats]:
        """The numeric gradients alone; there is nothing to compare them with."""
        with self.params.restored(), self.subject.generators, self.subject.left_as_found():
            self.objective.watch = self.subject.watch
            base = self._base()
            comparison = self._comparison(base, {p.name: np.zeros(p.shape) for p in self.params})
            self._measure(comparison, base)
            derivatives = self._derivatives(comparison)
            return {
                p.name: derivatives.of(p.name, np.arange(p.size), step).values.reshape(p.shape)
                if p.size
                else np.zeros(p.shape)
                for p in self.params
            }

    def _run(self) -> GradientReport:
        self.objective.watch = self.subject.watch
        given = None if self.subject.recompute is not None else self.subject.gradients()
        base = self._base() if given is None or self.subject.is_single else None
        gradients = self.subject.gradients() if given is None else given
        comparison = self._comparison(base, gradients)
        judgements = {} if self._entrywise else self._glances(comparison)
        self._refuse_another_loss(comparison, judgements, base)
        if len(judgements) < len(self.params):
            base = self._base() if base is None else base
            self._measure(comparison, base)
            unsteady = self._unsteady(comparison, base)
            if unsteady:
                verdict = Judgement(Verdict.NOT_DETERMINISTIC, None, unsteady)
                return self._assemble(dict.fromkeys(gradients, verdict), comparison)
            judgements = self._judge_all(comparison, judgements)
        judgements = self._conclude(comparison, judgements, base)
        return self._assemble(self._second_look(judgements, gradients), comparison)

    # -- around one point -------------------------------------------------------------------------------------------

    @property
    def _looks_twice(self) -> bool:
        return self.subject.recompute is not None and self.options.perturb and len(self.params) > 1

    @property
    def _entrywise(self) -> bool:
        return self.options.mode in {"full", "sampled"}

    def _base(self) -> float:
        base = self.objective()
        self.params.refuse_changes("the loss")
        if not math.isfinite(base):
            raise LossError(
                f"the loss is {base} at the parameters as given, so no difference of it is a number. Look for a "
                f"logarithm of 0, a division by 0 or an overflow; clip probabilities inside the logarithm",
                loss=base,
            )
        return base

    def _comparison(self, base: float | None, gradients: Mapping[str, Floats]) -> Comparison:
        substitution = Substitution(self.objective, self.subject.found)
        surface = surface_of(self.subject, base, substitution, self.rng)
        precision = {n: self.subject.precision(n) for n in gradients}
        options = self.options
        exact = ComplexStep(substitution)
        return Comparison(
            surface,
            rounding_alone(surface),
            exact,
            gradients,
            precision=precision,
            rtol=options.rtol,
            atol=options.atol,
        )

    def _measure(self, comparison: Comparison, base: float) -> None:
        if comparison.surface.promotion is None:
            comparison.surface.base = base
        comparison.noise = measure_noise(comparison.surface, self.rng)

    def _glances(self, comparison: Comparison) -> dict[str, Judgement]:
        """The parameters that agree within the rounding of the loss alone: most of the right ones."""
        judge = Judge(comparison, self.rng)
        if self.options.mode == "joint":
            together = judge.glance(judge.direction(*self.params.names))
            return dict.fromkeys(self.params.names, together) if together is not None else {}
        # Where a second point is looked at as well, one direction will do for those that it resolves by themselves.
        settled = judge.glance_together(self.params.names) if self._looks_twice else {}
        for name in self.params.names:
            glance = settled.get(name) or judge.glance(judge.direction(name))
            settled |= {} if glance is None else {name: glance}
        return settled

    def _judge_all(self, comparison: Comparison, known: Mapping[str, Judgement]) -> dict[str, Judgement]:
        judge = Judge(comparison, self.rng, rounding_meter(self.subject, comparison, self.rng))
        if self._entrywise:
            judgements = {name: self._judge_entries(judge, name) for name in self.params.names}
        else:
            judgements = {name: known[name] if name in known else judge.judge(name) for name in self.params.names}
        for name, judgement in judgements.items():
            self._refuse_independence(name, judgement, comparison)
        return judgements

    def _judge_entries(self, judge: Judge, name: str) -> Judgement:
        parameter = self.params[name]
        if not parameter.size:
            return judge.judge(name)
        indices = np.arange(parameter.size)
        if self.options.mode == "sampled" and parameter.size > self.options.samples:
            indices = np.sort(self.rng.choice(parameter.size, self.options.samples, replace=False))
        entries = self._derivatives(judge.comparison).of(name, indices)
        if indices.size == parameter.size:
            self._numeric[name] = entries.values.reshape(parameter.shape)
        return judge_entries(judge, name, entries)

    def _derivatives(self, comparison: Comparison) -> EntrywiseDerivatives:
        executor = self.options.executor
        if executor is not None and self.subject.generators.moved:
            text = "the loss draws random numbers: evaluated in this process, where the generators can be held"
            self.subject.note(text)
            executor = None
        return EntrywiseDerivatives(comparison, self.rng, executor, self.options.progress)

    def _unsteady(self, comparison: Comparison, base: float) -> str:
        """Why two identical evaluations differ; empty where they do not."""
        noise, moved = comparison.noise, self.subject.generators.moved
        scale = max(map(abs, [base, *noise.samples]))
        if noise.spread <= 1e4 * comparison.surface.epsilon * scale and not moved:
            return ""
        first, second = self.objective(), self.objective()
        allowed = 64 * max(self.subject.precision(n) for n in self.params.names) * scale
        if abs(first - second) <= allowed:
            if abs(first - base) > allowed and self.subject.recompute is not None:
                self.subject.blame_backward()
            return ""
        which = f"although {quoted(list(moved))} was re-wound" if moved else "although no known random generator moved"
        return (
            f"two identical evaluations of the loss gave {first:.6g} and {second:.6g}, {which}. A generator made "
            f"inside the loss, a counter, or state that one call leaves to the next?"
        )

    def _refuse_another_loss(
        self, comparison: Comparison, judgements: Mapping[str, Judgement], base: float | None
    ) -> None:
        """Raise if the gradient function has made the loss another one: both sides then agree on what was changed."""
        if base is None or self.subject.recompute is None:
            return
        looks = {id(j.look): j.look for j in judgements.values() if j.look is not None}.values()
        apart = max((abs(look.bend) * look.step / 2 for look in looks), default=0.0)
        if apart <= _ANOTHER * abs(base):
            return
        first, second = self.objective(), self.objective()
        allowed = 64 * max(self.subject.precision(n) for n in self.params.names) * max(abs(first), abs(base))
        if abs(first - second) <= allowed < abs(first - base) and comparison.surface.promotion is None:
            self.subject.blame_backward()

    def _refuse_independence(self, name: str, judgement: Judgement, comparison: Comparison) -> None:
        """Raise if the loss does not read a parameter that has a gradient."""
        look = judgement.look
        if look is None or look.measured != 0 or judgement.verdict is not Verdict.WRONG:
            return
        parameter = self.params[name]
        for scale in (1.0, 0.03):  # far from here, in case the loss is only saturated where we are
            start = {p.name: scale * self.rng.standard_normal(p.shape) - p.center for p in self.params}
            other = {**start, name: scale * self.rng.standard_normal(parameter.shape) - parameter.center}
            if comparison.surface.at(start) != comparison.surface.at(other):
                return
        raise LossError(
            f"the loss does not depend on `{name}`: it stays the same whatever is put there. Does it read another "
            f"array of that name (a copy, or one that was rebound), or only cached values?",
            parameter=name,
        )

    def _conclude(
        self, comparison: Comparison, judgements: Mapping[str, Judgement], base: float | None
    ) -> dict[str, Judgement]:
        """Excuse what is not the formula's fault, and look for what the rest looks like."""
        single = SinglePrecision(self.subject, self.rng)
        final = {}
        for name, judgement in judgements.items():
            excuse = None
            if judgement.verdict is Verdict.WRONG:
                excuse = single.excuse(name, judgement, comparison, math.nan if base is None else base)
                excuse = excuse or self._not_deterministic(name, judgement)
            elif judgement.verdict is Verdict.RIGHT:
                excuse = single.hidden(name, comparison)
            final[name] = excuse or judgement
        self.subject.note_integers(n for n, j in final.items() if j.verdict is Verdict.WRONG)
        self._look_for_symptoms(comparison, final)
        return final

    def _not_deterministic(self, name: str, judgement: Judgement) -> Judgement | None:
        moved = ", ".join(self.subject.generators.moved)
        if not self.subject.repeats(name):
            reason = (
                "backward: a second identical call returns another gradient. Is it added to the last one and never "
                "reset to zero, or kept from an earlier call?"
            )
        elif moved and self.subject.recompute is None:
            reason = (
                f"the loss draws from {moved}, and these gradients belong to other draws: pass a function that "
                f"computes them, it is called with the generator re-wound"
            )
        else:
            return None
        return Judgement(Verdict.NOT_DETERMINISTIC, judgement.look, reason, judgement.method)

    def _look_for_symptoms(self, comparison: Comparison, judgements: Mapping[str, Judgement]) -> None:
        wrong = [n for n, j in judgements.items() if j.verdict is Verdict.WRONG]
        if not wrong:
            return
        values, lengths, previous = self.subject.values(), self.subject.lengths(), self.subject.previous()
        found: list[Symptom] = []
        # From the loss backwards: what is wrong in one layer reaches all the layers before it.
        for name in wrong[::-1][:_MOST_SYMPTOMS]:
            gradient, place = comparison.gradients[name], judgements[name].place
            if place is not None and place.extent == "entry" and gradient.size > 1:
                continue  # no transformation of the whole
            if name in previous and gradient.any() and np.allclose(gradient, previous[name], rtol=1e-9, atol=0):
                text = f"the gradient of `{name}` is that of the previous step"
                found.append(Symptom("previous step", (name,), text, {}, 0.0))
                continue
            symptom, slopes = find_symptom(comparison, name, judgements[name], self.rng, lengths)
            if symptom is None and slopes is not None:
                rows = place.rows if place is not None else None
                symptom = find_in_values(name, gradient, slopes, values, cotangent=self.objective.cotangent, rows=rows)
            found += [symptom] if symptom is not None else []
        self._symptoms += merged(found[::-1])

    # -- a second point ---------------------------------------------------------------------------------------------

    def _second_look(self, judgements: dict[str, Judgement], given: Mapping[str, Floats]) -> dict[str, Judgement]:
        """Check beside the given parameters: many mistakes do not show at zero biases, gamma = 1 or a first call."""
        degenerate = self._degenerate()
        if self.subject.recompute is None or not self.options.perturb:
            if degenerate:
                self.subject.note(f"{degenerate}: agreement there proves little; check after some steps as well")
            return judgements
        if any(j.verdict is Verdict.WRONG and not j.kink for j in judgements.values()):
            return judgements  # what is wrong here needs no second point
        dead = any(j.reason == ZERO for j in judgements.values())
        self.params.move_center({p.name: _nudged(p.center, self.rng, wide=dead) for p in self.params})
        try:
            beside = self._beside(given)
        except OUT_OF_DOMAIN as error:
            if isinstance(error, GradientCheckError):
                raise
            what = f"{type(error).__name__}: {error}".strip(": ")
            self.subject.note(f"at perturbed parameters your code raised {what}; no second look was taken")
            beside = {}
        finally:
            self.params.move_center({p.name: p.original for p in self.params})
        if degenerate and beside:
            text = f"{degenerate}: agreement there proves little, so nearby parameters were checked as well"
            self.subject.note(text)
        return {n: _both(j, beside[n]) if n in beside else j for n, j in judgements.items()}

    def _beside(self, given: Mapping[str, Floats]) -> dict[str, Judgement]:
        base = self.objective()
        if not math.isfinite(base):
            self.subject.note(f"at perturbed parameters the loss is {base}: no second look was taken")
            return {}
        gradients = self.subject.gradients()
        comparison = self._comparison(base, gradients)
        judge = Judge(comparison, self.rng, rounding_meter(self.subject, comparison, self.rng), budget=30)
        settled = judge.glance_together(self.params.names)
        if len(settled) < len(self.params):
            self._measure(comparison, base)
        beside = {n: settled.get(n) or judge.judge(n) for n in self.params.names}
        stale = [n for n, j in beside.items() if j.verdict is Verdict.WRONG and np.array_equal(given[n], gradients[n])]
        for name in stale:
            text = (
                f"the gradient of `{name}` stayed the same when the parameters were changed: it belongs to the "
                f"previous step, or to values that only an earlier forward pass has left"
            )
            self._symptoms.append(Symptom("previous step", (name,), text, {}, 0.0))
        return self._conclude(comparison, beside, base)

    def _degenerate(self) -> str:
        zero = [p.name for p in self.params if p.size and not np.any(p.center)]
        equal = [p.name for p in self.params if p.size > 1 and p.name not in zero and np.ptp(p.center) == 0]
        parts = [f"{quoted(zero)} {'is' if len(zero) == 1 else 'are'} all zero"] if zero else []
        parts += [f"all entries of {quoted(equal)} are equal"] if equal else []
        return " and ".join(parts)

    # -- the report -------------------------------------------------------------------------------------------------

    def _assemble(self, judgements: Mapping[str, Judgement], comparison: Comparison) -> GradientReport:
        options, gradients = self.options, comparison.gradients
        given = ["sign", "rtol", "atol", "perturb", *(["samples"] if options.mode == "sampled" else [])]
        values = {k: getattr(options, k) for k in given}
        more = ", cotangent=cotangent" if self.objective.cotangent is not None else ""
        more += "".join(f", {k}={v!r}" for k, v in values.items() if v != getattr(Options, k))
        line = options.reproduce or f'gradcheck(loss, params, grads, mode="{options.mode}", seed={options.seed}{more})'
        blame = comparison.exact.blame
        if blame and (self._entrywise or any(j.verdict is Verdict.CANNOT_TELL for j in judgements.values())):
            self.subject.note(f"{blame}; central differences were taken")
        return GradientReport(
            tuple(self._row(n, judgements[n], gradients[n]) for n in self.params.names),
            tuple(self._symptoms),
            tuple(self.subject.notes),
            options.mode,
            options.seed,
            line,
            comparison.level,
            comparison.noise.of(comparison.level),
            self.objective.evaluations,
            numeric=self._numeric,
            analytic={n: g.copy() for n, g in gradients.items()} if self._numeric else {},
        )

    def _row(self, name: str, judgement: Judgement, gradient: Floats) -> ParameterResult:
        parameter, look, place = self.params[name], judgement.look, judgement.place
        with np.errstate(all="ignore"):
            norm = float(np.linalg.norm(gradient))
        scale = look.scale if look is not None and look.scale > 0 else math.nan
        return ParameterResult(
            name,
            parameter.shape,
            str(parameter.dtype),
            norm,
            abs(look.error) / scale if look is not None else math.nan,
            look.bound / scale if look is not None else math.nan,
            judgement.verdict,
            judgement.reason,
            judgement.method,
            place.entry if place is not None else None,
            place.rows if place is not None else None,
        )


def _nudged(center: NDArray[Any], rng: np.random.Generator, *, wide: bool) -> NDArray[Any]:
    """Values nearby; farther away where units are dead, to wake them."""
    size = float(np.sqrt(np.mean(np.square(center, dtype=np.float64)))) if center.size else 0.0
    scale = (1.5 if wide else 0.1) * size if size > 0 else (0.5 if wide else 0.05)
    return np.asarray(center + scale * rng.uniform(-1.0, 1.0, center.shape)).astype(center.dtype)


def _both(given: Judgement, beside: Judgement) -> Judgement:
    """One verdict from the two points."""
    if given.verdict is Verdict.WRONG:
        if beside.verdict is Verdict.RIGHT and given.kink:
            return Judgement(Verdict.RIGHT, beside.look, "at a kink; right beside it", beside.method)
        return given
    if beside.verdict is Verdict.WRONG:
        reason = "right at the given parameters, wrong beside them" if given.verdict is Verdict.RIGHT else ""
        reason = "; ".join(filter(None, (reason, beside.reason)))
        return Judgement(Verdict.WRONG, beside.look, reason, beside.method, beside.place)
    if Verdict.NOT_DETERMINISTIC in {given.verdict, beside.verdict}:
        return given if given.verdict is Verdict.NOT_DETERMINISTIC else beside
    if given.verdict is Verdict.RIGHT:
        return given
    if beside.verdict is Verdict.RIGHT:
        return Judgement(
            Verdict.RIGHT, beside.look, f"beside the given parameters; there {given.reason}", beside.method
        )
    return given
