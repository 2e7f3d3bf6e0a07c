"""Why an expression is wrong, in a sentence of calculus: what it should be, and what tells the two apart.

Every sentence says only what was found in the numbers; where nothing was, it says what the expression should be.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from shapecheck.diagnose.activation_slopes import RANGES, Slope, equal, quotient, recognise
from shapecheck.diagnose.drawn_anew import drawn_anew
from shapecheck.diagnose.known_loss import Accused
from shapecheck.diagnose.last_shares import ONLY_THE_LAST
from shapecheck.diagnose.lone_slopes import following
from shapecheck.diagnose.softmax_jacobian import diagonal_only, is_distribution
from shapecheck.diagnose.suspects import Suspect
from shapecheck.diagnose.value_words import ValueWords
from shapecheck.gradients.functions import CannotReplayError, resolve
from shapecheck.gradients.matching import Standing
from shapecheck.gradients.replay import fill
from shapecheck.trace.operations import MATRIX_PRODUCTS, PRODUCTS, SUMS, TRANSPOSES
from shapecheck.trace.tape import Operation, Ref, Tape

_MEANS = frozenset({"numpy.mean", ".mean"})
_REDUCTIONS = _MEANS | {"numpy.sum", ".sum"}
_MOST_OTHERS = 60
_MOST_PEERS = 6


@dataclass(frozen=True)
class Reason:
    """A sentence, and whether it says what is the matter or only what is wanted."""

    text: str
    is_telling: bool


def reason(accused: Accused, suspect: Suspect, tape: Tape) -> Reason:
    """What an expression should be, and why it is not that.

    Args:
        accused: The verdicts, with the adjoints.
        suspect: The expression.
        tape: Of the call.
    """
    return _Finder(accused, suspect, tape).reason()


def most_telling(accused: Accused, suspect: Suspect, tape: Tape) -> tuple[Suspect, Reason]:
    """The suspect, or one that explains as much and of which more can be said.

    Where nothing is known of a suspect but that another derivative in its place would do, it may be right itself: what
    hides the parts of a gradient (a mean that is taken off, a mask) lets more than one adjoint do.

    Args:
        accused: The verdicts, with the adjoints.
        suspect: The one that ranks first.
        tape: Of the call.
    """
    own = reason(accused, suspect, tape)
    if suspect.reason == "scale" or (own.is_telling and suspect.reason != "other"):
        return suspect, own
    peers = [s for s in accused.diagnosis.suspects if s is not suspect and set(s.explains) >= set(suspect.explains)]
    if suspect.reason == "other":
        said = [(s, reason(accused, s, tape)) for s in peers if s.reason == "value"][:_MOST_PEERS]
        telling = [pair for pair in said if pair[1].is_telling]
        return next(iter(telling), (suspect, own) if own.is_telling or not said else said[0])
    for peer in sorted(peers, key=lambda s: min(s.values))[:_MOST_PEERS]:
        if peer.reason == "other" and min(peer.values) < min(suspect.values):
            other = reason(accused, peer, tape)
            if other.is_telling:
                return peer, other
    return suspect, own


class _Finder:
    def __init__(self, accused: Accused, suspect: Suspect, tape: Tape) -> None:
        self.known = accused.known
        self.replay = accused.known.replay
        self.recorded = self.replay.recorded
        self.adjoints = accused.known.matching.adjoints
        self.suspect = suspect
        self.tape = tape
        sound = [v for v in suspect.sound if v in suspect.wanted]
        self.value = (sound or list(suspect.values))[0]
        self.operation = accused.known.producer(self.value)
        self.site = tape.sites[suspect.site]
        self.words = ValueWords(tape, self.adjoints, self.site, accused.names)
        self.forward, wanted = suspect.wanted.get(self.value, (-1, np.zeros(0)))
        self.wanted = np.asarray(wanted, dtype=float)
        self.is_now = np.asarray(self.recorded[self.value], dtype=float)
        self.standings = self.known.matching.standings(sorted(self.replay.ancestors([self.value])))

    def reason(self) -> Reason:
        """The whole sentence."""
        if self.suspect.reason == "scale" and self.suspect.scale is not None:
            return Reason(self.scale(self.suspect.scale), is_telling=True)
        if self.suspect.reason == "last":
            return Reason(ONLY_THE_LAST, is_telling=True)
        shown = " ".join(self.site.text.split())
        wanted = self.words.derivative(self.forward, self._is_turned())
        should = f"{f'`{shown}`' if len(shown) <= 70 else 'this'} should be {wanted}"
        if self.operation is None or not self.wanted.size:
            return Reason(should, is_telling=False)
        finders = (
            self.missing_term,
            self.alone,
            self.softmax,
            self.drawn,
            self.slope,
            self.missing_slope,
            self.turned,
            self.other_operand,
            self.other_axis,
            self.missing_factor,
        )
        found = next((text for find in finders if (text := find(self.operation))), "")
        if found:
            return Reason(f"{should}; {found}", is_telling=True)
        other = self.something_else()
        return Reason(f"{should}; {other}" if other else f"{should}, and is not", is_telling=False)

    # -- factors ------------------------------------------------------------------------------------------------

    def scale(self, number: float) -> str:
        """For a value that is a multiple of what it should be."""
        if abs(number + 1) < 1e-6:
            return f"this is minus {self.words.derivative(self.forward)}: the sign is the wrong way round"
        factor = self.known.matching.factors.recognise(abs(number), rates=False)
        text = ("minus " if number < 0 else "") + (factor.text if factor.is_plain else f"{abs(number):.6g}")
        said = f"this should be {text} times what it is"
        length = round(max(abs(number), 1 / abs(number)))
        name = self.words.length(length, self.known.changes) if length > 2 and str(length) in text else ""
        if self.operation is not None and self.operation.function in _MEANS and abs(number) > 1:
            return f"{said}: a mean stands where the sum belongs"
        return f"{said}; {length} is {name}" if name else said

    # -- slopes -------------------------------------------------------------------------------------------------

    def _slopes(self, array: Any, weight: Any = None) -> list[Slope]:
        """Activations of the forward pass that an array is the slope of, in terms of what has a name here first."""
        forward = [*self.adjoints.closure, *(v for v, s in self.standings.items() if s is Standing.FORWARD)]
        forward = [v for v in dict.fromkeys(forward) if np.size(self.recorded[v]) > 1]
        words = self.words
        forward.sort(key=lambda v: (v not in words.own, v not in words.names, not words.name(v).isidentifier(), v))
        return recognise(array, ((v, self.recorded[v]) for v in forward), weight)

    def _factors(self, value: int) -> list[int]:
        """The factors of a product, and of the products among them that are not verified."""
        operation = self.known.producer(value)
        if operation is None or operation.function not in PRODUCTS or len(operation.inputs) != 2:
            return [value]
        if value != self.value and self.standings.get(value) is Standing.VERIFIED:
            return [value]
        return [factor for operand in operation.inputs for factor in self._factors(operand)]

    def slope(self, operation: Operation) -> str:
        """`upstream * slope`, where the slope is another one."""
        if operation.function not in PRODUCTS:
            return ""
        factors = self._factors(self.value)
        upstream = [f for f in factors if self.standings.get(f) in {Standing.VERIFIED, Standing.UNVERIFIED}]
        # With a loss such as `sum(a**2)`, `a` looks like a derivative itself.
        for one in upstream if len(factors) > 1 else ():
            rest = [f for f in factors if f != one]
            given = np.ones(self.wanted.shape)
            for factor in rest:
                given = given * np.asarray(self.recorded[factor], dtype=float)
            if given.shape == self.wanted.shape:
                needed, known = quotient(self.wanted, np.broadcast_to(self.recorded[one], self.wanted.shape))
                found = self._instead(needed, known, given)
                if found:
                    return found
        return ""

    def drawn(self, operation: Operation) -> str:  # noqa: ARG002 - the numbers alone tell
        """A mask that is drawn again."""
        found = drawn_anew(self.known, self.value, self.wanted)
        if found is None:
            return ""
        name, first = (self.words.name(v) for v in found)
        where = f"`{first}`" if first and first != name else "what the forward pass has drawn"
        return f"{f'`{name}`' if name else 'its mask'} is drawn anew for it, and {where} belongs here"

    def softmax(self, operation: Operation) -> str:  # noqa: ARG002 - the numbers alone tell
        """The diagonal of a softmax's Jacobian in the place of all of it."""
        if self.is_now.shape != self.wanted.shape:
            return ""
        found = diagonal_only(self.is_now, self.wanted, ((v, self.recorded[v]) for v in self.adjoints.closure))
        if found is None:
            return ""
        s, axis = self.words.name(found[0]) or "s", found[1]
        return (
            f"`{s}` is a softmax: each of its outputs depends on all of its inputs, and {s} * (1 - {s}) is only the "
            f"diagonal of its Jacobian; with g for the derivative by `{s}`, "
            f"{s} * (g - np.sum(g * {s}, axis={axis}, keepdims=True)) belongs here"
        )

    def _instead(self, needed: Any, known: Any, given: Any) -> str:
        """What the slope should be and what stands there."""
        if equal(given * known, needed * known):
            return ""  # what stands there is right wherever it counts
        wanted = [w for w in self._slopes(needed, known) if not w.of_result or self._can_be(w)]
        if not wanted:
            return ""
        right = wanted[0]
        kind, name = right.activation, self.words.name(right.value) or "its value"
        belongs = f"`{name}` is {_article(kind)}: its slope is {right.formula(name)}"
        if kind == "relu":
            belongs = f"the slope of the relu is {right.formula(name)}"
        if not right.of_result:
            belongs = f"the slope of the {kind} of `{name}` belongs here"
        same = {s.value for s in wanted if s.activation == kind and s.of_result == right.of_result}
        slopes = [s for s in self._slopes(given) if s.activation != kind or s.value not in same or not s.of_result]
        # A mask of noughts and ones is what a relu's slope at itself would be.
        slopes = [s for s in slopes if not np.array_equal(self.recorded[s.value], given)]
        # `sigmoid_prime(A1)`: the slope at what the activation gave, of which it has been taken already.
        slopes.sort(key=lambda s: s.value not in same)
        if not slopes:
            return belongs
        wrong = slopes[0]
        of = self.words.name(wrong.value) or "another value"
        if wrong.value in same and not wrong.of_result:
            return f"{belongs}; the slope is taken here as if `{of}` were what goes into the {kind}"
        if self.words.is_misnamed(wrong.value, right.value):
            other = self.words.elsewhere(wrong.value)
            return f"{belongs}; what is called `{of}` here is another value{f', {other}' if other else ''}"
        if wrong.activation != kind:
            return f"{belongs}; {wrong.formula(of)} is the slope of {_article(wrong.activation)}"
        if recognise(needed, [(wrong.value, self.recorded[wrong.value])], known):
            return f"{belongs}; `{of}` is what goes into the {kind}"
        return f"{belongs}; here stands the slope of `{of}`"

    def _can_be(self, slope: Slope) -> bool:
        """Whether a value can be what an activation gave: what exceeds one is no tanh."""
        least, most = RANGES.get(slope.activation, (-np.inf, np.inf))
        array = np.asarray(self.recorded[slope.value], dtype=float)
        return bool(array.min(initial=most) >= least and array.max(initial=least) <= most)

    def alone(self, operation: Operation) -> str:  # noqa: ARG002 - the numbers alone tell
        """A slope, and nothing that comes from the layers behind it."""
        after = following(self.known, self.value, self.forward)
        if after is None:
            return ""
        return f"it is a slope alone, and {self.words.derivative(after)}, by which that is to be multiplied, is missing"

    def missing_slope(self, operation: Operation) -> str:  # noqa: ARG002 - the numbers alone tell
        """A slope that was left out, or is there twice."""
        if self.is_now.shape != self.wanted.shape:
            return ""
        for pair, said in (
            ((self.wanted, self.is_now), "missing"),
            ((self.is_now, self.wanted), "in it once too often"),
        ):
            ratio, known = quotient(*pair)
            if _is_beside(pair[0], known):
                continue
            found = self._slopes(ratio, known) or (self._slopes(_once(ratio)) if np.all(known) else [])
            if found:
                name = self.words.name(found[0].value) or "its value"
                slope = f"the slope of the {found[0].activation}, {found[0].formula(name)},"
                if is_distribution(self.recorded[found[0].value]):  # what sums to one is no sigmoid
                    slope = f"the factor {found[0].formula(name)}"
                return f"{slope} is {said}"
        return ""

    def missing_factor(self, operation: Operation) -> str:  # noqa: ARG002 - as above
        """A named array that it has to be multiplied by."""
        if self.is_now.shape != self.wanted.shape or self.wanted.size < 2:
            return ""
        ratio, known = quotient(self.wanted, self.is_now)
        if _is_beside(self.wanted, known):
            return ""
        for number, name in self.words.own.items():
            array = np.asarray(self.recorded[number], dtype=float)
            if array.shape == ratio.shape and number != self.value and equal(array * known, ratio * known):
                return f"the factor `{name}` is missing"
        return ""

    # -- other operands -----------------------------------------------------------------------------------------

    def _with(self, operation: Operation, place: int, array: Any) -> Any:
        """What an operation gives with another array in one place; None where it cannot."""
        try:
            filled = list(fill(operation.arguments, self.recorded))
            filled[place] = array
            return np.asarray(resolve(operation.function)(*filled, **fill(operation.keywords, self.recorded)))
        except (CannotReplayError, ValueError, TypeError, IndexError):
            return None

    def _is_wanted(self, array: Any) -> bool:
        """Whether an array is a multiple of what is wanted."""
        if array is None or array.shape != self.wanted.shape or array.size < 2:
            return False
        norm = float(np.linalg.norm(array) * np.linalg.norm(self.wanted))
        return norm > 0 and abs(float(np.sum(array * self.wanted))) >= (1 - 1e-10) * norm

    def turned(self, operation: Operation) -> str:
        """A transpose that is missing or one too many."""
        if self.is_now.ndim == 2 and min(self.is_now.shape) > 1 and self._is_wanted(self.is_now.T):
            return "it is transposed"
        if operation.function not in MATRIX_PRODUCTS:
            return ""
        for place, argument in enumerate(operation.arguments):
            if isinstance(argument, Ref) and np.ndim(self.recorded[argument.value]) == 2:
                turned = np.asarray(self.recorded[argument.value]).T
                if self._is_wanted(self._with(operation, place, turned)):
                    text = self._operand(argument.value)
                    return f"`{text}` has to be transposed here" if text else "one of its factors has to be transposed"
        return ""

    def _operand(self, value: int) -> str:
        """How an operand is written in the expression, or called."""
        site = self.tape.site_of(value)
        if site is not None and site.function == self.site.function and site.line == self.site.line:
            return " ".join(site.text.split())
        return self.words.name(value)

    def other_operand(self, operation: Operation) -> str:
        """Another named value in the place of an operand."""
        if operation.function in SUMS:
            return ""
        for place, operand, other, array in self._replacements(operation):
            if not self._is_wanted(self._with(operation, place, array)):
                continue
            name, own = self.words.names[other], self._operand(operand)
            if name in {own, self.words.name(operand)}:
                where = self.words.elsewhere(operand)
                return f"what is called `{name}` here is another value{f', {where}' if where else ''}"
            return f"`{name}` belongs where `{own}` is" if own else f"`{name}` belongs in it"
        return ""

    def _replacements(self, operation: Operation) -> Iterator[tuple[int, int, int, Any]]:
        """(place, operand, another named value, its array as it would stand there); what has a name here first."""
        words = self.words
        named = sorted(words.names, key=lambda n: (n not in words.own, n))
        for place, argument in enumerate(operation.arguments):
            if not isinstance(argument, Ref) or np.size(self.recorded[argument.value]) < 2:
                continue
            made = self.known.producer(argument.value)
            turned = made is not None and made.function in TRANSPOSES and len(made.inputs) == 1
            operand = made.inputs[0] if turned and made is not None else argument.value
            shape = np.shape(self.recorded[operand])
            others = [n for n in named if np.shape(self.recorded[n]) == shape and n != operand]
            others = [n for n in others if (self.tape.values[n].producer or 0) < operation.number]
            for other in others[:_MOST_OTHERS]:
                array = np.asarray(self.recorded[other])
                yield place, operand, other, array.T if turned else array

    def other_axis(self, operation: Operation) -> str:
        """A sum along another axis."""
        if operation.function not in _REDUCTIONS or not operation.inputs:
            return ""
        array = np.asarray(self.recorded[operation.inputs[0]], dtype=float)
        now = operation.keywords.get("axis", operation.arguments[1] if len(operation.arguments) > 1 else None)
        for axis in range(array.ndim):
            total = array.sum(axis=axis)
            if axis != now and total.size == self.wanted.size and self._is_wanted(total.reshape(self.wanted.shape)):
                along = "over everything" if now is None else f"along axis {now}"
                return f"it sums {along}; the sum along axis {axis} belongs here"
        return ""

    # -- terms --------------------------------------------------------------------------------------------------

    def missing_term(self, operation: Operation) -> str:
        """What a penalty on a parameter adds to its gradient."""
        if self.is_now.shape != self.wanted.shape or self.forward not in self.known.changes:
            return ""
        parameter = np.asarray(self.recorded[self.forward], dtype=float)
        name = self.words.names.get(self.forward, "")
        for basis, shown in ((parameter, name), (np.sign(parameter), f"sign({name})")):
            factor = _multiple(self.wanted - self.is_now, basis)
            if factor is None or not name:
                continue
            # `np.dot(dZ, A.T)` that is divided afterwards lacks as many times the penalty's derivative.
            whole = factor * (self.known.rate or 1.0) / self._scale_of_wanted()
            there = [_multiple(self.recorded[i], basis) for i in operation.inputs if operation.function in SUMS]
            found = next((f for f in there if f is not None), None)
            if found is not None:
                return (
                    f"the penalty on `{name}` adds {found + factor:.6g} * {shown} to it, and here {found:.6g} * {shown}"
                )
            return f"the loss has a penalty on `{name}`, whose derivative, {whole:.6g} * {shown}, is missing"
        return ""

    def _is_turned(self) -> bool:
        """Whether what is wanted has the sign that the adjoint has not."""
        return self.wanted.shape == np.shape(self.adjoints[self.forward]) and self._scale_of_wanted() < 0

    def _scale_of_wanted(self) -> float:
        """What the adjoint was multiplied by to be what is wanted."""
        return _multiple(self.wanted, np.asarray(self.adjoints[self.forward], dtype=float)) or 1.0

    def something_else(self) -> str:
        """The derivative by another value."""
        match = self.known.matching.match(self.value)
        return f"it is {self.words.derivative(match.forward)}" if match is not None and not match.weak else ""


def _multiple(array: Any, basis: Any) -> float | None:
    """How many times one array is another; None where it is no multiple, or too small to tell."""
    array, basis = np.asarray(array, dtype=float), np.asarray(basis, dtype=float)
    square = float(np.sum(basis * basis))
    if array.shape != basis.shape or basis.size < 2 or square == 0:
        return None
    factor = float(np.sum(array * basis)) / square
    return factor if factor and equal(factor * basis, array) else None


def _once(array: Any) -> Any:
    """An array that was broadcast as it was before: with length one along the axes along which it does not change."""
    for axis in range(array.ndim):
        first = np.take(array, [0], axis=axis)
        if array.shape[axis] > 1 and np.allclose(array, first, rtol=1e-9, atol=0):
            array = first
    return array


def _article(activation: str) -> str:
    return activation if activation == "tanh" else f"a {activation}"


def _is_beside(product: Any, known: Any) -> bool:
    """Whether a product has entries where the one factor is zero: then there is no other factor."""
    size = float(np.abs(product).max(initial=0.0))
    return bool(np.any(np.abs(product)[known == 0] > 1e-9 * size))


__all__ = ["Reason", "most_telling", "reason"]
