"""A whole check from the first evaluation to the report: contracts, noise, verdicts, a second point, symptoms."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shapecheck.gradients.comparison import Comparison
from shapecheck.gradients.complex_step import ComplexStep
from shapecheck.gradients.contracts import matched_gradients
from shapecheck.gradients.determinism import HeldGenerators, generators
from shapecheck.gradients.entry_verdicts import judge_entries
from shapecheck.gradients.entrywise import EntrywiseDerivatives
from shapecheck.gradients.errors import LossError, MutationError
from shapecheck.gradients.noise import measure_noise, rounding_alone
from shapecheck.gradients.objective import Objective, call_with, calling_convention
from shapecheck.gradients.projection import ZERO, Judge, Judgement
from shapecheck.gradients.reachable import places
from shapecheck.gradients.result import Entry, GradientReport, ParameterResult, Symptom, Verdict
from shapecheck.gradients.substitution import Substitution
from shapecheck.gradients.surface import Surface
from shapecheck.gradients.symptoms import find_symptom, merged
from shapecheck.gradients.symptoms_in_values import find_in_values, usable_values

Floats = NDArray[np.float64]
_MOST_SYMPTOMS = 4  # wrong parameters to look at; each costs a dozen evaluations
DOUBLE = float(np.finfo(np.float64).eps)


@dataclass(frozen=True)
class Options:
    """What the caller of `gradcheck` asked for."""

    mode: str = "projection"
    rtol: float | None = None
    atol: float | None = None
    seed: int = 0
    executor: Executor | None = None
    sign: int = 1
    samples: int = 100
    perturb: bool = True
    values: Any | None = None
    previous: Any | None = None
    progress: bool | None = None
    reproduce: str | None = None


class Examination:
    """Carries one check through; `report` is its only door."""

    def __init__(self, objective: Objective, grads: Any, options: Options) -> None:
        self.objective = objective
        self.params = objective.params
        self.options = options
        self.notes: list[str] = []
        self.rng = np.random.default_rng([options.seed, 0x6772])  # two words: not the stream of default_rng(seed)
        self._grads = grads
        self._recompute: Callable[[], Any] | None = None
        if callable(grads):
            self._arguments = calling_convention(grads, self.params.structure, "the gradient function")
            self._recompute = lambda: call_with(grads, self.params.current_structure(), self._arguments)
        self._found = list(places(objective.loss, self.params.structure, grads if callable(grads) else None))
        self._generators = HeldGenerators(generators(self._found))
        self._dtypes: dict[str, np.dtype[Any]] = {}
        self._numeric: dict[str, Floats] = {}
        self._found_symptoms: list[Symptom] = []

    def report(self) -> GradientReport:
        """Run the check."""
        with self.params.restored(), self._generators:
            return self._run()

    # -- one point after another ------------------------------------------------------------------------------------

    def _run(self) -> GradientReport:
        self.objective.watch = self._watch
        given = None if self._recompute is not None else self._gradients()
        base = self._first_evaluation() if given is None or self._single else None
        gradients = self._gradients() if given is None else given
        comparison = self._comparison(base, gradients)
        judgements = {} if self._entrywise else self._glances(comparison)
        if len(judgements) < len(self.params):
            base = self._first_evaluation() if base is None else base
            self._measure(comparison, base)
            unsteady = self._unsteady(comparison, base)
            if unsteady:
                verdict = Judgement(Verdict.NOT_DETERMINISTIC, None, unsteady)
                rows = [self._row(n, verdict, gradients) for n in gradients]
                return self._assemble(rows, comparison, gradients)
            judgements = self._judge_all(comparison, judgements)
        judgements = {n: self._excuse(n, j, comparison) for n, j in judgements.items()}
        self._symptoms(comparison, judgements)
        judgements = self._second_look(judgements, gradients)
        rows = [self._row(n, judgements[n], gradients) for n in self.params.names]
        return self._assemble(rows, comparison, gradients)

    @property
    def _entrywise(self) -> bool:
        return self.options.mode in {"full", "sampled"}

    @property
    def _single(self) -> bool:
        return any(p.is_single_precision for p in self.params)

    def _watch(self) -> bool:
        """After the first evaluation: did it move a random generator?"""
        if not self._generators.look():
            return False
        self.objective.hold = self._generators.rewind
        moved = " and ".join(f"`{n}`" for n in self._generators.moved)
        self.notes.append(f"the loss draws from {moved}: held still for every evaluation")
        return True

    def _first_evaluation(self) -> float:
        base = self.objective()
        self.params.refuse_changes("the loss")
        self._given_base = base
        if not math.isfinite(base):
            raise LossError(
                f"the loss is {base} at the parameters as given, so no difference of it is a number. Look for a "
                f"logarithm of 0, a division by 0 or an overflow; clip probabilities inside the logarithm",
                loss=base,
            )
        return base

    def _glances(self, comparison: Comparison) -> dict[str, Judgement]:
        """The parameters that agree within the rounding of the loss alone: most of the right ones."""
        judge = Judge(comparison, self.rng)
        if self.options.mode == "joint":
            together = judge.glance(judge.direction(*self.params.names))
            return dict.fromkeys(self.params.names, together) if together is not None else {}
        glances = {name: judge.glance(judge.direction(name)) for name in self.params.names}
        return {name: judgement for name, judgement in glances.items() if judgement is not None}

    def _measure(self, comparison: Comparison, base: float, looks: int = 2) -> None:
        if comparison.surface.promotion is None:
            comparison.surface.base = base
        comparison.noise = measure_noise(comparison.surface, self.rng, looks)

    def _gradients(self) -> dict[str, Floats]:
        """The user's gradients at the parameters as they are, in float64 and with the sign the loss falls by."""
        given = self._grads
        if self._recompute is not None:
            self.objective.hold()
            given = self._recompute()
            self.params.refuse_changes("the gradient function")
        matched = matched_gradients(given, self.params)
        self._dtypes = {n: a.dtype for n, a in matched.items()}
        # A function's are copied: many a backward pass returns the same buffers each time.
        copied = self._recompute is not None
        doubles = {n: a.astype(np.float64, copy=copied) for n, a in matched.items()}
        return doubles if self.options.sign == 1 else {n: self.options.sign * a for n, a in doubles.items()}

    def _comparison(self, base: float | None, gradients: Mapping[str, Floats]) -> Comparison:
        substitution = Substitution(self.objective, self._found)
        surface = self._surface(base, substitution)
        noise = rounding_alone(surface)
        exact = ComplexStep(substitution)
        precision = {n: self._precision(n) for n in gradients}
        return Comparison(surface, noise, exact, gradients, precision, self.options.rtol, self.options.atol)

    def _precision(self, name: str) -> float:
        dtypes = [d for d in (self.params[name].dtype, self._dtypes.get(name)) if d is not None and d.kind == "f"]
        units = [float(np.finfo(d).eps) for d in dtypes]
        # One parameter in single precision makes the arithmetic of the whole backward pass single where they meet.
        return max([*units, DOUBLE])

    def _surface(self, base: float | None, substitution: Substitution) -> Surface:
        single = [p.name for p in self.params if p.is_single_precision]
        if single and not substitution.missing:
            promoted = Surface(self.objective, substitution)
            promoted.base = promoted.at({})
            if math.isfinite(promoted.base) and self._reads_copies(substitution):
                dtype = self.params[single[0]].dtype
                self._note(
                    f"{_names(single)} {'is' if len(single) == 1 else 'are'} {dtype}: the numeric side was computed "
                    f"with float64 copies, and the gradients may be off by the rounding of {dtype}"
                )
                return promoted
        surface = Surface(self.objective)
        if base is not None:
            surface.base = base
        if single:
            self._note(
                f"{_names(single)} {'is' if len(single) == 1 else 'are'} {self.params[single[0]].dtype} and the loss "
                f"could not be evaluated with float64 copies: the check is as coarse as that rounding"
            )
        return surface

    def _reads_copies(self, substitution: Substitution) -> bool:
        """Whether the loss reads what is substituted: with moved copies it must give the very bits that moving does."""
        away = {}
        for p in self.params:
            size = float(np.sqrt(np.mean(np.square(p.center, dtype=np.float64)))) if p.size else 0.0
            away[p.name] = 0.05 * (size or 1.0) * self.rng.choice([-1.0, 1.0], p.shape)
        there = Surface(self.objective).at(away)
        copies = {p.name: (p.center + away[p.name]).astype(p.dtype) for p in self.params}
        with np.errstate(all="ignore"):
            here = float(substitution.evaluate(copies))
        return here == there or (math.isnan(here) and math.isnan(there))

    def _note(self, text: str) -> None:
        if text not in self.notes:
            self.notes.append(text)

    def _unsteady(self, comparison: Comparison, base: float) -> str:
        """Why two identical evaluations differ; empty where they do not."""
        noise, epsilon = comparison.noise, comparison.surface.epsilon
        scale = max(abs(base), max(map(abs, noise.samples)))
        if noise.spread <= 1e4 * epsilon * scale and not self._generators.moved:
            return ""
        first, second = self.objective(), self.objective()
        allowed = max(64 * max(np.finfo(p.dtype).eps for p in self.params) * scale, 0.0)
        if abs(first - second) <= allowed:
            if abs(first - base) > allowed and self._recompute is not None:
                self._blame_backward()
            return ""
        return self._what_moves(first, second)

    def _what_moves(self, first: float, second: float) -> str:
        moved = ", ".join(f"`{n}`" for n in self._generators.moved)
        which = f"although {moved} was re-wound" if moved else "although no known random generator moved"
        return (
            f"two identical evaluations of the loss gave {first:.6g} and {second:.6g}, {which}. A generator made "
            f"inside the loss, a counter, or state that one call leaves to the next?"
        )

    def _blame_backward(self) -> None:
        """Raise with the name of an array that the backward function changes and the loss reads."""
        assert self._recompute is not None
        arrays = {id(p.value): (p.name, p.value) for p in self._found if isinstance(p.value, np.ndarray)}
        self.objective()
        before = {key: value.copy() for key, (_, value) in arrays.items()}
        self._recompute()
        changed = [
            n for key, (n, v) in arrays.items() if not np.array_equal(v, before[key], equal_nan=v.dtype.kind == "f")
        ]
        what = f"`{changed[0]}`" if changed else "something that the loss reads"
        raise MutationError(
            f"the gradient function changes {what} in place, so that the loss is another one afterwards. Work on a "
            f"copy, or write `a = a * b` where it says `a *= b`",
            parameter=changed[0] if changed else "",
            who="the gradient function",
        )

    # -- verdicts ---------------------------------------------------------------------------------------------------

    def _judge_all(self, comparison: Comparison, known: Mapping[str, Judgement]) -> dict[str, Judgement]:
        judge = Judge(comparison, self.rng, self._rounding_meter(comparison))
        if self._entrywise:
            judgements = {name: self._judge_entries(judge, name) for name in self.params.names}
        else:
            judgements = {name: known[name] if name in known else judge.judge(name) for name in self.params.names}
        for name, judgement in judgements.items():
            self._refuse_independence(name, judgement, comparison)
        return judgements

    def _judge_entries(self, judge: Judge, name: str) -> Judgement:
        parameter = self.params[name]
        indices = np.arange(parameter.size)
        if self.options.mode == "sampled" and parameter.size > self.options.samples:
            indices = np.sort(self.rng.choice(parameter.size, self.options.samples, replace=False))
        if not parameter.size:
            return judge.judge(name)
        entries = self._derivatives(judge.comparison).of(name, indices)
        if indices.size == parameter.size:
            self._numeric[name] = entries.values.reshape(parameter.shape)
        return judge_entries(judge, name, entries)

    def _derivatives(self, comparison: Comparison) -> EntrywiseDerivatives:
        executor = self.options.executor
        if executor is not None and self._generators.moved:
            self._note("the loss draws random numbers: evaluated in this process, where the generators can be held")
            executor = None
        return EntrywiseDerivatives(comparison, self.rng, executor, self.options.progress)

    def numeric_gradients(self, step: float | None = None) -> dict[str, Floats]:
        """The numeric gradients alone; there is nothing to compare them with."""
        with self.params.restored(), self._generators:
            self.objective.watch = self._watch
            base = self._first_evaluation()
            comparison = self._comparison(base, {p.name: np.zeros(p.shape) for p in self.params})
            self._measure(comparison, base, looks=0)
            derivatives = self._derivatives(comparison)
            return {
                p.name: derivatives.of(p.name, np.arange(p.size), step).values.reshape(p.shape)
                if p.size
                else np.zeros(p.shape)
                for p in self.params
            }

    def _rounding_meter(self, comparison: Comparison) -> Callable[[], None]:
        """How far a right gradient in single precision may be off: seen by jittering what it is computed from."""

        def measure() -> None:
            if self._recompute is None:
                self._sensitivity(comparison)
                return
            units = {p.name: float(np.finfo(p.dtype).eps) for p in self.params}
            seen: dict[str, float] = dict.fromkeys(comparison.gradients, 0.0)
            centers = {p.name: p.center for p in self.params}
            try:
                for _ in range(3):
                    jittered = {
                        n: c * (1 + units[n] * self.rng.choice([-1.0, 1.0], np.shape(c))) for n, c in centers.items()
                    }
                    self.params.move_center(jittered)
                    self.objective()
                    again = self._gradients()
                    for name, gradient in comparison.gradients.items():
                        size = float(np.linalg.norm(gradient)) or 1.0
                        apart = float(np.linalg.norm(again[name] - gradient)) / (size * comparison.precision[name])
                        seen[name] = max(seen[name], apart)
            finally:
                self.params.move_center(centers)
            for name, apart in seen.items():
                comparison.amplification[name] = max(comparison.amplification[name], _margin(apart))

        return measure

    def _sensitivity(self, comparison: Comparison) -> None:
        """As above where the gradients are fixed: the numeric slope is jittered instead."""
        for p in self.params:
            unit = comparison.precision[p.name]
            if unit < 1e-10 or not p.size:
                continue
            direction = {p.name: self.rng.choice([-1.0, 1.0], p.shape)}
            step = comparison.step_for(direction)
            slopes = []
            for k in range(3):
                jitter = {q.name: k * unit * q.center * self.rng.choice([-1.0, 1.0], q.shape) for q in self.params}
                ends = []
                for sign in (1, -1):
                    away = dict(jitter)
                    away[p.name] = jitter[p.name] + sign * step * direction[p.name]
                    ends.append(comparison.surface.at(away))
                slopes.append((ends[0] - ends[1]) / (2 * step))
            spread = max(slopes) - min(slopes)
            size = float(np.linalg.norm(comparison.gradients[p.name])) * unit
            if size:
                comparison.amplification[p.name] = max(comparison.amplification[p.name], 2 * _margin(spread / size))

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

    def _second_look(self, judgements: dict[str, Judgement], given: Mapping[str, Floats]) -> dict[str, Judgement]:
        """Check beside the given parameters: many mistakes do not show at zero biases, gamma = 1 or a first call."""
        degenerate = self._degenerate()
        if self._recompute is None or not self.options.perturb:
            if degenerate:
                self._note(f"{degenerate}: agreement there proves little; check after some steps as well")
            return judgements
        if any(j.verdict is Verdict.WRONG and not j.kink for j in judgements.values()):
            return judgements  # what is wrong here needs no second point
        dead = any(j.reason == ZERO for j in judgements.values())
        self.params.move_center({p.name: self._nudged(p.center, wide=dead) for p in self.params})
        try:
            base = self.objective()
            if not math.isfinite(base):
                self._note(f"at perturbed parameters the loss is {base}: no second look was taken")
                return judgements
            gradients = self._gradients()
            comparison = self._comparison(base, gradients)
            judge = Judge(comparison, self.rng, self._rounding_meter(comparison), budget=30)
            together = judge.glance(judge.direction(*self.params.names))
            if together is None:
                self._measure(comparison, base)
            beside = {
                # One direction for all says nothing of a parameter whose gradient is zero.
                n: together if together is not None and judgements[n].verdict is Verdict.RIGHT else judge.judge(n)
                for n in self.params.names
            }
            for name, judgement in beside.items():
                self._note_stale(name, judgement, given[name], gradients[name])
            beside = {n: self._excuse(n, j, comparison) for n, j in beside.items()}
            self._symptoms(comparison, beside)
        finally:
            self.params.move_center({p.name: p.original for p in self.params})
        if degenerate:
            self._note(f"{degenerate}: agreement there proves little, so nearby parameters were checked as well")
        return {n: _both(judgements[n], beside[n]) for n in judgements}

    def _nudged(self, center: NDArray[Any], *, wide: bool) -> NDArray[Any]:
        """Values nearby; farther away where units are dead, to wake them."""
        size = float(np.sqrt(np.mean(np.square(center, dtype=np.float64)))) if center.size else 0.0
        scale = (1.5 if wide else 0.1) * size if size > 0 else (0.5 if wide else 0.05)
        return np.asarray(center + scale * self.rng.uniform(-1.0, 1.0, center.shape)).astype(center.dtype)

    def _degenerate(self) -> str:
        zero = [p.name for p in self.params if p.size and not np.any(p.center)]
        equal = [p.name for p in self.params if p.size > 1 and p.name not in zero and np.ptp(p.center) == 0]
        parts = [f"{_names(zero)} {'is' if len(zero) == 1 else 'are'} all zero"] if zero else []
        parts += [f"all entries of {_names(equal)} are equal"] if equal else []
        return " and ".join(parts)

    def _note_stale(self, name: str, judgement: Judgement, before: Floats, now: Floats) -> None:
        if judgement.verdict is Verdict.WRONG and now.any() and np.array_equal(before, now):
            text = (
                f"the gradient of `{name}` stayed the same when the parameters were changed: it belongs to the previous "
                f"step, or to values that only an earlier forward pass has left"
            )
            self._found_symptoms.append(Symptom("previous step", (name,), text, {}, 0.0))

    def _repeats(self, name: str) -> bool:
        """Whether the gradient function returns the same when it is called twice at the same parameters."""
        if self._recompute is None:
            return True
        self.objective()
        first = self._gradients()
        self.objective()
        second = self._gradients()
        return bool(np.allclose(first[name], second[name], rtol=1e-6, atol=0, equal_nan=True))

    def _excuse(self, name: str, judgement: Judgement, comparison: Comparison) -> Judgement:
        """A wrong gradient that is not the formula's fault."""
        if judgement.verdict is not Verdict.WRONG:
            return judgement
        if self._right_in_double(name, judgement, comparison):
            reason = f"off by what rounding to {self.params[name].dtype} leaves; the same function in float64 agrees"
            return Judgement(Verdict.RIGHT, judgement.look, reason, judgement.method)
        coarse = self._single_precision_excuse(judgement, comparison)
        if coarse is not None:
            return coarse
        if not self._repeats(name):
            reason = (
                "backward: a second identical call returns another gradient. Is it added to the last one and never "
                "reset to zero, or kept from an earlier call?"
            )
            return Judgement(Verdict.NOT_DETERMINISTIC, judgement.look, reason, judgement.method)
        if self._generators.moved and self._recompute is None:
            moved = ", ".join(self._generators.moved)
            reason = (
                f"the loss draws from {moved}, and these gradients belong to other draws: pass a function that "
                f"computes them, it is called with the generator re-wound"
            )
            return Judgement(Verdict.NOT_DETERMINISTIC, judgement.look, reason, judgement.method)
        return judgement

    def _single_precision_excuse(self, judgement: Judgement, comparison: Comparison) -> Judgement | None:
        """What float32 does to right code: sums of many terms lose digits, and a saturated loss loses itself."""
        look, place = judgement.look, judgement.place
        single = [p for p in self.params if p.is_single_precision]
        if not single or look is None:
            return None
        base = comparison.surface.base
        if abs(self._given_base - base) > 1e-3 * abs(base) or Judge(comparison, self.rng).overflows():
            reason = f"in {single[0].dtype} the loss is {self._given_base:.4g}, in float64 {base:.4g}: saturated"
            return replace(judgement, verdict=Verdict.CANNOT_TELL, reason=reason, place=None)
        if self._recompute is not None:
            return None
        terms = max((max(p.value.shape, default=1) for p in self._found if isinstance(p.value, np.ndarray)), default=1)
        allowed = max(1e-4, 0.5 * float(np.finfo(single[0].dtype).eps) * terms)
        relative = abs(look.error) / look.scale if look.scale else 0.0
        if relative > allowed or (place is not None and place.relative > allowed):
            return None
        reason = f"off by {relative:.0e}: no more than {single[0].dtype} sums of {terms} terms may lose"
        return replace(judgement, verdict=Verdict.RIGHT, reason=reason, place=None)

    def _right_in_double(self, name: str, judgement: Judgement, comparison: Comparison) -> bool:
        """Whether the user's own gradient function, handed float64 copies, agrees where it did not in float32."""
        look, promotion = judgement.look, comparison.surface.promotion
        if promotion is None or self._recompute is None or look is None or abs(look.error) > 0.1 * look.scale:
            return False
        if self._doubles is None:
            copies = {p.name: p.center.astype(np.float64) for p in self.params}
            with promotion.held(copies), np.errstate(all="ignore"):
                structure = self.params.rebuild(copies)
                self.objective.raw(structure)
                self.objective.hold()
                matched = matched_gradients(call_with(self._grads, structure, self._arguments), self.params)
            self._doubles = {n: self.options.sign * a.astype(np.float64) for n, a in matched.items()}
            self._wide = all(a.dtype == np.float64 for a in matched.values())
        if not self._wide:
            return False
        exact = dict.fromkeys(self._doubles, DOUBLE)
        wider = Comparison(comparison.surface, comparison.noise, comparison.exact, self._doubles, exact)
        return Judge(wider, self.rng).judge(name).verdict is Verdict.RIGHT

    _doubles: dict[str, Floats] | None = None
    _wide = False

    def _symptoms(self, comparison: Comparison, judgements: Mapping[str, Judgement]) -> None:
        """Look for what the wrong gradients look like, around the point at which they are wrong."""
        wrong = [n for n, j in judgements.items() if j.verdict is Verdict.WRONG]
        if not wrong:
            return
        values, lengths = self._values(), self._lengths()
        previous = self._previous()
        found: list[Symptom] = []
        for name in wrong[:_MOST_SYMPTOMS]:
            gradient, place = comparison.gradients[name], judgements[name].place
            if name in previous and gradient.any() and np.allclose(gradient, previous[name], rtol=1e-9, atol=0):
                text = f"the gradient of `{name}` is that of the previous step"
                found.append(Symptom("previous step", (name,), text, {}, 0.0))
                continue
            symptom, slopes = find_symptom(comparison, name, judgements[name], self.rng, lengths)
            if symptom is None and slopes is not None:
                rows = place.rows if place is not None else None
                symptom = find_in_values(name, gradient, slopes, values, self.objective.cotangent, rows)
            found += [symptom] if symptom is not None else []
        self._found_symptoms += merged(found)

    def _values(self) -> dict[str, NDArray[Any]]:
        """The program's arrays by name, as they are at the center."""
        named: dict[str, Any] = {}
        self.objective()
        if self._recompute is not None:
            self._recompute()
        for place in places(self.options.values, self.objective.loss, self._grads if self._recompute else None):
            if isinstance(place.value, np.ndarray) and place.name:
                named.setdefault(place.name, place.value)
        for parameter in self.params:
            named.setdefault(parameter.name, parameter.center)
        return usable_values({n: np.array(v) for n, v in named.items() if v.size <= 4_000_000})

    def _lengths(self) -> dict[int, str]:
        """Lengths of axes in the program, for naming factors; the data's before the parameters'."""
        own = {id(p.value) for p in self.params}
        # What a loss computes is another object after each evaluation; what stays is data.
        first = {(p.name, id(p.value)) for p in self._found}
        arrays = [
            (p.name, p.value)
            for p in places(self.objective.loss, self._grads if self._recompute else None)
            if isinstance(p.value, np.ndarray) and p.name
        ]
        arrays.sort(key=lambda item: ((item[0], id(item[1])) not in first, id(item[1]) in own))
        lengths: dict[int, str] = {}
        for name, array in arrays:
            for axis, length in enumerate(array.shape):
                lengths.setdefault(int(length), f"the length of axis {axis} of `{name}`")
        return lengths

    def _previous(self) -> dict[str, Floats]:
        if self.options.previous is None:
            return {}
        return {
            n: self.options.sign * a.astype(np.float64)
            for n, a in matched_gradients(self.options.previous, self.params).items()
        }

    # -- the report -------------------------------------------------------------------------------------------------

    def _row(self, name: str, judgement: Judgement, gradients: Mapping[str, Floats]) -> ParameterResult:
        parameter, look = self.params[name], judgement.look
        with np.errstate(all="ignore"):
            norm = float(np.linalg.norm(gradients[name]))
        scale = look.scale if look is not None and look.scale > 0 else math.nan
        worst: Entry | None = judgement.place.entry if judgement.place is not None else None
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
            worst,
            judgement.place.rows if judgement.place is not None else None,
        )

    def _assemble(
        self,
        rows: list[ParameterResult],
        comparison: Comparison,
        gradients: Mapping[str, Floats],
    ) -> GradientReport:
        options = self.options
        line = options.reproduce or f'gradcheck(loss, params, grads, mode="{options.mode}", seed={options.seed})'
        return GradientReport(
            tuple(rows),
            tuple(self._found_symptoms),
            tuple(self.notes),
            options.mode,
            options.seed,
            line,
            comparison.level,
            comparison.noise.of(comparison.level),
            self.objective.evaluations,
            numeric=self._numeric,
            analytic={n: g.copy() for n, g in gradients.items()} if self._numeric else {},
        )


def _margin(units: float) -> float:
    """How many rounding units to allow where a few samples were `units` apart; more where little else is left."""
    return (6 if units < 1e3 else 24) * units


def _names(names: list[str]) -> str:
    return ", ".join(f"`{n}`" for n in names)


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
