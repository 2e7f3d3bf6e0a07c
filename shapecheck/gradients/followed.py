"""How one parameter's update follows a loss: fitted to the loss's slopes along a few directions, taken numerically."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from shapecheck.gradients.clipping import is_wholly_clipped
from shapecheck.gradients.hypotheses import Hypothesis
from shapecheck.gradients.matching import squeezed
from shapecheck.gradients.replay import Replay
from shapecheck.network.parameters import Update
from shapecheck.trace.operations import QUOTIENTS, SUMS
from shapecheck.trace.tape import Operation, Ref, Shape, Tape

Verdict = Literal["right", "wrong", "unknown"]

# Directions per parameter: enough to fit a factor and a decay term and to leave three to judge by.
_DIRECTIONS = 5
_TOLERANCE = 1e-4
# In so few entries a factor and a decay fit anything.
_FEW_ENTRIES = 2
_STEP = 1e-5
# So many values that a change was made from are held against a loss.
_MOST_LIKE_A_GRADIENT = 10
# What a step leads to is kept where it is no larger, for other losses.
_MOST_KEPT = 5_000
# Factors that differ by less are one.
_ALIKE = 1e-2
# Steps whose lengths differ by less are as long.
_AS_LONG = 1e-4
# Where a difference may have stepped over a kink (of a relu, an absolute value), a step is tried that is a fraction as
# long, and, where a bias of zero puts units exactly on the kink, one beside it.
_OFF_KINKS = ((1e-2, 0.0), (1e-4, -1e-6), (1e-4, 1e-6))


@dataclass
class ParameterAgreement:
    """One parameter's update held against a loss.

    Attributes:
        factor: The update is `factor` times the gradient (negative: descent); None unless right.
        error: Relative residual of the best fit.
        entire: The update itself is the multiple, without decay, and not only what it was made from.
        cancels: Whether its gradient and its change are both nothing but rounding, as of a bias before a normalisation.
        clipped: How many times what it was clipped from the change is, or what an optimizer makes it from, where it is
            not clipped; 0 where all of it is, and None where it was not made by clipping.
        share: Whether one of the terms that a loop adds up to the change is the multiple, and not their sum.
    """

    name: str
    shape: Shape
    verdict: Verdict
    factor: float | None = None
    error: float = 1.0
    grew_to: Shape | None = None
    entire: bool = False
    cancels: bool = False
    clipped: float | None = None
    share: bool = False


@dataclass
class Agreement:
    """What a tape shows of its updates.

    Attributes:
        verdict: `right` when every parameter follows one loss downhill; `wrong` when none of the losses that could
            be meant is followed by all; `unknown` when there was nothing to hold them against.
        matched: How many parameters follow the best loss.
        same_factor: Whether all parameters that agree do so with one factor (one learning rate).
        ascent: Whether all of them follow the loss uphill.
        unproven: Parameters of which no step said anything: neither their gradients nor their changes ever moved.
        binding: Whether it is this loss that is meant, of the program's own, though all updates follow another as well
            but for what is added to them: some are its gradients to the last term.
        falls: Whether the loss is lower after the first step than before it; known of right steps only.
        followed: The formulas of the losses that the steps follow; of weights that are zero, several are one.
        paces: Number of a step -> the loss that it follows, and the factor that all its changes have of its gradients.
    """

    verdict: Verdict
    parameters: list[ParameterAgreement] = field(default_factory=list)
    formula: str = ""
    inferred: bool = False
    matched: int = 0
    error: float = 0.0
    ascent: bool = False
    same_factor: bool = True
    unproven: list[str] = field(default_factory=list)
    binding: bool = False
    falls: bool = False
    followed: tuple[str, ...] = ()
    paces: dict[int, tuple[str, float]] = field(default_factory=dict)

    @property
    def grew(self) -> bool:
        """Whether a parameter changed its shape."""
        return any(p.grew_to is not None for p in self.parameters)


def directions_for(rng: np.random.Generator, shape: Shape) -> list[np.ndarray[Any, Any]]:
    """Directions in which every entry counts about as much as any other."""
    return [np.round(rng.uniform(0.5, 1.5, shape) * rng.choice([-1.0, 1.0], shape), 2) for _ in range(_DIRECTIONS)]


def slope_along(
    replay: Replay,
    hypothesis: Hypothesis,
    value: int,
    direction: np.ndarray[Any, Any],
    fraction: float = 1.0,
    shift: float = 0.0,
) -> float:
    """Central difference of the loss along one direction; the step is small against the direction's norm."""
    at = np.asarray(replay.recorded[value], dtype=float) + shift
    step = fraction * _STEP * max(1.0, float(np.abs(at).max(initial=0.0))) / max(1.0, np.sqrt(direction.size) / 4)
    # Several losses are made from one output: it is computed once for all of them.
    kept: dict[Any, list[dict[int, Any]]] = replay.memory.setdefault("moved outputs", {})
    key = (value, tuple(hypothesis.wanted), step, shift, direction.tobytes())
    moved = kept.get(key)
    if moved is None:
        moved = [replay.evaluate({value: at + sign * step * direction}, hypothesis.wanted) for sign in (1.0, -1.0)]
        if direction.size + sum(np.size(array) for array in moved[0].values()) <= _MOST_KEPT:
            kept[key] = moved
    ends = [hypothesis.evaluate(values) for values in moved]
    return float((ends[0] - ends[1]) / (2 * step))


def gradient_like(tape: Tape, change: int, shape: Shape, among: set[int]) -> list[tuple[int, int]]:
    """The change, and the values of the parameter's shape that it was computed from (a gradient before Adam, say).

    Each comes with the sign with which it enters the change.
    """
    found = [(change, 1)]
    own = tape.values[change].shape if squeezed(tape.values[change].shape) == squeezed(shape) else shape
    open_values = [(change, 1)]
    seen = {change}
    while open_values and len(found) < _MOST_LIKE_A_GRADIENT:
        # The latest first: what a velocity was in the steps before is no gradient of this one.
        number, sign = open_values.pop(max(range(len(open_values)), key=lambda i: _made(tape, open_values[i][0])))
        producer = tape.values[number].producer
        if producer is None:
            continue
        operation = tape.operations[producer]
        if _adds_a_number(tape, operation):
            continue
        # What a gradient is divided by, in the way of Adam, is made from squares, and has as many steps to it.
        divisor = operation.arguments[1] if operation.function in QUOTIENTS and len(operation.arguments) > 1 else None
        for source in operation.inputs:
            if divisor == Ref(source) != operation.arguments[0]:
                continue
            if source in among and source not in seen and tape.values[source].shape in {shape, own}:
                seen.add(source)
                entering = sign * _sign_of(tape, operation, source)
                found.append((source, entering))
                open_values.append((source, entering))
    return found


def _made(tape: Tape, value: int) -> int:
    producer = tape.values[value].producer
    return -1 if producer is None else producer


def _adds_a_number(tape: Tape, operation: Operation) -> bool:
    """Whether one and the same number is added to all entries: the sum is no gradient, even if the other part is."""
    if operation.function not in {"+", "-", "+=", "-=", "numpy.add", "numpy.subtract"}:
        return False
    if tape.values[operation.result].size < 2:
        return False
    for argument in operation.arguments[:2]:
        number = tape.values[argument.value].array if isinstance(argument, Ref) else argument
        if np.ndim(number) == 0 and number is not None and not isinstance(number, str) and np.any(number):
            return True
    return False


def _sign_of(tape: Tape, operation: Operation, source: int) -> int:
    """Whether an operand enters an operation's result as it is (1) or negated (-1)."""
    if operation.function == "unary-":
        return -1
    arguments = operation.arguments[:2]
    if operation.function in {"-", "-=", "numpy.subtract"} and len(arguments) == 2:
        return -1 if arguments[1] == Ref(source) else 1
    if operation.function in {"*", "/", "*=", "/=", "numpy.multiply", "numpy.divide"}:
        for other in arguments:
            number = tape.values[other.value].array if isinstance(other, Ref) and other.value != source else other
            if isinstance(number, int | float) and number < 0:
                return -1
    return 1


def fit(
    row: ParameterAgreement,
    tape: Tape,
    old: int,
    sign: int,
    candidates: list[tuple[int, int]],
    directions: list[np.ndarray[Any, Any]],
    slopes: np.ndarray[Any, Any],
) -> None:
    """Fit the update to `factor * gradient + decay * parameter` along the directions."""
    parameter = np.asarray(tape.values[old].array, dtype=float)
    decay = np.array([np.sum(parameter * d) for d in directions])
    scale = float(np.abs(slopes).max())
    best_error, best_factor = np.inf, None
    silent, entire = True, False
    applied = chosen = candidates[0][0]
    decays = bool(np.any(decay)) and len(directions) > 3
    # Of two entries any step is a gradient and a decay together: what the step is made from is looked at first.
    ways = [[slopes], [slopes, decay]] if decays else [[slopes]]
    tried = [(ways[:1], c) for c in candidates] if parameter.size <= _FEW_ENTRIES else []
    tried += [(ways, c) for c in candidates] if decays or not tried else []
    for fits, (number, entering) in tried:
        along = _along(tape.values[number].array, parameter, directions)
        if along is None:
            continue
        size = float(np.abs(along).max())
        if size < 1e-13 and scale < 1e-9:
            row.cancels = row.cancels or size > 0
            if number == applied and any(np.any(tape.values[c].array) for c, _ in candidates):
                row.cancels = True  # as the shares of two branches, of which each is the other's negative
                return
            continue
        silent = False
        if scale < 1e-12 or size == 0:
            continue
        for columns in fits:
            matrix = np.stack(columns, axis=1)
            solution, *_ = np.linalg.lstsq(matrix, along, rcond=None)
            error = float(np.abs(matrix @ solution - along).max()) / size
            if len(columns) == 2 and not _is_decay(solution, sign * entering, scale, size):
                continue
            if error < best_error:
                best_error, best_factor = error, float(solution[0]) * sign * entering
                entire, chosen = number == applied and len(columns) == 1, number
            if error < _TOLERANCE:
                break
        if best_error < _TOLERANCE:
            break
    if silent:
        return
    row.error = best_error
    if not np.isfinite(best_error):
        return  # the loss does not depend on it: another loss is meant
    row.verdict = "right" if best_error < _TOLERANCE else "wrong"
    row.factor = best_factor if row.verdict == "right" else None
    row.entire = entire and row.verdict == "right"
    if row.verdict == "right" and chosen != applied:
        row.clipped = _clipped_on_the_way(tape, candidates, chosen)
        row.share = _is_a_share(tape, candidates, chosen)
    elif row.verdict == "right" and parameter.size > 1 and is_wholly_clipped(tape, applied):
        row.clipped = 0.0  # the signs are a multiple of a gradient whose entries are of one size


def _along(
    array: Any, parameter: np.ndarray[Any, Any], directions: list[np.ndarray[Any, Any]]
) -> np.ndarray[Any, Any] | None:
    """How far a change goes in each direction; None for what is no change of that parameter."""
    if array is None:
        return None
    change = np.asarray(array, dtype=float)
    try:
        # A step of `(1, 3)` makes a `(3,)` a row of the same numbers: no step of others.
        alike = change.size == parameter.size and squeezed(change.shape) == squeezed(parameter.shape)
        whole = change.reshape(parameter.shape) if alike else np.broadcast_to(change, parameter.shape)
        return np.array([np.sum(whole * d) for d in directions])
    except ValueError:
        return None


def _is_a_share(tape: Tape, candidates: Sequence[tuple[int, int]], chosen: int) -> bool:
    """Whether a value is one of several that one expression of a loop adds up."""
    made = (tape.values[number].producer for number, _ in candidates)
    sums = [o for o in (tape.operations[n] for n in made if n is not None) if o.function in SUMS and o.site is not None]
    adding = {o.site for o in sums if chosen in o.inputs}
    return any(sum(o.site == site for o in sums) > 1 for site in adding)


def common_factor(rows: Iterable[ParameterAgreement]) -> float | None:
    """The factor that all updates which follow a loss have; None where they have none in common."""
    factors = [row.factor for row in rows if row.verdict == "right" and row.factor]
    alike = factors and all(abs(f / factors[0] - 1) < _ALIKE for f in factors)
    return factors[0] if alike else None


def fit_single(
    row: ParameterAgreement,
    tape: Tape,
    sign: int,
    candidates: list[tuple[int, int]],
    directions: list[np.ndarray[Any, Any]],
    slopes: np.ndarray[Any, Any],
    common: float,
) -> None:
    """Give a parameter of one entry the factor that all others have, if anything that its update is made from has it.

    One number is a multiple of any other: that the velocity is one says nothing, the gradient in it does.
    """
    largest = int(np.argmax(np.abs(slopes)))
    for number, entering in candidates:
        array = tape.values[number].array
        if array is None or np.size(array) != 1 or not slopes[largest]:
            continue
        factor = sign * entering * float(np.ravel(array)[0] * np.ravel(directions[largest])[0] / slopes[largest])
        if abs(factor / common - 1) < _ALIKE:
            row.factor = factor
            return


def _clipped_on_the_way(tape: Tape, candidates: list[tuple[int, int]], chosen: int) -> float | None:
    """What `clipped` is for the last thing that an update is made from, or itself, that a gradient was clipped to.

    An optimizer of its own rate for every entry may stand between.
    """
    signs = dict(candidates)
    gradient = signs[chosen] * np.asarray(tape.values[chosen].array, dtype=float)
    held: float | None = None
    for number in itertools.takewhile(lambda n: n != chosen, signs):
        array = tape.values[number].array
        times = _clipped(signs[number] * np.asarray(array, dtype=float), gradient) if array is not None else None
        if times:
            return times
        held = times if held is None else held
    return held


def _clipped(change: Any, gradient: Any) -> float | None:
    """How many times the gradient a change is that was made from it by clipping, entry by entry; see `clipped`."""
    change, gradient = np.asarray(change, dtype=float), np.asarray(gradient, dtype=float)
    if change.shape != gradient.shape or not np.array_equal(np.sign(change), np.sign(gradient)) or not np.any(change):
        return None
    moved, given = np.abs(change[change != 0]), np.abs(gradient[change != 0])
    times = float((moved / given).max())
    held = moved < (1 - 1e-9) * times * given
    limit = float(moved.max())
    if np.any(np.abs(moved[held] - limit) > 1e-9 * limit):
        return None
    # The first step of some optimizers is as long for every entry, but for what keeps it from a division by zero.
    return 0.0 if np.all(np.abs(moved - limit) <= _AS_LONG * limit) else times


def fit_off_kinks(
    row: ParameterAgreement,
    tape: Tape,
    replay: Replay,
    hypothesis: Hypothesis,
    update: Update,
    candidates: list[tuple[int, int]],
    directions: list[np.ndarray[Any, Any]],
) -> None:
    """Try a wrong row again with differences that a kink does not spoil."""
    for fraction, shift in _OFF_KINKS:
        slopes = np.array([slope_along(replay, hypothesis, update.old, d, fraction, shift) for d in directions])
        if row.verdict == "wrong" and np.all(np.isfinite(slopes)):
            fit(row, tape, update.old, update.sign, candidates, directions, slopes)


def _is_decay(solution: np.ndarray[Any, Any], sign: int, scale: float, size: float) -> bool:
    """Whether a fit is a step with weight decay: the parameter shrinks, and the gradient has its part."""
    return -0.5 < sign * float(solution[1]) <= 0 and abs(float(solution[0])) * scale > 1e-3 * size


__all__ = [
    "ParameterAgreement",
    "Verdict",
    "common_factor",
    "directions_for",
    "fit",
    "fit_off_kinks",
    "fit_single",
    "gradient_like",
    "slope_along",
]
