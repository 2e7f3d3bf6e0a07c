"""What a wrong gradient looks like: the transformation of the user's gradient that gives the numeric one.

Each hypothesis makes a candidate gradient; it is held against slopes of the loss along a few random directions, so
that no numeric gradient has to be computed. Where none fits, nothing is said.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shapecheck.gradients.comparison import Comparison, random_direction
from shapecheck.gradients.projection import Judgement
from shapecheck.gradients.result import Symptom

Floats = NDArray[np.float64]
_DIRECTIONS = 5


@dataclass(frozen=True)
class Candidate:
    """A gradient that might be the right one, and what the user's would then be."""

    kind: str
    gradient: Floats
    message: str
    evidence: dict[str, Any]


class Slopes:
    """Slopes of the loss along a few random directions in one parameter.

    Attributes:
        tolerance: The residual that a right candidate may leave.
    """

    def __init__(self, comparison: Comparison, name: str, rng: np.random.Generator) -> None:
        shape = comparison.surface.params[name].shape
        self.directions = [random_direction(rng, shape) for _ in range(_DIRECTIONS)]
        looks = [self._look(comparison, name, v) for v in self.directions]
        self.measured = np.array([look.measured for look in looks])
        self.size = float(np.linalg.norm(self.measured))
        noise = float(np.linalg.norm([look.noise for look in looks])) / self.size if self.size else np.inf
        rounding = 100 * comparison.amplification[name] * comparison.precision[name]
        self.tolerance = max(1e-6, 4 * noise, rounding)
        self.usable = bool(np.all(np.isfinite(self.measured))) and self.size > 0 and self.tolerance < 1e-2

    @staticmethod
    def _look(comparison: Comparison, name: str, direction: Floats) -> Any:
        look = comparison.look({name: direction})
        exact = comparison.exact_look({name: direction})
        near = exact is not None and abs(exact.measured - look.measured) <= 2 * look.noise + 1e-5 * look.scale
        return exact if near else look

    def of(self, gradient: Floats) -> Floats:
        """The slopes that a gradient predicts."""
        return np.array([float(np.vdot(gradient, v)) for v in self.directions])

    def residual(self, gradient: Floats) -> float:
        """What is left of the slopes, relative to them, if this is the gradient."""
        if not np.all(np.isfinite(gradient)):
            return np.inf
        return float(np.linalg.norm(self.measured - self.of(gradient))) / self.size

    def fits(self, gradient: Floats) -> bool:
        """Whether this is the gradient as far as the slopes show."""
        return self.residual(gradient) <= self.tolerance


def factor_of(slopes: Slopes, gradient: Floats) -> float | None:
    """C where the right gradient is c times this one; None if there is no such number."""
    predicted = slopes.of(gradient)
    size = float(predicted @ predicted)
    if size == 0:
        return None
    c = float(predicted @ slopes.measured) / size
    return c if c and np.isfinite(c) and slopes.fits(c * gradient) else None


def name_number(value: float, lengths: Mapping[int, str], tolerance: float) -> str:
    """What a factor equals: 2, -1, 1/m, ...; empty if nothing known.

    Args:
        value: The factor.
        lengths: Lengths of axes in the program, each with where it was seen.
        tolerance: Relative.
    """
    plain = {1: "1", 2: "2", 3: "3", 4: "4"}
    sign, size = ("-" if value < 0 else ""), abs(value)
    named: list[tuple[float, str]] = [(float(n), t) for n, t in plain.items()]
    named += [(1 / n, f"1/{t}") for n, t in plain.items() if n > 1]
    known = [(n, where) for n, where in lengths.items() if n > 1]
    named += [(float(n), f"{n}, {where}") for n, where in known]
    named += [(1.0 / n, f"1/{n}; {n} is {where}") for n, where in known]
    named += [(2.0 / n, f"2/{n}; {n} is {where}") for n, where in known]
    named += [(n / 2.0, f"{n}/2; {n} is {where}") for n, where in known]
    for (a, one), (b, other) in itertools.combinations(known, 2):
        named += [
            (float(a * b), f"{a} * {b}: {one}, and {other}"),
            (1.0 / (a * b), f"1/({a} * {b}): {one}, and {other}"),
        ]
    for number, text in named:
        if abs(size - number) <= max(tolerance, 1e-6) * number:
            return sign + text
    return ""


def rearrangements(gradient: Floats, rows: tuple[int, ...] | None) -> Iterator[Candidate]:
    """The user's gradient with its entries in other places."""
    if gradient.ndim == 2 and gradient.shape[0] == gradient.shape[1]:
        yield Candidate("transposed", gradient.T, "the right gradient, transposed (`.T`)", {})
    if gradient.ndim == 2:
        n = min(gradient.shape)
        if n > 1 and gradient.shape[0] != gradient.shape[1]:
            swapped = gradient.copy()
            swapped[:n, :n] = gradient[:n, :n].T
            yield Candidate(
                "transposed", swapped, f"the right gradient with its {n} x {n} block transposed", {"block": n}
            )
    if gradient.ndim >= 2:
        for order in itertools.permutations(range(gradient.ndim)):
            moved = np.transpose(gradient, order)
            if order == tuple(range(gradient.ndim)):
                continue
            if moved.shape != gradient.shape or gradient.ndim > 2:
                again = moved.reshape(gradient.shape)
                text = f"the right gradient with its axes in another order before a reshape {order}"
                yield Candidate("permuted", again, text, {"axes": list(order)})
        columns = gradient.reshape(gradient.shape, order="C").ravel(order="F").reshape(gradient.shape)
        yield Candidate("permuted", columns, "the right gradient, read in column order and filled in row order", {})
        back = gradient.ravel().reshape(gradient.shape, order="F")
        yield Candidate("permuted", back, "the right gradient, read in row order and filled in column order", {})
    for axis in range(gradient.ndim):
        if gradient.shape[axis] > 1:
            flipped = np.flip(gradient, axis)
            yield Candidate("permuted", flipped, f"the right gradient, reversed along axis {axis}", {"axis": axis})
            for by in (1, -1):
                text = f"the right gradient, shifted by {-by} along axis {axis}"
                yield Candidate("permuted", np.roll(gradient, by, axis), text, {"axis": axis, "shift": -by})
    if gradient.ndim > 2 and gradient.shape[-1] > 1 and gradient.shape[-2] > 1:
        flipped = np.flip(gradient, (-2, -1))
        yield Candidate(
            "permuted", flipped, "the right gradient with its last two axes reversed (a flipped kernel)", {}
        )
    yield from _row_exchanges(gradient, rows)


def _row_exchanges(gradient: Floats, rows: tuple[int, ...] | None) -> Iterator[Candidate]:
    if rows is None or not 2 <= len(rows) <= 5 or gradient.ndim == 0:
        return
    for order in itertools.permutations(rows):
        if order == rows:
            continue
        moved = gradient.copy()
        moved[list(rows)] = gradient[list(order)]
        text = f"the right gradient with rows {_listed(rows)} in the order {_listed(order)}"
        if len(rows) == 2:
            text = f"the right gradient with rows {rows[0]} and {rows[1]} exchanged"
        yield Candidate("permuted", moved, text, {"rows": list(rows), "order": list(order)})


def _listed(numbers: tuple[int, ...]) -> str:
    return ", ".join(map(str, numbers))


def find_symptom(
    comparison: Comparison, name: str, judgement: Judgement, rng: np.random.Generator, lengths: Mapping[int, str]
) -> tuple[Symptom | None, Slopes | None]:
    """What the gradient of one parameter looks like, from itself and the parameter alone.

    Returns:
        The symptom, or None; and the slopes that were measured, for other hypotheses.
    """
    gradient = comparison.gradients[name]
    if not np.all(np.isfinite(gradient)):
        return None, None
    slopes = Slopes(comparison, name, rng)
    if not slopes.usable:
        return None, None
    factor = factor_of(slopes, gradient)
    if factor is not None:
        # One number is always some factor of another: it must be one that means something.
        symptom = _factor(name, factor, gradient, slopes, lengths)
        return (symptom if gradient.size > 1 or symptom.evidence["equals"] else None), slopes
    found = _missing_term(name, gradient, comparison, slopes)
    if found is not None:
        return found, slopes
    rows = judgement.place.rows if judgement.place is not None else None
    for candidate in rearrangements(gradient, rows):
        factor = 1.0 if slopes.fits(candidate.gradient) else factor_of(slopes, candidate.gradient)
        if factor is not None and gradient.size > 3:
            more = "" if factor == 1.0 else f", and {1 / factor:.6g} times it"
            message = f"the gradient of `{name}` is {candidate.message}{more}"
            evidence = {**candidate.evidence, "factor": 1 / factor}
            residual = slopes.residual(factor * candidate.gradient)
            return Symptom(candidate.kind, (name,), message, evidence, residual), slopes
    return _some_rows(name, gradient, rows), slopes


def _factor(name: str, c: float, gradient: Floats, slopes: Slopes, lengths: Mapping[int, str]) -> Symptom:
    times = 1 / c
    equals = name_number(times, lengths, slopes.tolerance)
    what = "minus the right one" if equals == "-1" else f"{times:.6g} times the right one"
    known = f" (= {equals})" if equals and equals not in {"-1", f"{times:.6g}"} else ""
    evidence = {"factor": times, "equals": equals}
    return Symptom(
        "factor", (name,), f"the gradient of `{name}` is {what}{known}", evidence, slopes.residual(c * gradient)
    )


def _missing_term(name: str, gradient: Floats, comparison: Comparison, slopes: Slopes) -> Symptom | None:
    center = np.asarray(comparison.surface.params[name].center, dtype=np.float64)
    if center.size < 2 or np.ptp(center) == 0:
        return None
    for term, text in ((center, f"{name}"), (np.sign(center), f"sign({name})")):
        along = slopes.of(term)
        missing = slopes.measured - slopes.of(gradient)
        rate = float(along @ missing) / float(along @ along)
        corrected = gradient + rate * term
        if rate and slopes.fits(corrected) and slopes.residual(corrected) < 1e-2 * slopes.residual(gradient):
            verb = "lacks the term" if rate > 0 else "has a term too much:"
            message = f"the gradient of `{name}` {verb} {abs(rate):.6g} * {text}, as of a weight penalty in the loss"
            return Symptom("missing term", (name,), message, {"rate": rate, "term": text}, slopes.residual(corrected))
    both = np.stack([slopes.of(gradient), slopes.of(center)], axis=1)
    (c, rate), *_ = np.linalg.lstsq(both, slopes.measured, rcond=None)
    corrected = c * gradient + rate * center
    if c and rate and slopes.fits(corrected):
        message = (
            f"the gradient of `{name}` is {1 / c:.6g} times the right one, and wrong in its weight penalty: "
            f"the right one is {c:.6g} times yours plus {rate:.6g} * {name}"
        )
        return Symptom("missing term", (name,), message, {"factor": 1 / c, "rate": rate}, slopes.residual(corrected))
    return None


def _some_rows(name: str, gradient: Floats, rows: tuple[int, ...] | None) -> Symptom | None:
    if not rows or gradient.ndim < 1 or len(rows) >= gradient.shape[0]:
        return None
    if not np.any(gradient[list(rows)]):
        filled = gradient.shape[0] - len(rows)
        message = (
            f"only {filled} of the {gradient.shape[0]} rows of the gradient of `{name}` are right; the others are 0"
        )
        return Symptom("some rows", (name,), message, {"rows": list(rows)}, 0.0)
    return None


def merged(found: list[Symptom]) -> list[Symptom]:
    """One symptom where several parameters have the same factor, or lack the same."""
    groups: dict[Any, list[Symptom]] = {}
    for symptom in found:
        groups.setdefault(_what_is_shared(symptom), []).append(symptom)
    return [_together(same) for same in groups.values()]


def _what_is_shared(symptom: Symptom) -> Any:
    factor = symptom.evidence.get("factor")
    if symptom.kind == "factor" and factor is not None:
        return symptom.kind, round(factor, 5)
    if symptom.kind == "missing factor":
        return symptom.kind, factor, symptom.evidence.get("instead of")
    if symptom.kind == "diagonal":
        return symptom.kind, symptom.evidence["softmax of"], symptom.message.partition("`")[2].partition("`")[2]
    return id(symptom)


def _together(same: list[Symptom]) -> Symptom:
    first = same[0]
    if len(same) == 1:
        return first
    names = tuple(n for s in same for n in s.parameters)
    listed = ", ".join(f"`{n}`" for n in names[:-1]) + f" and `{names[-1]}`"
    message = first.message.replace(f"the gradient of `{first.parameters[0]}`", f"the gradients of {listed}")
    for one, many in ((" is ", " are "), (" has ", " have "), (" lacks ", " lack "), (" rests ", " rest ")):
        message = message.replace(f"{listed}{one}", f"{listed}{many}")
    message = message.replace("the right one", "the right ones")
    return Symptom(first.kind, names, message, first.evidence, max(s.residual for s in same))
