"""Why an expression is wrong, in a sentence of calculus: what it should be, and what tells the two apart.

Every sentence says only what was found in the numbers; where nothing was, it says what the expression should be.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from shapecheck.diagnose.activation_slopes import Slope, equal, quotient, recognise
from shapecheck.diagnose.gradient import Suspect
from shapecheck.diagnose.known_loss import Accused
from shapecheck.gradients.functions import CannotReplayError, resolve
from shapecheck.gradients.matching import Standing
from shapecheck.gradients.replay import fill
from shapecheck.network.parameters import value_names
from shapecheck.trace.tape import Operation, Ref, Tape

_PRODUCTS = frozenset({"*", "*=", "numpy.multiply"})
_MATRIX_PRODUCTS = frozenset({"@", "numpy.dot", "numpy.matmul", ".dot"})
_REDUCTIONS = frozenset({"numpy.sum", "numpy.mean", ".sum", ".mean"})
_MOST_OTHERS = 60


def reason(accused: Accused, suspect: Suspect, tape: Tape) -> str:
    """What an expression should be, and why it is not that.

    Args:
        accused: The verdicts, with the adjoints.
        suspect: The expression.
        tape: Of the call.
    """
    return _Reason(accused, suspect, tape).text()


class _Reason:
    def __init__(self, accused: Accused, suspect: Suspect, tape: Tape) -> None:
        self.known = accused.known
        self.replay = accused.known.replay
        self.adjoints = accused.known.matching.adjoints
        self.suspect = suspect
        self.tape = tape
        self.value = suspect.values[0]
        producer = tape.values[self.value].producer
        self.operation = tape.operations[producer] if producer is not None else None
        self.site = tape.sites[suspect.site]
        self.names = {**value_names(tape), **self._own_names(), **accused.names}
        self.forward, self.wanted = suspect.wanted.get(self.value, (-1, None))
        self.wanted = None if self.wanted is None else np.asarray(self.wanted, dtype=float)
        self.is_now = np.asarray(self.replay.recorded[self.value], dtype=float)
        chain = sorted(self.replay.ancestors([self.value]))
        self.standings = self.known.matching.standings(chain)

    def _own_names(self) -> dict[int, str]:
        """What the function around the expression calls its values."""
        here = [b for b in self.tape.bindings if self.tape.sites[b.site].function == self.site.function]
        return {b.value: b.name for b in here}

    # -- words --------------------------------------------------------------------------------------------------

    def name(self, number: int) -> str:
        """What the user calls a value, or how it is written."""
        if number in self.names:
            return self.names[number]
        twins = [n for n in self.names if self._is_twin(n, number)]
        if twins:
            return self.names[twins[0]]
        site = self.tape.site_of(number)
        text = " ".join(site.text.split()) if site is not None else ""
        return text if len(text) <= 30 else ""

    def _is_twin(self, one: int, other: int) -> bool:
        left, right = self.replay.recorded[one], self.replay.recorded[other]
        return np.size(left) > 1 and np.shape(left) == np.shape(right) and bool(np.array_equal(left, right))

    def derivative(self, number: int) -> str:
        """`the derivative of the loss by Z1`, by the best name among the values that have this adjoint."""
        of = self.adjoints.of
        own = self.adjoints[number]
        alike = [n for n in of if np.shape(of[n]) == np.shape(own) and (n == number or np.array_equal(of[n], own))]
        # Of `W1 @ X` and `Z1 = W1 @ X + b1`, which have one adjoint, the one with a name.
        name = next((self.names[n] for n in (number, *reversed(alike)) if n in self.names), "")
        name = name or next((text for n in alike if (text := self.name(n))), "")
        return f"the derivative of the loss by `{name}`" if name else "the derivative that is passed on"

    def text(self) -> str:
        """The whole sentence."""
        if self.suspect.reason == "scale" and self.suspect.scale is not None:
            return self.scale(self.suspect.scale)
        should = self.should_be()
        for find in (
            self.slope,
            self.missing_slope,
            self.turned,
            self.other_operand,
            self.other_axis,
            self.missing_term,
            self.something_else,
        ):
            found = find() if self.wanted is not None and self.operation is not None else ""
            if found:
                return f"{should}; {found}"
        return f"{should}, and is not"

    def should_be(self) -> str:
        shown = " ".join(self.site.text.split())
        shown = f"`{shown}`" if len(shown) <= 70 else "this"
        return f"{shown} should be {self.derivative(self.forward)}"

    # -- factors ------------------------------------------------------------------------------------------------

    def scale(self, number: float) -> str:
        """For a value that is a multiple of what it should be."""
        match = self.known.matching.match(self.value)
        what = self.derivative(match.forward) if match is not None else "the derivative that is passed on"
        if abs(number + 1) < 1e-6:
            return f"this is minus {what}: the sign is the wrong way round"
        factor = self.known.matching.factors.recognise(abs(number), rates=False)
        sign = "minus " if number < 0 else ""
        text = factor.text if factor.is_plain else f"{abs(number):.6g}"
        lengths = {
            n: name for n in self._lengths() if (name := self._length(n)) and str(n) in text.split("/")[-1].split()
        }
        also = "".join(f", {n} is {name}" for n, name in lengths.items())
        return f"this should be {sign}{text} times what it is{also}"

    def _lengths(self) -> set[int]:
        return {n for v in self.adjoints.closure for n in np.shape(self.replay.recorded[v]) if n > 1}

    def _length(self, length: int) -> str:
        """What has this length: the batch, most of all."""
        for value in sorted(self.adjoints.closure):
            shape = np.shape(self.replay.recorded[value])
            if length in shape and value in self.names and value not in self.known.changes:
                return f"the length of axis {shape.index(length)} of `{self.names[value]}`"
        return ""

    # -- slopes -------------------------------------------------------------------------------------------------

    def _slopes(self, array: Any, weight: Any) -> list[Slope]:
        """Activations of the forward pass that an array is the slope of, in terms of what has a name first."""
        forward = [*self.adjoints.closure, *(v for v, s in self.standings.items() if s is Standing.FORWARD)]
        forward = [v for v in dict.fromkeys(forward) if np.size(self.replay.recorded[v]) > 1]
        forward.sort(key=lambda v: (v not in self.names, v))
        return recognise(array, ((v, self.replay.recorded[v]) for v in forward), weight)

    def slope(self) -> str:
        """`upstream * slope`, where the slope is another one."""
        operation = self.operation
        assert operation is not None
        if operation.function not in _PRODUCTS or len(operation.inputs) != 2:
            return ""
        upstream = [i for i in operation.inputs if self.standings.get(i) is Standing.VERIFIED]
        if len(upstream) != 1:
            return ""
        other = next(i for i in operation.inputs if i != upstream[0])
        needed, known = quotient(self.wanted, self.replay.recorded[upstream[0]])
        return self._instead(needed, known, other)

    def _instead(self, needed: Any, known: Any, other: int) -> str:
        wanted = self._slopes(needed, known)
        if not wanted:
            return ""
        right = wanted[0]
        kind, name = right.activation, self.name(right.value) or "its value"
        belongs = f"`{name}` is a {kind}: its slope is {right.formula(name)}"
        if not right.of_result:
            belongs = f"the slope of the {kind} of `{name}` belongs here"
        given = self._slopes(np.broadcast_to(np.asarray(self.replay.recorded[other], dtype=float), needed.shape), None)
        given = [g for g in given if (g.activation, g.value) != (kind, right.value) or g.of_result != right.of_result]
        if not given:
            return belongs
        wrong = given[0]
        of = self.name(wrong.value) or "another value"
        if wrong.activation != kind:
            return f"{belongs}; {wrong.formula(of)} is the slope of {_article(wrong.activation)}"
        if not wrong.of_result and right.of_result:
            return (
                f"{belongs}; here the slope is taken as if `{of}` were what goes into the {kind}, and not what it gives"
            )
        if recognise(needed, [(wrong.value, self.replay.recorded[wrong.value])], known):
            return f"{belongs}; `{of}` is what goes into the {kind}"
        return f"{belongs}; here stands the slope of `{of}`"

    def missing_slope(self) -> str:
        """A slope that was left out, or is there twice."""
        if self.is_now.shape != np.shape(self.wanted):
            return ""
        ratio, known = quotient(self.wanted, self.is_now)
        found = self._slopes(ratio, known)
        if found and np.any(known):
            name = self.name(found[0].value) or "its value"
            return f"the slope of the {found[0].activation}, {found[0].formula(name)}, is missing"
        ratio, known = quotient(self.is_now, self.wanted)
        found = self._slopes(ratio, known)
        if found and np.any(known):
            name = self.name(found[0].value) or "its value"
            return f"the slope of the {found[0].activation}, {found[0].formula(name)}, is in it once too often"
        return ""

    # -- other operands -----------------------------------------------------------------------------------------

    def _with(self, operation: Operation, arguments: tuple[Any, ...]) -> Any:
        """What an operation gives with other arguments; None where it cannot."""
        try:
            filled = fill(arguments, self.replay.recorded)
            return np.asarray(resolve(operation.function)(*filled, **fill(operation.keywords, self.replay.recorded)))
        except (CannotReplayError, ValueError, TypeError, IndexError):
            return None

    def _is_wanted(self, array: Any) -> bool:
        """Whether an array is a multiple of what is wanted."""
        if array is None or array.shape != np.shape(self.wanted):
            return False
        norm = float(np.linalg.norm(array) * np.linalg.norm(self.wanted))
        return norm > 0 and abs(float(np.sum(array * self.wanted))) >= (1 - 1e-10) * norm

    def turned(self) -> str:
        """A transpose that is missing or one too many."""
        operation = self.operation
        assert operation is not None
        if self._is_wanted(self.is_now.T) and self.is_now.ndim == 2 and min(self.is_now.shape) > 1:
            return "it is transposed"
        if operation.function not in _MATRIX_PRODUCTS or len(operation.arguments) != 2:
            return ""
        for place, argument in enumerate(operation.arguments):
            if not isinstance(argument, Ref) or np.ndim(self.replay.recorded[argument.value]) != 2:
                continue
            arguments = list(fill(operation.arguments, self.replay.recorded))
            arguments[place] = np.asarray(arguments[place]).T
            if self._is_wanted(self._with(operation, tuple(arguments))):
                text = self._operand_text(argument.value, place)
                return f"`{text}` has to be transposed here" if text else "one of its factors has to be transposed"
        swapped = tuple(reversed(operation.arguments))
        if self._is_wanted(self._with(operation, swapped)):
            return "the factors of the product are the wrong way round"
        return ""

    def _operand_text(self, value: int, place: int) -> str:
        """How an operand is written in the expression."""
        roles = {0: {"left", "receiver", "0"}, 1: {"right", "1", "0"}}[min(place, 1)]
        slots = [s for s in self.site.slots if s.role in roles and hasattr(s.node, "lineno")]
        site = self.tape.site_of(value)
        if site is not None and site.function == self.site.function and site.line == self.site.line:
            return " ".join(site.text.split())
        return self.name(value) if slots or value in self.names else ""

    def other_operand(self) -> str:
        """Another value of the same shape in the place of an operand."""
        operation = self.operation
        assert operation is not None
        for place, operand, other in self._replacements(operation):
            arguments = list(operation.arguments)
            arguments[place] = self.replay.recorded[other]
            name = self.names.get(other, "")
            if name and name != self.names.get(operand) and self._is_wanted(self._with(operation, tuple(arguments))):
                own = self._operand_text(operand, place) or self.name(operand)
                return f"`{name}` belongs where `{own}` is" if own else f"`{name}` belongs in it"
        return ""

    def _replacements(self, operation: Operation) -> Iterator[tuple[int, int, int]]:
        """(place, operand, another named value of its shape)."""
        for place, argument in enumerate(operation.arguments):
            if not isinstance(argument, Ref):
                continue
            shape = np.shape(self.replay.recorded[argument.value])
            others = [n for n in self.names if np.shape(self.replay.recorded[n]) == shape and n != argument.value]
            made = operation.number
            before = [n for n in others if (self.tape.values[n].producer or 0) < made]
            for other in before[:_MOST_OTHERS] if shape else ():
                yield place, argument.value, other

    def other_axis(self) -> str:
        """A sum along another axis."""
        operation = self.operation
        assert operation is not None
        if operation.function not in _REDUCTIONS or not operation.inputs:
            return ""
        array = np.asarray(self.replay.recorded[operation.inputs[0]], dtype=float)
        now = operation.keywords.get("axis", operation.arguments[1] if len(operation.arguments) > 1 else None)
        for axis in range(array.ndim):
            total = array.sum(axis=axis, keepdims=True)
            if (
                axis != now
                and total.size == np.size(self.wanted)
                and self._is_wanted(total.reshape(np.shape(self.wanted)))
            ):
                along = "over everything" if now is None else f"over axis {now}"
                return f"it sums {along}; the samples lie along axis {axis}"
        return ""

    # -- terms --------------------------------------------------------------------------------------------------

    def missing_term(self) -> str:
        """What a penalty on a parameter adds to its gradient."""
        if self.is_now.shape != np.shape(self.wanted) or self.forward not in self.known.changes:
            return ""
        left = self.wanted - self.is_now
        parameter = np.asarray(self.replay.recorded[self.forward], dtype=float)
        name = self.names.get(self.forward, "")
        square = float(np.sum(parameter**2))
        if not name or parameter.size < 2 or square == 0:
            return ""
        factor = float(np.sum(left * parameter)) / square
        if equal(factor * parameter, left):
            return f"the loss has a penalty on `{name}`, whose derivative, {factor:.6g} * {name}, is missing"
        signs = np.sign(parameter)
        factor = float(np.sum(left * signs)) / parameter.size
        if equal(factor * signs, left):
            return f"the loss has a penalty on `{name}`, whose derivative, {factor:.6g} * sign({name}), is missing"
        return ""

    def something_else(self) -> str:
        """The derivative by another value."""
        match = self.known.matching.match(self.value)
        if match is None or match.weak:
            return ""
        return f"it is {self.derivative(match.forward)}"


def _article(activation: str) -> str:
    return activation if activation == "tanh" else f"a {activation}"


__all__ = ["reason"]
