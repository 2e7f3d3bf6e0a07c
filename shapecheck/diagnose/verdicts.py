"""Whether what a step applies to each parameter is its gradient, up to a factor and what an optimizer does to it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from shapecheck.gradients.clipping import CLIPS, is_wholly_clipped
from shapecheck.gradients.factors import Factor
from shapecheck.gradients.frozen import free_entries
from shapecheck.gradients.matching import EXACT, Matching
from shapecheck.gradients.preconditioned import preconditioned
from shapecheck.gradients.stacked_numbers import is_stacked
from shapecheck.gradients.steps import Step
from shapecheck.gradients.tied import tied_entries
from shapecheck.gradients.turned import is_turned_round
from shapecheck.trace.operations import PRODUCTS, QUOTIENTS, SUMS
from shapecheck.trace.tape import Operation, refs

# What an optimizer does to a gradient keeps its shape, entry by entry: rate, momentum, clipping, Adam.
_ENTRYWISE_NAMES = (
    "+ - * / ** unary- += -= *= /= .copy .astype .clip numpy.add numpy.subtract numpy.multiply numpy.divide numpy.sqrt "
    "numpy.square numpy.clip numpy.maximum numpy.minimum numpy.sign numpy.abs numpy.power numpy.array numpy.asarray "
    "numpy.negative numpy.where numpy.true_divide numpy.copy numpy.float64 numpy.asmatrix"
)
_ENTRYWISE = frozenset(_ENTRYWISE_NAMES.split())
# What takes some entries from an array, or puts them into another.
_MOVING = frozenset(["getitem", "view", "write_back"])
_MOST_PROBES = 40
# A gradient of fewer entries is met by some two numbers whatever is put in; so many sizes are tried.
TELLING = 4
_MOST_SIZES = 3
# Two directions whose product is nearer to one are taken to be one (1 less its square).
_ALIKE = 1e-10
# What is this small beside the others of its kind is what is left of terms that cancel; what is larger is plainly not.
_ROUNDING, _PLAINLY = 1e-14, 1e-13


def _size(array: Any) -> float:
    return float(np.abs(array).max(initial=0.0))


@dataclass(frozen=True, slots=True)
class Verdict:
    """A gradient held against the adjoint of its parameter.

    Attributes:
        parameter: The parameter's value at the start of the step.
        name: The user's name of it.
        factor: gradient = factor * adjoint; None where it is no multiple of it.
        at_change: The change itself is the multiple, and not only what an optimizer makes it from.
        weak: Too few numbers to tell without comparing with the other gradients.
        proves_nothing: Both are zero, or the adjoint is not to be trusted.
    """

    parameter: int
    name: str
    factor: Factor | None
    at_change: bool = False
    weak: bool = False
    proves_nothing: bool = False

    @property
    def is_right(self) -> bool:
        """Whether it is a multiple of the adjoint."""
        return self.factor is not None


@dataclass(frozen=True, slots=True)
class Outcome:
    """A gradient that is right once something is put in the place of a value.

    Attributes:
        factor: gradient = factor * adjoint.
        times: What was put in had to be multiplied by this.
    """

    factor: Factor
    times: float = 1.0


class Verdicts:
    """Judges the gradients of a step, as they were and as they would have been.

    Attributes:
        rate: The factor that most gradients share.
        forward: What the loss is computed from that depends on the parameters, these themselves left out.
        settled: Whether the loss and that factor are known beforehand, and not to be found out.
    """

    settled = False

    def __init__(self, matching: Matching, step: Step) -> None:
        self.matching = matching
        self.replay = matching.replay
        self.step = step
        self.rate: float | None = None
        self.changes = {old: change for _, old, change, _ in step.parameters}
        self.forward = matching.adjoints.closure & self.replay.dependents(step.olds, step.last + 1) - step.olds
        # A velocity beside the second of two parameters is made after the first has been moved: still a step before.
        earlier = {old: p.updates[step.number - 1].operation for p, old, _, _ in step.parameters if step.number}
        self._since = {old: max(step.first, earlier.get(old, 0)) for old in self.changes}
        self.probes = {
            old: self._probes(old, change, np.shape(self.replay.recorded[old])) for old, change in self.changes.items()
        }
        self._free: dict[int, Any] = {}
        self._ancestors: dict[int, set[int]] = {}
        self._downstream: dict[frozenset[int], set[int]] = {}
        self._zeroed: dict[tuple[tuple[int, ...], tuple[int, ...]], dict[int, Any]] = {}

    # -- dataflow -----------------------------------------------------------------------------------------------

    def producer(self, value: int) -> Operation | None:
        """The operation that made a value; None for a leaf."""
        number = self.replay.tape.values[value].producer
        if number is None or self.replay.tape.operations[number].function == "leaf":
            return None
        return self.replay.tape.operations[number]

    def _in_place_of_rows(self, old: int) -> Iterator[Any]:
        """A change of some entries, had it been what an optimizer may have made it from: `W[i] -= rate * g / root`."""
        operation = self.producer(self.changes[old])
        if operation is None or operation.function not in SUMS or len(operation.arguments) != 3:
            return
        for row in refs(operation.arguments[1:2]):
            for probe in self._probes(old, row, np.shape(self.replay.recorded[row]))[1:]:
                yield self.replay.evaluate({row: self.replay.recorded[probe]}, [operation.result])[operation.result]

    def _probes(self, old: int, change: int, shape: tuple[int, ...]) -> list[int]:
        """The values, from the change backwards, that an optimizer may have made the change from."""
        found: list[int] = []
        open_values = [change]
        while open_values and len(found) < _MOST_PROBES:
            value = open_values.pop(0)
            if value in found or value in self.matching.adjoints.closure:
                continue
            if not is_added_whole(np.shape(self.replay.recorded[value]), shape):
                continue
            found.append(value)
            operation = self.producer(value)
            if operation is None or operation.number < self.step.first:
                continue
            if operation.function == "setitem" and _is_all(operation.arguments[1]):
                open_values.extend(refs(operation.arguments[2:]))  # `m[:] = 0.9 * m + g` is a new array in an old place
            open_values.extend(preconditioned(self.replay, operation))
            if operation.function not in _ENTRYWISE:
                continue
            if operation.function in SUMS:
                # Half of a sum is the gradient only if the other half is decay or momentum, and no bare number.
                if any(isinstance(a, int | float) and a for a in operation.arguments[:2]):
                    continue
                sizes = {i: np.shape(self.replay.recorded[i]) for i in operation.inputs}
                whole = [i for i in sizes if sizes[i] == shape or not np.any(self.replay.recorded[i])]
                state = [i for i in whole if self.is_state(i, old)]
                open_values.extend(i for i in operation.inputs if all(o in state for o in operation.inputs if o != i))
                if not state and len(whole) == 2:
                    open_values.extend(self._shared(whole, old))
            elif operation.function in QUOTIENTS:
                open_values.extend(refs(operation.arguments[:1]))  # what divides a gradient is none
            else:
                whole = [i for i in operation.inputs if not is_turned_round(self.replay.tape, operation, i, old)]
                open_values.extend(i for i in whole if not self._is_calculus(operation, i))
        return found

    def _is_calculus(self, operation: Operation, operand: int) -> bool:
        """Whether an operand is multiplied by something of the forward pass: that is calculus and no optimizer."""
        return any(i != operand and i in self.forward for i in operation.inputs)

    def _shared(self, halves: Sequence[int], old: int) -> list[int]:
        """The one gradient that both halves of a sum are made from beside a velocity: `g + mu * (mu * v + g)`.

        Source: Nesterov's momentum as Sutskever, Martens, Dahl and Hinton (2013) write it; Dozat's Nadam (2016).
        """
        (first, one), (second, other) = (self._summands(half, old) for half in halves)
        below = [[value for value in found if not self.is_state(value, old)] for found in (first, second)]
        if len(below[0]) != 1 or below[0] != below[1]:
            return []
        # `sum(d) / m` is the gradient, and not the sum.
        return [max(one & other, key=lambda value: self.replay.tape.values[value].producer or -1)]

    def _summands(self, value: int, old: int) -> tuple[list[int], set[int]]:
        """What a value is a weighted sum of, the weights being numbers (velocities, a gradient); all on the way."""
        shape, recorded = np.shape(self.replay.recorded[old]), self.replay.recorded
        found: list[int] = []
        passed: set[int] = set()
        open_values = [value]
        for _ in range(40):
            if not open_values:
                break
            number = open_values.pop()
            passed.add(number)
            operation = self.producer(number)
            whole = [i for i in operation.inputs if np.shape(recorded[i]) == shape] if operation is not None else []
            weighted = operation is not None and (
                operation.function in SUMS
                or (operation.function in PRODUCTS and len(whole) == 1)
                or (operation.function in QUOTIENTS | CLIPS and whole == list(refs(operation.arguments[:1])))
            )
            if weighted and operation is not None and operation.number >= self._since[old]:
                open_values.extend(whole)
            elif number not in found:
                found.append(number)
        return found, passed

    def is_state(self, value: int, old: int) -> bool:
        """Whether a value was made entry by entry from what was there before the step: the parameter, a velocity."""
        open_values = [value]
        shapes = {np.shape(self.replay.recorded[old]), ()}
        for _ in range(40):
            if not open_values:
                return True
            number = open_values.pop()
            operation = self.producer(number)
            if operation is None or operation.number < self._since[old]:
                continue
            if number in self.forward and is_stacked(self.replay.tape):
                return False  # of single numbers all is made entry by entry, an output and its error too
            if operation.function == "setitem" and _is_all(operation.arguments[1]):
                open_values.extend(refs(operation.arguments[2:]))
                continue
            if operation.function in _MOVING or (operation.function in SUMS and len(operation.arguments) == 3):
                open_values.extend(operation.inputs)
                shapes |= {np.shape(self.replay.recorded[i]) for i in operation.inputs}  # of the row that is put in
                continue
            if operation.function not in _ENTRYWISE or np.shape(self.replay.recorded[number]) not in shapes:
                return False
            open_values.extend(operation.inputs)
        return False

    def chain(self, parameters: Iterable[int]) -> list[int]:
        """The values of this step, outside the loss's forward pass, that the parameters' changes were computed from."""
        needed = self.replay.ancestors([self.changes[p] for p in parameters])
        closure = self.matching.adjoints.closure
        operations = self.replay.tape.operations[self.step.first : self.step.last + 1]
        made = [o.result for o in operations if o.result in needed and o.function != "leaf"]
        return [v for v in made if v not in closure]

    def ancestors(self, value: int) -> set[int]:
        """The values that a value was computed from, itself included."""
        if value not in self._ancestors:
            self._ancestors[value] = self.replay.ancestors([value])
        return self._ancestors[value]

    def downstream(self, parameters: Iterable[int]) -> set[int]:
        """The values with an adjoint that depend on any of some parameters."""
        key = frozenset(parameters)
        if key not in self._downstream:
            known = set(self.matching.adjoints.of)
            made = (p for v in known if (p := self.replay.tape.values[v].producer) is not None)
            self._downstream[key] = self.replay.dependents(key, max(made, default=-1) + 1) & known
        return self._downstream[key]

    def reached(self, value: int) -> list[int]:
        """The parameters whose changes depend on a value."""
        return [p for p, change in self.changes.items() if value in self.ancestors(change)]

    # -- judging ------------------------------------------------------------------------------------------------

    def all(self) -> list[Verdict]:
        """The verdict on every gradient as it was; settles the common rate."""
        verdicts = [self._verdict(p.name, old) for p, old, _, _ in self.step.parameters]
        strong = [v for v in verdicts if v.factor is not None and v.at_change and not v.weak]
        if not strong and not self._is_steady(verdicts):
            return self._beside_the_others(verdicts)
        for _ in range(2):  # those of few entries are recognised by the rate of the others, and then vote as well
            self.rate = self._common_rate([v for v in verdicts if v.factor is not None and v.at_change])
            self.matching.factors.add_rates([abs(self.rate)])
            verdicts = [self._verdict(p.name, old) for p, old, _, _ in self.step.parameters]
        return verdicts

    def _beside_the_others(self, verdicts: Sequence[Verdict]) -> list[Verdict]:
        """The verdicts of an optimizer's step, in which one number is held against the factor of all other gradients.

        It is a multiple of any of the numbers that its step is made from: that one tells which has the others' factor.
        """
        numbers = [abs(v.factor.number) for v in verdicts if v.factor is not None and not (v.at_change or v.weak)]
        if not numbers or max(numbers) - min(numbers) > EXACT * max(numbers):
            return list(verdicts)
        common, found = numbers[0], []
        for verdict in verdicts:
            adjoint = self.matching.adjoints[verdict.parameter]
            slope = float(np.ravel(adjoint)[0]) if verdict.weak and np.size(adjoint) == 1 else 0.0
            probes = self.probes[verdict.parameter] if slope else ()
            factors = (float(np.ravel(self.replay.recorded[probe])[0]) / slope for probe in probes)
            same = next((f for f in factors if abs(abs(f) / common - 1) <= 10 * EXACT), None)
            factor = self.matching.factors.recognise(same) if same is not None else verdict.factor
            found.append(replace(verdict, factor=factor))
        return found

    @staticmethod
    def _is_steady(verdicts: Sequence[Verdict]) -> bool:
        """Whether of plain numbers half at least follow the loss, all of them with one and the same factor."""
        numbers = [v.factor.number for v in verdicts if v.factor is not None and v.at_change]
        if len(numbers) < max(2, len(verdicts) / 2):
            return False
        return max(numbers) - min(numbers) <= EXACT * max(map(abs, numbers))

    def _common_rate(self, verdicts: Sequence[Verdict]) -> float:
        """The factor of most gradients; of two equally common ones that which descends, or was computed first."""
        numbers = [v.factor.number for v in verdicts if v.factor is not None]

        signs = {old: sign for _, old, _, sign in self.step.parameters}

        def common(verdict: Verdict) -> tuple[int, bool, int]:
            assert verdict.factor is not None
            same = sum(abs(n - verdict.factor.number) <= EXACT * abs(n) for n in numbers)
            descends = signs[verdict.parameter] * verdict.factor.number < 0
            return same, descends, -len(self.chain([verdict.parameter]))

        chosen = max(verdicts, key=common)
        assert chosen.factor is not None
        return chosen.factor.number

    def _verdict(self, name: str, old: int) -> Verdict:
        adjoints = self.matching.adjoints
        change = self.changes[old]
        recorded = self.replay.recorded
        nothing = not np.any(adjoints[old]) and not np.any(recorded[change])
        nothing = nothing or self._is_rounding(old, change)
        nothing = nothing or old not in adjoints.closure  # it belongs to another loss
        if nothing or old in adjoints.doubtful:
            return Verdict(old, name, None, proves_nothing=True)
        if not np.any(recorded[change]) and any(np.any(recorded[c]) for c in self.changes.values()):
            return Verdict(old, name, None)  # whatever its gradient was, it was lost on the way
        for probe in self.probes[old]:
            factor, weak = self.factor(old, recorded[probe])
            if factor is not None:
                return Verdict(old, name, factor, probe == change, weak)
        for array in self._in_place_of_rows(old):
            factor, weak = self.factor(old, array)
            if factor is not None:
                return Verdict(old, name, factor, at_change=False, weak=weak)
        moved = self.step.movement(self.replay, old)
        if moved is not None:
            factor, weak = self.factor(old, moved)
            if factor is not None and not weak:
                return Verdict(old, name, replace(factor, number=-factor.number), at_change=False)
        return Verdict(old, name, None, proves_nothing=self._is_clipped_to_signs(old))

    def _is_clipped_to_signs(self, old: int) -> bool:
        """Whether a clip has left of a gradient, whose entries are of one size, the right signs."""
        change = np.asarray(self.replay.recorded[self.changes[old]], dtype=float)
        adjoint = np.asarray(self.matching.adjoints[old], dtype=float)
        if change.shape != adjoint.shape or not is_wholly_clipped(self.replay.tape, self.changes[old]):
            return False
        number = float(np.sum(adjoint * change)) / max(float(np.sum(adjoint**2)), np.finfo(float).tiny)
        right_way = self.rate is None or number * self.rate > 0
        return right_way and bool(np.linalg.norm(change - number * adjoint) <= EXACT * np.linalg.norm(change))

    def _is_rounding(self, old: int, change: int) -> bool:
        """Whether terms have cancelled, so that both are nothing beside the others: a bias of balanced classes."""
        adjoints, recorded = self.matching.adjoints, self.replay.recorded
        if _size(adjoints[old]) > _ROUNDING * max(_size(adjoints[o]) for o in self.changes):
            return False
        if _size(recorded[change]) <= _ROUNDING * max(_size(recorded[c]) for c in self.changes.values()):
            return True
        # What divides by the size of the gradients makes much of nothing: then what it is made from tells.
        sizes = {o: [s for probe in self.probes[o] if (s := _size(recorded[probe]))] for o in self.changes}
        return bool(sizes[old]) and min(sizes[old]) <= _ROUNDING * max(min(s) for s in sizes.values() if s)

    def _cancels(self, old: int, found: Mapping[int, Any]) -> bool:
        """Whether terms would cancel as they should: in a bias before a normalisation, which takes it off again."""
        adjoints, recorded = self.matching.adjoints, self.replay.recorded
        largest = max(_size(adjoints[o]) for o in self.changes), max(_size(recorded[c]) for c in self.changes.values())
        if not any(_size(recorded[probe]) > _PLAINLY * largest[1] for probe in self.probes[old]):
            return False  # it is nothing as it stands
        still = _size(adjoints[old]) <= _PLAINLY * largest[0]
        return still and _size(found[self.changes[old]]) <= _PLAINLY * largest[1]

    def factor(self, old: int, array: Any) -> tuple[Factor | None, bool]:
        """(factor between an array and the parameter's adjoint, whether the match is weak)."""
        shape = np.shape(self.matching.adjoints[old])
        if not is_added_whole(np.shape(array), shape):
            return None, False
        array = np.reshape(array, shape)
        match = self.matching.against(array, old)
        if match is None and (free := self._free_entries(old)) is not None:
            match = self.matching.against(array, old, free)
        if match is not None and not (match.weak and self.rate is not None):
            return match.factor, match.weak
        if match is None and (tied := self._tied_factor(old, array)) is not None:
            return tied, False
        return self._weak_factor(old, np.asarray(array))

    def _tied_factor(self, old: int, array: Any) -> Factor | None:
        """The factor of a symmetric matrix's step, whose diagonal may be held at zero."""
        adjoint = np.asarray(self.matching.adjoints[old], dtype=float)
        tied = tied_entries(self.replay.recorded[old], array)
        if tied is None or not np.any(slopes := (adjoint + adjoint.T)[tied]):
            return None
        number = float(slopes @ array[tied]) / float(slopes @ slopes)
        apart = np.linalg.norm(array[tied] - number * slopes)
        diagonal = np.diag(array)
        apart += min(np.linalg.norm(diagonal - times * number * np.diag(adjoint)) for times in (0, 1, 2))
        close = apart <= EXACT * np.linalg.norm(array)
        return self.matching.factors.recognise(number) if close else None

    def _free_entries(self, old: int) -> Any:
        """The entries that the program lets a parameter's step move, where a mask holds the others."""
        if old not in self._free:
            self._free[old] = free_entries(self.replay.tape, old, self.changes[old])
        return self._free[old]

    def _weak_factor(self, old: int, array: Any) -> tuple[Factor | None, bool]:
        """A parameter of one entry is right when its factor is the one that the others have, but for plain numbers."""
        adjoint = np.asarray(self.matching.adjoints[old], dtype=float)
        square = float(np.sum(adjoint**2))
        if self.rate is None or not square:
            return None, False
        found = float(np.sum(adjoint * array)) / square
        close = np.linalg.norm(array - found * adjoint) <= EXACT * np.linalg.norm(array)
        relative = self.matching.factors.recognise(found / self.rate, rates=False)
        return (replace(relative, number=found), True) if close and relative.is_plain and found else (None, False)

    def is_exact(self, factor: Factor | None) -> bool:
        """Whether a gradient is right, its factor included."""
        return factor is not None and self.rate is not None and abs(factor.number / self.rate - 1) <= 10 * EXACT

    def outcomes(self, changes: Mapping[int, Any]) -> dict[int, Outcome | None]:
        """What becomes of the gradients that depend on what is changed; None for one that is wrong then.

        Where something else is added to a gradient (a penalty), what is put in has to be of the right size: then the
        changes may all be multiplied by one number.
        """
        touched = list(dict.fromkeys(p for value in changes for p in self.reached(value)))
        given = self._given(changes, touched)
        found = self._judged(given, touched)
        if all(found.values()):
            return found
        best = found
        for times in self._sizes(changes, given, [p for p in touched if found[p] is None]):
            resized = {value: times * np.asarray(array, dtype=float) for value, array in changes.items()}
            again = self._judged(self._given(resized, touched), touched, times)
            if sum(o is not None for o in again.values()) > sum(o is not None for o in best.values()):
                best = again
        return best

    def _given(self, changes: Mapping[int, Any], touched: Sequence[int]) -> dict[int, Any]:
        """What the changes of the parameters, and what they are made from, would be."""
        wanted = [probe for p in touched for probe in self.probes[p]]
        return self.replay.evaluate(changes, wanted) if wanted else {}

    def _judged(
        self, found: Mapping[int, Any], touched: Sequence[int], times: float = 1.0
    ) -> dict[int, Outcome | None]:
        outcomes: dict[int, Outcome | None] = {}
        for parameter in touched:
            factors = (self.factor(parameter, found[probe])[0] for probe in self.probes[parameter])
            if times != 1:
                factors = (f for f in factors if self.rate is None or self.is_exact(f))
            factor = next((f for f in factors if f is not None), None)
            if factor is None and self.rate is not None and self._cancels(parameter, found):
                factor = self.matching.factors.recognise(self.rate)
            outcomes[parameter] = Outcome(factor, times) if factor is not None else None
        return outcomes

    def _sizes(self, changes: Mapping[int, Any], whole: Mapping[int, Any], parameters: Sequence[int]) -> list[float]:
        """The numbers by which changes may have to be multiplied, for gradients that something else is added to.

        Args:
            changes: What is put in.
            whole: What the gradients are with it.
            parameters: Those that are wrong then.
        """
        found: list[float] = []
        wanted = [probe for p in parameters for probe in self.probes[p]]
        wanted = [w for w in wanted if w not in changes]
        if not wanted:
            return found
        rest = self._rest(tuple(changes), wanted)
        if not any(np.any(rest[w]) for w in wanted):
            return found
        for p in parameters:
            adjoint = np.asarray(self.matching.adjoints[p], dtype=float)
            for probe in self.probes[p]:
                if probe not in rest or np.shape(rest[probe]) != adjoint.shape or adjoint.size < TELLING:
                    continue
                times = _times(np.asarray(rest[probe], dtype=float), np.asarray(whole[probe], dtype=float), adjoint)
                if times is not None and all(abs(times / f - 1) > EXACT for f in found):
                    found.append(times)
        return found[:_MOST_SIZES]

    def _rest(self, values: tuple[int, ...], wanted: Sequence[int]) -> dict[int, Any]:
        """The gradients had some values been zero: what else is added to them."""
        key = (values, tuple(wanted))
        if key not in self._zeroed:
            zeros = {v: np.zeros(np.shape(self.replay.recorded[v])) for v in values}
            self._zeroed[key] = self.replay.evaluate(zeros, wanted)
        return self._zeroed[key]


def _is_all(index: Any) -> bool:
    """Whether an index says all of an array."""
    return index is Ellipsis or (isinstance(index, slice) and index == slice(None))


def is_added_whole(change: tuple[int, ...], parameter: tuple[int, ...]) -> bool:
    """Whether a change is as large as a parameter, but for axes of length one that broadcasting puts before either."""
    before = len(parameter) - len(change)
    return (1,) * -before + parameter == (1,) * before + change


def _times(rest: Any, whole: Any, adjoint: Any) -> float | None:
    """By what the difference of two arrays is to be multiplied for their sum to be a multiple of the adjoint."""
    added, wanted, sought = (whole - rest).reshape(-1), -adjoint.reshape(-1), -rest.reshape(-1)
    sizes = float(np.linalg.norm(added)), float(np.linalg.norm(wanted))
    if not all(np.isfinite(size) and size > 0 for size in sizes) or not np.any(rest):
        return None
    added, wanted = added / sizes[0], wanted / sizes[1]
    # The normal equations of two columns; where these are nearly one and the same, nothing is told.
    alike, first, second = float(added @ wanted), float(added @ sought), float(wanted @ sought)
    apart = 1 - alike * alike
    if apart < _ALIKE:
        return None
    solution = (first - alike * second) / apart, (second - alike * first) / apart
    if np.linalg.norm(solution[0] * added + solution[1] * wanted - sought) > EXACT * np.linalg.norm(sought):
        return None
    times, factor = solution[0] / sizes[0], solution[1] / sizes[1]
    return times if times and factor and np.isfinite(times) else None


__all__ = ["TELLING", "Outcome", "Verdict", "Verdicts", "is_added_whole"]
