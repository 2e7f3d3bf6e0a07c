"""Gradients computed in float32: how far right ones may be off, measured; the numeric side is computed in float64."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shapecheck.gradients.comparison import Comparison, random_direction
from shapecheck.gradients.errors import GradientCheckError
from shapecheck.gradients.projection import USEFUL, Judge, Judgement
from shapecheck.gradients.result import Verdict
from shapecheck.gradients.stepped_array import Passage
from shapecheck.gradients.subject import DOUBLE, Subject, quoted
from shapecheck.gradients.substitution import Substitution
from shapecheck.gradients.surface import OUT_OF_DOMAIN, Surface

Floats = NDArray[np.float64]
_LOOKS = 4
_MARGIN = 16.0
_SLACK = 3.0  # a backward pass may rest on sums that are zero but for rounding, as that of batch norm does
_SLIGHT = 1e-4
_PLAIN = 1e-3  # an error in one entry that no rounding makes
_LONG = 200  # a sum of so many terms loses digits by itself, which rounding its result does not show


def surface_of(subject: Subject, base: float | None, substitution: Substitution, rng: np.random.Generator) -> Surface:
    """The loss in the best precision that can be had, with a note where that is another than the user's.

    Args:
        subject: What is examined.
        base: The loss at the parameters as they are, where known.
        substitution: For float64 copies.
        rng: For the displacement that shows whether the loss reads them.
    """
    single = [p.name for p in subject.params if p.is_single_precision]
    surface = Surface(subject.objective)
    if base is not None:
        surface.base = base
    if not single:
        return surface
    dtype, verb = subject.params[single[0]].dtype, "is" if len(single) == 1 else "are"
    if not substitution.missing and _reads_copies(subject, substitution, rng):
        promoted = Surface(subject.objective, substitution)
        if math.isfinite(promoted.base):
            subject.note(
                f"{quoted(single)} {verb} {dtype}: the numeric side was computed with float64 copies, and the "
                f"gradients may be off by the rounding of {dtype}"
            )
            return promoted
    subject.note(
        f"{quoted(single)} {verb} {dtype} and the loss could not be evaluated with float64 copies: the check is as "
        f"coarse as that rounding"
    )
    return surface


def _reads_copies(subject: Subject, substitution: Substitution, rng: np.random.Generator) -> bool:
    """Whether the loss reads what is substituted: with moved copies it must give the very bits that moving does."""
    away = {}
    for p in subject.params:
        size = float(np.sqrt(np.mean(np.square(p.center, dtype=np.float64)))) if p.size else 0.0
        away[p.name] = 0.05 * (size if size > 1e-30 else 1.0) * rng.choice([-1.0, 1.0], p.shape)
    there = Surface(subject.objective).at(away)
    copies = {p.name: (p.center + away[p.name]).astype(p.dtype) for p in subject.params}
    with np.errstate(all="ignore"):
        here = float(substitution.evaluate(copies))
    return here == there or (math.isnan(here) and math.isnan(there))


def rounding_meter(subject: Subject, comparison: Comparison, rng: np.random.Generator) -> Callable[[], None]:
    """Something to call where a gradient in single precision disagrees: it measures what rounding may do to it."""

    def measure() -> None:
        if subject.recompute is not None:
            units = _jittered_gradients(subject, comparison, rng)
        else:
            coarse = [n for n in comparison.gradients if comparison.precision[n] > DOUBLE]
            units = _jittered_slopes(comparison, rng, [n for n in coarse if not _measure_in_coarse(comparison, n, rng)])
        for name, apart in units.items():
            # A few samples do not show the worst; where little is left but rounding, they show even less.
            margin = (6 if apart < 1e3 else 24) * (1 if subject.recompute else 2)
            comparison.amplification[name] = max(comparison.amplification[name], margin * apart)

    return measure


def _measure_in_coarse(comparison: Comparison, name: str, rng: np.random.Generator) -> bool:
    """Derive the loss in arithmetic as coarse as the gradient's, and see how far that is from the exact derivative.

    Once rounded to that many digits on another scale, as equal numbers are rounded equally, and once at random.

    Returns:
        Whether it could be done: only where a complex step passes.

    Source:
        Parker, Monte Carlo Arithmetic, UCLA CSD-970002 (1997); Vignes, Math. Comput. Simulation 35 (1993). The margin
        is from 12,187 right float32 gradients of random and trained networks, none of which was off by more than 11.6
        times what was measured; 99 % were off by less than 3.5 times.
    """
    unit, shape = comparison.precision[name], comparison.gradients[name].shape
    squares = np.zeros(2)
    for _ in range(_LOOKS):
        direction = {name: random_direction(rng, shape)}
        exact = comparison.exact_slope(direction)
        if exact is None:
            return False
        ways = (_rounded_to(unit, float(rng.uniform(1, 2))), _rounded_at_random(unit, rng))
        slopes = [comparison.exact_slope(direction, Passage(coarse=way)) for way in ways]
        length = float(np.linalg.norm(direction[name])) or 1.0
        # Where coarse arithmetic gives no number, rounding explains anything.
        squares += [((s.value - exact.value) / length) ** 2 if s is not None else np.inf for s in slopes]
    comparison.roughness[name] = _MARGIN * float(np.sqrt(max(squares) / _LOOKS))
    return True


def _rounded_to(unit: float, scale: float) -> Callable[[Any], Any]:
    dtype = np.float32 if unit < 1e-5 else np.float16
    return lambda numbers: (scale * numbers).astype(dtype).astype(np.float64) / scale


def _rounded_at_random(unit: float, rng: np.random.Generator) -> Callable[[Any], Any]:
    return lambda numbers: numbers * (1 + unit * rng.uniform(-0.5, 0.5, np.shape(numbers)))


def _jittered_gradients(subject: Subject, comparison: Comparison, rng: np.random.Generator) -> dict[str, float]:
    """How far the user's gradients move, in rounding units, where the parameters move by their last digit."""
    units = {p.name: float(np.finfo(p.dtype).eps) for p in subject.params}
    seen = dict.fromkeys(comparison.gradients, 0.0)
    centers = {p.name: p.center for p in subject.params}
    try:
        for _ in range(3):
            moved = {n: c * (1 + units[n] * rng.choice([-1.0, 1.0], np.shape(c))) for n, c in centers.items()}
            subject.params.move_center(moved)
            subject.objective()
            again = subject.gradients()
            for name, gradient in comparison.gradients.items():
                size = (float(np.linalg.norm(gradient)) or 1.0) * comparison.precision[name]
                seen[name] = max(seen[name], float(np.linalg.norm(again[name] - gradient)) / size)
    finally:
        subject.params.move_center(centers)
    return seen


def _jittered_slopes(comparison: Comparison, rng: np.random.Generator, names: list[str]) -> dict[str, float]:
    """As above where the gradients are fixed: the numeric slope is jittered instead."""
    surface = comparison.surface
    seen = {}
    for p in [surface.params[n] for n in names]:
        unit = comparison.precision[p.name]
        size = float(np.linalg.norm(comparison.gradients[p.name])) * unit
        if not size:
            continue
        direction = {p.name: rng.choice([-1.0, 1.0], p.shape)}
        step = comparison.step_for(direction)
        slopes = []
        for k in range(3):
            jitter = {q.name: k * unit * q.center * rng.choice([-1.0, 1.0], q.shape) for q in surface.params}
            ends = [surface.at({**jitter, p.name: jitter[p.name] + s * step * direction[p.name]}) for s in (1, -1)]
            slopes.append((ends[0] - ends[1]) / (2 * step))
        seen[p.name] = (max(slopes) - min(slopes)) / size
    return seen


class SinglePrecision:
    """Excuses for gradients in single precision that disagree by more than was measured.

    Args:
        subject: What is examined.
        rng: For directions.
    """

    def __init__(self, subject: Subject, rng: np.random.Generator) -> None:
        self.subject = subject
        self.rng = rng
        self._doubles: dict[str, Floats] | None = None
        self._asked = False

    def excuse(self, name: str, judgement: Judgement, comparison: Comparison, given_base: float) -> Judgement | None:
        """What float32 does to right code: sums of many terms lose digits, and a saturated loss loses itself."""
        look, place, subject = judgement.look, judgement.place, self.subject
        single = [p for p in subject.params if p.is_single_precision]
        if not single or look is None:
            return None
        dtype, base = single[0].dtype, comparison.surface.base
        relative = abs(look.error) / look.scale if look.scale else 0.0
        double = self._in_double(name, comparison)
        if double is not None and double.verdict is Verdict.CANNOT_TELL:
            return replace(double, reason=f"the same function in float64: {double.reason}")
        if double is not None and double.verdict is Verdict.RIGHT:
            if relative > USEFUL:
                reason = f"in {dtype} it is off by {relative:.0e}; the same function in float64 agrees: saturated"
                return replace(judgement, verdict=Verdict.CANNOT_TELL, reason=reason, place=None)
            reason = f"off by what rounding to {dtype} leaves; the same function in float64 agrees"
            return replace(judgement, verdict=Verdict.RIGHT, reason=reason, place=None)
        if abs(given_base - base) > 1e-3 * abs(base) or Judge(comparison, self.rng).overflows():
            reason = f"in {dtype} the loss is {given_base:.4g}, in float64 {base:.4g}: saturated"
            return replace(judgement, verdict=Verdict.CANNOT_TELL, reason=reason, place=None)
        if subject.recompute is not None:
            return None
        arrays = [p.value for p in subject.found if isinstance(p.value, np.ndarray)]
        terms = max((max(a.shape, default=1) for a in arrays), default=1)
        drift = 0.5 * float(np.finfo(dtype).eps) * terms  # how far a sum may go astray, term by term
        if comparison.roughness[name]:
            slack = _SLACK * look.bound / look.scale
            within = relative <= min(_SLIGHT, slack) and (place is None or place.relative <= 3 * _SLIGHT)
            allowed = drift if terms >= _LONG else 0.0
        else:
            within, allowed = False, max(_SLIGHT, drift)
        if not within and (relative > allowed or (place is not None and place.relative > allowed)):
            return None
        reason = f"off by {relative:.0e}: no more than {dtype} sums of {terms} terms may lose"
        return replace(judgement, verdict=Verdict.RIGHT, reason=reason, place=None)

    def hidden(self, name: str, comparison: Comparison) -> Judgement | None:
        """A mistake too small to be seen through the rounding of a large array, in float64 and as large in float32."""
        if not comparison.gradients[name].size or comparison.precision[name] <= DOUBLE:
            return None
        double = self._in_double(name, comparison)
        entry = double.place.entry if double is not None and double.place is not None else None
        if double is None or double.verdict is not Verdict.WRONG or entry is None:
            return None
        error, size = abs(entry.analytic - entry.numeric), max(abs(entry.analytic), abs(entry.numeric))
        there_too = abs(comparison.gradients[name][entry.index] - entry.analytic) < error / 10
        return double if there_too and error > _PLAIN * size else None

    def _in_double(self, name: str, comparison: Comparison) -> Judgement | None:
        """The verdict on the user's own gradient function handed float64 copies; None where it takes none."""
        wider = self._doubled(comparison)
        if wider is None:
            return None
        judge = Judge(wider, self.rng)
        return judge.glance_together([name]).get(name) or judge.judge(name)

    def _doubled(self, comparison: Comparison) -> Comparison | None:
        promotion = comparison.surface.promotion
        if promotion is None or self.subject.recompute is None:
            return None
        if not self._asked:
            self._asked = True
            copies = {p.name: p.center.astype(np.float64) for p in self.subject.params}
            with (
                promotion.held(copies),
                np.errstate(all="ignore"),
                suppress(TypeError, GradientCheckError, *OUT_OF_DOMAIN),
            ):
                self._doubles = self.subject.gradients_of(copies, self.subject.params.rebuild(copies))
        if self._doubles is None:
            return None
        exact = dict.fromkeys(self._doubles, DOUBLE)
        return Comparison(comparison.surface, comparison.noise, comparison.exact, self._doubles, precision=exact)
