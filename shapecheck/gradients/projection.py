"""One random direction per parameter: is its gradient right, wrong, or can nothing be told?"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

import numpy as np

from shapecheck.gradients.comparison import Comparison, Look, random_direction
from shapecheck.gradients.complex_step import ExactSlope
from shapecheck.gradients.ladder import Climb, Trend, climb
from shapecheck.gradients.localise import Place, localise
from shapecheck.gradients.parameters import Direction
from shapecheck.gradients.result import Entry, Verdict
from shapecheck.gradients.stepped_array import Passage

SHARP = 1e-4  # divided by the root of the number of entries: a resolution that shows 1 % in one of them
USEFUL = 1e-2  # a resolution worse than this tells nothing
AT_KINK = "at a kink, between the one-sided slopes"
ZERO = "both sides are zero: this proves nothing"
BENEATH = "both slopes are smaller than the rounding of numbers around 1: saturated"
LEAST = 1e-15
ROUNDED = "what rounding may do to it in the arithmetic that it was computed in hides it"
UNSEEN = "a complex step agrees, but the loss itself is too flat or too rough here to show it"
NEGLIGIBLE = 1e-5  # no real mistake was ever smaller; right code that writes log(a + 1e-8) is


@dataclass(frozen=True)
class Judgement:
    """The verdict on one parameter, with the look that it rests on.

    Attributes:
        verdict: See `Verdict`.
        look: None where the loss was not a number.
        reason: In a few words; empty for an unremarkable `right`.
        method: How the numeric side was computed.
        place: Where a wrong gradient is wrong.
        kink: Whether a kink was met exactly.
    """

    verdict: Verdict
    look: Look | None
    reason: str = ""
    method: str = "central difference"
    place: Place | None = None
    kink: bool = False


class Judge:
    """Judges the gradients of a comparison.

    Args:
        comparison: The gradients and the loss.
        rng: For directions.
        measure_rounding: Measures how far a right gradient of the named parameter may be off where it was computed
            in single precision; called at most once.
    """

    def __init__(
        self,
        comparison: Comparison,
        rng: np.random.Generator,
        measure_rounding: Callable[[], None] | None = None,
        budget: int = 60,
    ) -> None:
        self.comparison = comparison
        self.rng = rng
        self._measure_rounding = measure_rounding
        self.budget = budget

    def direction(self, *names: str) -> Direction:
        """A random direction in the named parameters, never nearly orthogonal to the gradients.

        What is wrong by a factor would not show along such a one.
        """
        gradients = self.comparison.gradients
        drawn = {name: random_direction(self.rng, gradients[name].shape) for name in names}
        for name, along in drawn.items():
            flat, half = along.reshape(-1), along.size // 2
            slopes = [float(np.vdot(gradients[name].reshape(-1)[k], flat[k])) for k in (slice(half), slice(half, None))]
            if slopes[0] * slopes[1] < 0:
                flat[:half] *= -1.0
        return drawn

    def glance(self, direction: Direction) -> Judgement | None:
        """The cheap look, good for almost every right gradient; None where it does not settle the matter."""
        look = self._first_look(direction)
        entries = sum(v.size for v in direction.values())
        sharp = look.allowed is not None or look.resolution <= SHARP / max(entries, 1) ** 0.5
        return Judgement(Verdict.RIGHT, look) if look.finite and look.agrees and sharp else None

    def _first_look(self, direction: Direction) -> Look:
        """At the smallest step that will do; once more at another where noise or truncation may be in the way."""
        look = self.comparison.look(direction, self.comparison.sparing_step(direction))
        if look.finite and not look.agrees and abs(look.error) <= 8 * look.bound:
            smaller = self.comparison.sparing_step(direction)  # the level of the loss is known by now
            return self.comparison.look(direction, smaller if smaller < look.step else 16 * look.step)
        return look

    def glance_together(self, names: Iterable[str]) -> dict[str, Judgement]:
        """One cheap look for all: it settles those parameters that it resolves as sharply as their own would."""
        direction = self.direction(*names)
        look = self._first_look(direction)
        if not (look.finite and look.agrees):
            return {}
        settled = {}
        for name, along in direction.items():
            own = self.comparison.spread({name: along})
            if own > 0 and (look.allowed is not None or look.bound <= SHARP / along.size**0.5 * own):
                settled[name] = Judgement(Verdict.RIGHT, look)
        return settled

    def judge(self, name: str) -> Judgement:
        """The verdict on one parameter."""
        if not self.comparison.surface.params[name].size:
            return Judgement(Verdict.CANNOT_TELL, None, "it has no entries")
        bad = self._not_finite(name)
        if bad is not None:
            return bad
        direction = self.direction(name)
        look = self.comparison.look(direction)
        if not look.finite:
            smaller = self.comparison.look(direction, look.step / 4096)
            if not smaller.finite:
                reason = f"the loss is not finite with `{name}` displaced by {smaller.step:.0e} per entry"
                return Judgement(Verdict.CANNOT_TELL, None, reason)
            look = smaller
        if look.agrees:
            return self._settle(direction, look)
        if self._in_single_precision(name):
            look = self.comparison.look(direction)
            if look.agrees:
                return self._settle(direction, look)
        return self._examine(name, direction, look)

    def _not_finite(self, name: str) -> Judgement | None:
        gradient = self.comparison.gradients[name]
        bad = ~np.isfinite(gradient)
        count = int(np.count_nonzero(bad))
        if not count:
            return None
        index = tuple(int(i) for i in np.argwhere(bad)[0])
        what = "nan" if np.isnan(gradient[index]) else "inf"
        where = (
            f"{count} of {gradient.size} entries of the gradient are not finite; the first is {what} at {list(index)}"
        )
        if self.overflows():
            return Judgement(Verdict.CANNOT_TELL, None, f"{where}; the loss itself overflows on its way")
        slope = self.comparison.surface.difference(self.direction(name), 1e-6)
        if np.isfinite(slope.observed):
            return Judgement(Verdict.WRONG, None, f"{where}, while the loss is finite")
        return Judgement(Verdict.CANNOT_TELL, None, where)

    def overflows(self) -> bool:
        """Whether some number on the way to the (finite) loss is infinite or undefined."""
        objective = self.comparison.surface.objective
        try:
            with np.errstate(over="raise", invalid="raise", divide="raise"):
                objective()
        except FloatingPointError:
            return True
        return False

    def _in_single_precision(self, name: str) -> bool:
        if self.comparison.precision[name] < 1e-10 or self._measure_rounding is None:
            return False
        measure, self._measure_rounding = self._measure_rounding, None
        measure()
        return True

    def _settle(self, direction: Direction, look: Look) -> Judgement:
        """Agreement, but is it agreement on anything? Sharpens a blunt look."""
        entries = sum(v.size for v in direction.values())
        if self.comparison.is_zero(direction, look):
            return Judgement(Verdict.CANNOT_TELL, look, ZERO)
        if look.allowed is None and look.rounding > USEFUL * look.scale:
            return Judgement(Verdict.CANNOT_TELL, look, ROUNDED)
        if look.allowed is not None or look.resolution <= SHARP / max(entries, 1) ** 0.5:
            return Judgement(Verdict.RIGHT, look)
        exact = self.comparison.exact_look(direction)
        if exact is not None and exact.agrees and exact.scale > 0:
            if not self.comparison.is_zero(direction, exact):
                return Judgement(Verdict.RIGHT, exact, method="complex step")
            return Judgement(Verdict.CANNOT_TELL, exact, ZERO)
        best = look
        for factor in (8.0, 64.0, 512.0):
            wider = self.comparison.look(direction, look.step * factor)
            if not (wider.finite and wider.agrees):
                break
            best = wider
        if best.resolution <= USEFUL:
            return Judgement(Verdict.RIGHT, best)
        reason = f"the noise of the loss hides it ({best.noise:.0e} in a slope of {best.scale:.0e})"
        return Judgement(Verdict.CANNOT_TELL, best, reason)

    def _examine(self, name: str, direction: Direction, first: Look) -> Judgement:
        """A disagreement: noise, truncation, a kink, a guard, or a wrong gradient."""
        slope = self.comparison.exact_slope(direction)
        exact = self.comparison.look_from(direction, slope) if slope is not None else None
        found = (
            Climb(Trend.STAYS, first, (first,))
            if slope is not None and exact is not None and _beyond_doubt(first, slope, exact)
            else climb(self.comparison, direction, first)
        )
        trusted = exact is not None and self._alibi(exact, found)
        kink = found.trend is Trend.KINK
        if exact is not None and exact.agrees and (trusted or found.trend in {Trend.KINK, Trend.NOISE}):
            # Two that know nothing of one another agree in ten digits; the differences only cross kinks.
            return Judgement(Verdict.RIGHT, exact, AT_KINK if kink else "", method="complex step", kink=kink)
        if found.trend is Trend.VANISHES:
            return self._settle(direction, found.best)
        if _is_beneath_rounding(found):
            return Judgement(Verdict.CANNOT_TELL, found.best, BENEATH)
        if slope is not None:
            excuse = self._at_tie(direction, slope) or self._guarded(direction, slope, found)
            if excuse is not None:
                return excuse
        if exact is not None and trusted and slope is not None and not slope.ties:
            found, kink = replace(found, best=exact), False  # the kinks that differences met are beside the center
        elif (
            exact is not None
            and abs(exact.error) < NEGLIGIBLE * exact.scale
            and exact.allowed is None
            and not _contradicts(found)
        ):
            return Judgement(Verdict.CANNOT_TELL, exact, UNSEEN, method="complex step")
        throughout = self._throughout(name, found.best)
        if throughout is not None:
            return Judgement(Verdict.WRONG, found.best, place=throughout)
        place = localise(self.comparison, name, self.rng, exact=trusted and not kink, budget=self.budget)
        return self._conclude(found, place)

    def _throughout(self, name: str, look: Look) -> Place | None:
        """Whether every entry is off by the same factor: seen at two more looks, it needs no bisection."""
        gradient = self.comparison.gradients[name]
        if look.allowed is not None or not look.predicted or abs(look.bend) > 0.1 * abs(look.error):
            return None
        factor = look.measured / look.predicted
        one = np.zeros(gradient.shape)
        index = tuple(int(i) for i in np.unravel_index(int(np.argmax(np.abs(gradient))), gradient.shape))
        one[index] = 1.0
        again, entry = self.comparison.look(self.direction(name)), self.comparison.look({name: one})
        if not all(_plain(x) for x in (look, again, entry)):
            return None
        for other in (again, entry):
            if abs(other.measured - factor * other.predicted) > 8 * other.bound + 1e-5 * other.scale:
                return None
        found = Entry(index, entry.predicted, entry.measured)
        return Place(found, confirmed=True, relative=abs(entry.error) / entry.scale)

    def _at_tie(self, direction: Direction, slope: ExactSlope) -> Judgement | None:
        """Whether a gradient is right for another value of the derivative at an exact kink."""
        if not slope.ties:
            return None
        for way in (Passage(tie=tie, branch=branch) for tie in (False, True) for branch in (None, False, True)):
            exact = self.comparison.exact_look(direction, way)
            if exact is not None and exact.agrees:
                return Judgement(Verdict.RIGHT, exact, AT_KINK, "complex step", kink=True)
        return None

    def _conclude(self, found: Climb, place: Place) -> Judgement:
        look = found.best
        relative = abs(look.error) / look.scale if look.scale else 0.0
        if place.confirmed:
            if relative < NEGLIGIBLE and place.relative < NEGLIGIBLE and look.allowed is None:
                reason = f"off by {relative:.0e}, as by a small constant inside a logarithm or a root"
                return Judgement(Verdict.RIGHT, look, reason)
            return Judgement(Verdict.WRONG, look, _where(place), place=place)
        if relative < NEGLIGIBLE and not look.step and look.allowed is None:
            return Judgement(Verdict.RIGHT, look, f"off by {relative:.0e}, and no entry by more")
        if place.tied:
            return Judgement(Verdict.CANNOT_TELL, look, "exactly at a kink", kink=True)
        if place.kink:
            return Judgement(Verdict.RIGHT, look, AT_KINK, kink=True)
        if found.trend is Trend.KINK:
            within = Verdict.RIGHT if look.within_kink else Verdict.CANNOT_TELL
            return Judgement(within, look, AT_KINK if look.within_kink else "exactly at a kink", kink=True)
        if found.trend is Trend.STAYS and relative > 1e-3 and abs(look.bend) < abs(look.error) / 4:
            return Judgement(Verdict.WRONG, look, "no single entry stands out", place=place)
        return Judgement(Verdict.CANNOT_TELL, look, f"the loss is too noisy ({look.noise:.0e}) to say more")

    def _alibi(self, exact: Look, found: Climb) -> bool:
        """Whether the real differences that were taken support the complex step."""
        look = min(found.looks, key=lambda x: abs(x.measured - exact.measured) if x.finite else np.inf)
        apart = abs(exact.measured - look.measured)
        return apart <= 2 * look.noise + abs(look.bend) + 1e-7 * look.scale

    def _guarded(self, direction: Direction, slope: ExactSlope, found: Climb) -> Judgement | None:
        """Whether the disagreement is what a guard or a saturated logarithm makes."""
        if not slope.guarded and not slope.cancelled:
            return None
        bare = self.comparison.dithered_look(direction, Passage(unguarded=True), self.rng)
        entries = f"{slope.guarded} entr{'y' if slope.guarded == 1 else 'ies'}"
        if bare is not None and bare.agrees and bare.resolution <= USEFUL:
            reason = f"right for the loss without its clip, which is flat at {entries}" if slope.guarded else ""
            return Judgement(Verdict.RIGHT, bare, reason, "complex step")
        if bare is not None and bare.agrees:
            return Judgement(Verdict.CANNOT_TELL, bare, "saturated: logarithms of numbers with few digits left")
        if not slope.guarded:
            return None
        error = abs(found.best.error)
        if bare is not None and error > 10 * abs(bare.measured - slope.value):
            return None
        return Judgement(Verdict.CANNOT_TELL, found.best, f"the loss clips {entries} and is flat there: saturated")


def _is_beneath_rounding(found: Climb) -> bool:
    """Whether both sides are less than what rounding makes of numbers around one: all is saturated."""
    return all(max(abs(x.predicted), abs(x.measured)) < LEAST for x in found.looks if x.finite)


def _contradicts(found: Climb) -> bool:
    """Whether the loss does move, by the same other slope at several steps: then a complex step misses a part of it."""
    look = found.best
    return (
        found.trend is Trend.STAYS
        and look.measured != 0
        and abs(look.error) > max(100 * look.bound, 1e-3 * look.scale)
        and abs(look.bend) < 0.01 * abs(look.error)
    )


def _plain(look: Look) -> bool:
    """Whether a disagreement is far above the noise and larger than what right code is ever off by."""
    return abs(look.error) > max(10 * look.bound, 10 * NEGLIGIBLE * look.scale)


def _beyond_doubt(look: Look, slope: ExactSlope, exact: Look) -> bool:
    """Whether two unlike methods agree with one another, nothing odd was met, and both contradict the gradient."""
    odd = slope.ties or slope.guarded or slope.cancelled or abs(look.bend) > 0.1 * abs(look.error)
    agree = abs(exact.measured - look.measured) <= 2 * look.noise + 1e-3 * abs(look.error)
    return bool(agree and not odd and not exact.agrees and abs(look.error) > 1e-4 * look.scale)


def _where(place: Place) -> str:
    if place.entry is None:
        return ""
    at = list(place.entry.index)
    if place.extent == "entry":
        return f"only the entry {at}"
    if place.extent == "row":
        return f"only row {at[0]}"
    if place.extent == "column":
        return f"only column {at[-1]}"
    if place.extent == "rows" and place.rows:
        shown = ", ".join(map(str, place.rows[:8])) + (", ..." if len(place.rows) > 8 else "")
        return f"only rows {shown}"
    return ""
