"""One check of one call: pair, differentiate, compare, at the given parameters and at perturbed ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shapecheck.gradients.check import gradcheck
from shapecheck.gradients.errors import (
    GradientCheckError,
    GradientMismatchError,
    MissingGradientError,
    NondeterministicLossError,
    ShapeMismatchError,
)
from shapecheck.gradients.objective import scalar
from shapecheck.gradients.origin import Origin
from shapecheck.gradients.result import GradientReport
from shapecheck.verification import applied, cotangents, excuses, staleness
from shapecheck.verification.bench import Bench, as_float
from shapecheck.verification.boxes import ArrayBox
from shapecheck.verification.calling import called
from shapecheck.verification.capture import Candidate, spoken
from shapecheck.verification.contracts import Contracts, nudged
from shapecheck.verification.conventions import all_wrong, common_factor, explained_factor, sign_of_updates
from shapecheck.verification.diagnosis import diagnosis
from shapecheck.verification.errors import PairingError, VerificationError
from shapecheck.verification.loss import LossOfParameters, values_worth_showing
from shapecheck.verification.matching import Matching, leaf_is_input
from shapecheck.verification.mutation import refuse_another_each_time, refuse_changed_inputs
from shapecheck.verification.pairing import Pair, is_called_parameter
from shapecheck.verification.readings import Readings
from shapecheck.verification.specification import Specification
from shapecheck.verification.state import Leaf, State

Arrays = dict[str, NDArray[Any]]


@dataclass
class Outcome:
    """What a check found.

    Attributes:
        report: At the parameters as given.
        elsewhere: At perturbed parameters; None where that could not be done.
        pairs: Which gradient was held against which parameter.
        notes: What the reader should know besides.
    """

    report: GradientReport
    elsewhere: GradientReport | None = None
    pairs: tuple[Pair, ...] = ()
    notes: list[str] = field(default_factory=list)


class Check:
    """Checks one call of a backward pass after it has returned.

    Args:
        specification: What the user said.
        bench: The call, held fast before it ran.
    """

    def __init__(self, specification: Specification, bench: Bench) -> None:
        self.specification = specification
        self.bench = bench
        self.notes: list[str] = []
        seed = specification.seed
        self.seed = int(np.random.SeedSequence().generate_state(1)[0]) if seed is None else seed
        self.rng = np.random.default_rng([self.seed, 7])
        self.sign = specification.sign or 1
        self.factor = 1.0
        self._base: Any = None
        self._values: Arrays = {}
        self._moved: list[str] = []
        self.readings: Readings

    def run(self, result: Any, after: State) -> Outcome:
        """Check what the call returned and left.

        Args:
            result: What the call returned.
            after: The state that it left.

        Raises:
            GradientMismatchError: A gradient is wrong.
            GradientCheckError: The check cannot be made; the message says what to do.
        """
        bench = self.bench
        candidates = [replace(c, value=np.array(c.value)) for c in bench.read(result, after)]
        changed = [box.holder for box, _ in bench.start.changed() if isinstance(box, ArrayBox)]
        bench.restore()
        if bench.forward is not None:
            if bench.loss is None:
                cotangents.find_cotangents(bench, self.rng)
            bench.learn_what_forward_gives()
        self._evaluate_first()
        self.readings = Readings(bench, self._match(candidates))
        self._choose_leaves()
        self.notes += refuse_changed_inputs(bench, self.readings, changed, self._base, self.rng)
        return self._compare(candidates)

    def _match(self, candidates: list[Candidate]) -> list[Pair]:
        matching = Matching(
            self.bench,
            self.specification,
            candidates,
            lambda leaf: staleness.influences(self.bench, leaf, self._base, self.rng),
            self._agrees,
            has_rate=applied.find_rate(self.bench) is not None,
            loss=self._base,
        )
        try:
            return matching.find()
        finally:
            self.bench.restore()

    def _evaluate_first(self) -> None:
        """Evaluate the loss once at the start: whether it can be, and which random generators it uses."""
        self.bench.choose({})
        try:
            self._base = self.bench.loss_at({})
            if self.bench.loss is not None:
                scalar(self._base)
            self._values = values_worth_showing(self.bench)
        except GradientCheckError:
            raise
        except Exception as error:
            what = self.bench.loss or self.bench.forward or self.bench.function
            raise VerificationError(
                f"`{called(what)}` raised {type(error).__name__} when it was called again for the check: {error}",
                role="loss",
            ) from error
        self._moved = self.bench.moved
        self.bench.restore()

    def _compare(self, candidates: list[Candidate]) -> Outcome:
        values = self._copies()
        readings = self.readings
        refresh = bool(self._moved) or bool(self.bench.cotangents)
        if self._moved:
            used = " and ".join(f"`{name}`" for name in self._moved)
            self.notes.append(f"the loss uses {used}; every evaluation was given the same random numbers")
        real = not (refresh or readings.some_added() or readings.some_applied())
        gradients = readings.given() if real else readings.at(values, refresh=refresh)
        if not real:
            readings.drop_unwritten(gradients)
            self._choose_leaves()
            values = self._copies()
        contracts = Contracts(self.bench, readings, self._base, self.rng)
        if self.bench.cotangents:
            contracts.refuse_no_cotangent(values)
        if any(np.any(gradient) for gradient in gradients.values()) and np.all(np.isfinite(self._base)):
            contracts.refuse_independent(values)
        if not self.specification.parameters:
            contracts.refuse_missing()
        report = self._gradcheck(gradients)
        if not report.ok:
            contracts.refuse_unread(values, report, gradients)
            report = self._by_convention(report, gradients)
        excused = self._excused(report, gradients, candidates) if report.wrong() else None
        if excused is not None:
            return Outcome(excused, None, tuple(readings.pairs.values()), self.notes)
        if real and report.wrong() and self._used_old_values(values):
            self.notes.append(
                "right once the forward pass has been run again with these parameters and arguments: the call used "
                "what an earlier forward pass had left"
            )
        self._raise_if_wrong(report)
        contracts.refuse_early_updates()
        elsewhere = self._check_elsewhere() if self.specification.perturb else None
        if elsewhere is not None and not elsewhere.decided:  # a dead unit may live at another point
            elsewhere = self._check_elsewhere() or elsewhere
        return Outcome(report, elsewhere, tuple(readings.pairs.values()), self.notes)

    def _choose_leaves(self) -> None:
        self.bench.choose({name: pair.parameter for name, pair in self.readings.pairs.items()})

    def _copies(self) -> dict[str, Any]:
        return {name: np.array(value) for name, value in self.bench.values().items()}

    # --- comparison ----------------------------------------------------------------------------------------------

    def _gradcheck(
        self, gradients: Arrays, *, at: Mapping[str, Any] | None = None, sign: int | None = None, final: bool = True
    ) -> GradientReport:
        """Compare; `final` unless the answer is only wanted for its yes or no."""
        bench = self.bench
        bench.restore()
        for name, pair in self.readings.pairs.items():
            if name not in gradients:
                raise MissingGradientError(
                    f"`{called(bench.function)}` gave no `{pair.gradient.label}` when it was called again, so there "
                    f"is no gradient for `{name}`",
                    parameter=name,
                )
        steps = self.readings.steps
        fitted = self.readings.fitted is not None or (steps is not None and steps.uncertainty > 1e-9)
        rtol = self.specification.rtol
        if self.factor != 1:
            scaled = self._weights()
            gradients = {n: g / self.factor if n in scaled else g for n, g in gradients.items()}
        try:
            return gradcheck(
                LossOfParameters(bench, self._values if final else {}),
                bench.values(at),
                gradients,
                mode=self.specification.mode,  # type: ignore[arg-type]
                rtol=1e-6 if rtol is None and fitted else rtol,
                atol=self.specification.atol,
                seed=self.seed,
                sign=self.sign if sign is None else sign,
                perturb=False,
                reproduce=f"@verify(..., seed={self.seed})",
            )
        except ShapeMismatchError as error:
            raise self._placed(error) from None
        finally:
            bench.restore()

    def _placed(self, error: ShapeMismatchError) -> ShapeMismatchError:
        pair = self.readings.pairs.get(error.name)
        if pair is not None:
            error.add_note(f"in `{called(self.bench.function)}`, which gives it as {spoken(pair.gradient.label)}")
        return error

    def _agrees(self, gradient: Candidate, leaf: Leaf) -> bool:
        """Whether a gradient is the derivative by a leaf, or minus it."""
        if gradient.value.shape != leaf.shape or not np.any(gradient.value):
            return False
        held = self.bench.leaves
        self.bench.choose({"p": leaf})
        given = {"p": gradient.value}
        try:
            for sign in (1, -1) if self.specification.sign is None else (self.specification.sign,):
                self.bench.restore()
                value = {"p": as_float(leaf)}
                report = gradcheck(LossOfParameters(self.bench), value, given, seed=self.seed, sign=sign, perturb=False)
                if report.decided:
                    return True
            return False
        except GradientCheckError:
            return False
        finally:
            self.bench.restore()
            self.bench.choose(held)

    def _by_convention(self, report: GradientReport, gradients: Arrays) -> GradientReport:
        """Try what a program may rightly do that nothing was said about: minus the gradient, steps, sums for means."""
        if self.bench.is_layer:
            return self._divided_by_batch(report, gradients)
        if self.readings.some_applied() or not all_wrong(report):
            return report
        factor = common_factor(report)
        opposite = self._gradcheck(gradients, sign=-1, final=False) if factor is None or factor == -1 else report
        if opposite is not report and opposite.ok and any(row.norm for row in opposite):
            factor = -1.0
        if factor is None:
            return report
        pairs = list(self.readings.pairs.values())
        why = "" if abs(abs(factor) - 1) < 1e-6 else explained_factor(self.bench, pairs, factor, self.readings.rate)
        if not why and abs(abs(factor) - 1) >= 1e-6:
            return report
        if factor < 0 and not self._may_be_negative(pairs):
            return report
        self.factor, self.sign = abs(factor), (-1 if factor < 0 else 1) * self.sign
        explained = self._gradcheck(gradients)
        if not explained.ok:
            self.factor, self.sign = 1.0, self.specification.sign or 1
            return report
        self.notes += [why] if why else []
        self.notes += ["these are minus the gradient, as your update adds it"] if factor < 0 else []
        return explained

    def _weights(self) -> set[str]:
        """The parameters, the inputs of a layer left out."""
        pairs = self.readings.pairs.items()
        return {n for n, p in pairs if not leaf_is_input(self.bench, p.parameter) or is_called_parameter(p.parameter)}

    def _divided_by_batch(self, report: GradientReport, gradients: Arrays) -> GradientReport:
        """Try a layer that takes the mean over the batch itself: its weights' gradients over m, its inputs' not."""
        parameters = self._weights()
        wrong = {row.name for row in report.wrong()}
        if not wrong or not wrong <= parameters or any(report[name].norm and name not in wrong for name in parameters):
            return report
        lengths = {length for value in self.bench.cotangents.values() for length in np.shape(value) if length > 1}
        for length in sorted(lengths):
            self.factor = 1 / length
            divided = self._gradcheck(gradients, final=False)
            if divided.ok:
                self.notes.append(
                    f"the gradients of the weights are divided by {length}, the length of an axis of the output: "
                    f"right where the loss is a mean over it and hands over a derivative that is not divided"
                )
                return divided
        self.factor = 1.0
        return report

    def _may_be_negative(self, pairs: list[Pair]) -> bool:
        """Whether minus the gradient is what the program's update adds."""
        if self.specification.sign is not None:
            return False
        name = called(self.bench.function)
        how = sign_of_updates(self.bench, pairs)
        if how == -1:
            self.notes.append(f"`{name}` gives minus the gradient, and your update subtracts it: the loss goes up")
        elif how == 0:
            self.notes.append(
                f"`{name}` gives minus the gradient; if your update adds it (`W += lr * dW`), say so: "
                f"`@verify(..., sign=-1)`"
            )
        return how == 1

    def _raise_if_wrong(self, report: GradientReport, at: Mapping[str, Any] | None = None) -> None:
        if report.wrong():
            refuse_another_each_time(self.bench, self.readings, self._copies() if at is None else at)
            report.origins = self._origins(report, at)
            raise GradientMismatchError(diagnosis(self.bench, self.readings, report, self.notes), report=report)
        if not report.ok:
            raise NondeterministicLossError(
                diagnosis(self.bench, self.readings, report, self.notes), report=report, generators=tuple(self._moved)
            )

    def _origins(self, report: GradientReport, at: Mapping[str, Any] | None) -> tuple[Origin, ...]:
        """The lines to blame; only a failure is worth what finding them costs."""
        from shapecheck.verification.lines import origins  # noqa: PLC0415 - it imports the tracing and autograd
        from shapecheck.verification.verified_call import VerifiedCall  # noqa: PLC0415

        def compare(gradients: Mapping[str, Any], point: Mapping[str, Any]) -> GradientReport:
            return self._gradcheck(dict(gradients), at=point, final=False)

        self.bench.restore()
        values = self._copies() if at is None else at
        return origins(VerifiedCall(self.bench, self.readings, values, self.sign * self.factor, compare), report)

    def _excused(self, report: GradientReport, gradients: Arrays, candidates: list[Candidate]) -> GradientReport | None:
        """The report with `cannot tell` for `wrong`, where a failure says nothing about the gradient; else None."""
        bench, pairs = self.bench, list(self.readings.pairs.values())
        reason = ""
        if self.readings.some_applied():
            reason = excuses.by_moments(bench, pairs, candidates)
        if not reason:
            reason = excuses.by_clipping(bench, report, gradients)
            bench.restore()
        if not reason:
            return None
        self.notes.append(f"cannot tell: {reason}")
        return excuses.undecided(report, reason)

    def _used_old_values(self, values: Mapping[str, Any]) -> bool:
        """Whether the gradients are right once the forward pass has been run again with the same arguments."""
        if self.bench.own_loss is not None:
            return False
        try:
            return self._gradcheck(self.readings.at(values, refresh=True), final=False).ok
        except GradientCheckError:
            return False

    # --- elsewhere ----------------------------------------------------------------------------------------------

    def _check_elsewhere(self) -> GradientReport | None:
        """The same at perturbed parameters, where zero biases and gamma = 1 hide nothing."""
        moved = {name: nudged(value, self.rng) for name, value in self._copies().items()}
        try:
            with np.errstate(all="ignore"):
                gradients = self.readings.at(moved, refresh=True)
                if not all(np.all(np.isfinite(gradient)) for gradient in gradients.values()):
                    return None
                report = self._gradcheck(gradients, at=moved)
        except (ShapeMismatchError, PairingError):
            raise
        except GradientCheckError as error:
            self.notes.append(f"not checked at perturbed parameters: {error}")
            return None
        if report.ok or not report.wrong():
            return report
        stale = [] if self.bench.own_loss is not None else self._stale(moved)
        if stale:
            what = called(self.bench.loss or self.bench.forward or self.bench.function)
            self.notes.append(
                f"checked at the given parameters only: `{called(self.bench.function)}` reads `{stale[0]}`, which "
                f"`{what}` does not compute afresh; pass `forward=` to have it checked at others too"
            )
            return None
        self.notes.append("right at the given parameters, wrong after a small random change of all of them")
        self._raise_if_wrong(report, moved)
        return report

    def _stale(self, moved: Mapping[str, Any]) -> list[str]:
        ignored = [pair.parameter for pair in self.readings.pairs.values()] + self.readings.slots
        ignored += [leaf for leaf in self.bench.before.leaves if leaf.keys[0] in self.bench.cotangents]
        try:
            return staleness.stale_inputs(self.bench, moved, ignored, self.readings.read_or_steps, self.rng)
        finally:
            self.bench.restore()
