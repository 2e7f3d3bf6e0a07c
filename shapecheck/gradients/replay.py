"""Evaluates parts of a tape again with some values changed; never runs a leaf, never damages a recorded array."""

from __future__ import annotations

import math
import warnings
from collections import Counter
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from shapecheck.gradients.functions import (
    AS_STRIDED,
    COUNTING_BYTES,
    CannotReplayError,
    change_item_here,
    resolve,
    set_item_here,
)
from shapecheck.trace.tape import Operation, Ref, Tape, refs

# What changes items of an array by what it is given with an index.
_KEYED = frozenset(["+=", "-=", "*=", "/="])
Lookup = Any  # something that gives an array for a value's number
Step = Callable[[Lookup], Any]
Rule = Callable[[Callable[[int], Any]], Any]


class ReplayError(RuntimeError):
    """An operation failed on its changed operands; `operation` is its number, `__cause__` what it raised."""

    def __init__(self, message: str, operation: int) -> None:
        super().__init__(message)
        self.operation = operation


class Replay:
    """A tape that can be evaluated again.

    Control flow is taken as it ran, in-place operations make new values, leaves keep what they gave. An operation that
    cannot be replayed, or does not give on its recorded operands what it gave then, keeps its recorded value.

    Attributes:
        tape: What is replayed.
        recorded: The recorded arrays, by value number; an `np.matrix` as the plain array that it holds.
        originals: The same as the program holds them: the products of an `np.matrix` are its own.
        cut: Values that depend on others in a way that no replay reproduces; grows as operations are first used.
    """

    def __init__(self, tape: Tape) -> None:
        self.tape = tape
        self.originals: Lookup = [value.array for value in tape.values]
        self.recorded: Lookup = [_plain(array) for array in self.originals]
        self.cut: set[int] = set()
        self.memory: dict[Any, Any] = {}
        self._values = list(self.originals)
        self._steps: dict[int, Step | None] = {}
        self._steps_in_place: dict[int, Step] = {}
        self._plans: dict[tuple[Any, ...], list[tuple[int, int, Step]]] = {}
        self._readers: dict[int, list[int]] | None = None

    # -- dataflow -----------------------------------------------------------------------------------------------

    def dependents(self, values: Iterable[int], until: int | None = None) -> set[int]:
        """The values that depend on any of `values`, themselves included; only those made before operation `until`."""
        reached = set(values)
        open_values = list(reached)
        operations, readers = self.tape.operations, self._read_by()
        end = len(operations) if until is None else until
        while open_values:
            for number in readers.get(open_values.pop(), ()):
                if number >= end:
                    break
                result = operations[number].result
                if result not in reached:
                    reached.add(result)
                    open_values.append(result)
        return reached

    def _read_by(self) -> dict[int, list[int]]:
        """For each value, the numbers of the operations that read it, in order."""
        if self._readers is None:
            self._readers = {}
            for operation in self.tape.operations:
                for number in operation.inputs if operation.function != "leaf" else ():
                    self._readers.setdefault(number, []).append(operation.number)
        return self._readers

    def ancestors(self, values: Iterable[int], *, until: Container[int] = frozenset()) -> set[int]:
        """The values that any of `values` was computed from, themselves included; past `until` nothing is followed."""
        found: set[int] = set()
        open_values = list(values)
        while open_values:
            number = open_values.pop()
            if number in found:
                continue
            found.add(number)
            producer = self.tape.values[number].producer
            if producer is None or number in until or self.tape.operations[producer].function == "leaf":
                continue
            open_values.extend(self.tape.operations[producer].inputs)
        return found

    def _made(self, value: int) -> int:
        producer = self.tape.values[value].producer
        return -1 if producer is None else producer

    def lost(self, values: Iterable[int]) -> set[int]:
        """Those among `values` whose link to what they were made from is not on the tape, or cannot be replayed."""
        missing = set()
        for number in values:
            value = self.tape.values[number]
            if value.producer is None:
                if value.version > 0:
                    missing.add(number)
                continue
            operation = self.tape.operations[value.producer]
            if operation.function == "leaf":
                if operation.label == "changed":
                    missing.add(number)
            elif self.step(operation) is None:
                missing.add(number)
        return missing

    # -- evaluation ---------------------------------------------------------------------------------------------

    def step(self, operation: Operation) -> Step | None:
        """The operation as a function of all values; None where it cannot be replayed."""
        number = operation.number
        if number in self._steps:
            return self._steps[number]
        step = self._compile(operation)
        if step is None and operation.function != "leaf":
            self.cut.add(operation.result)
        self._steps[number] = step
        return step

    def exchanged(self, operation: Operation, operand: int, array: Any) -> Any:
        """What an operation gives with another array in the place of one operand; None where it gives none.

        Args:
            operation: The operation.
            operand: Number of the value that is exchanged.
            array: What is put in its place.

        Returns:
            An array of floats, or None where the operation cannot be replayed or does not take it.
        """
        step = self.step(operation)
        if step is None:
            return None
        values = list(self.originals)
        values[operand] = self._as_original(operand, array)
        try:
            return np.asarray(step(values), dtype=float)
        except (ValueError, TypeError, IndexError):
            return None

    def _compile(self, operation: Operation) -> Step | None:
        if operation.function == "leaf":
            return None
        try:
            function = resolve(operation.function)
            step = _bind(function, operation, self.tape)
            with np.errstate(all="ignore"), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                again = step(self.originals)
        except Exception:
            return None
        return step if agrees(again, self.recorded[operation.result]) else None

    def evaluate(
        self,
        changes: Mapping[int, Any],
        wanted: Sequence[int],
        rules: Mapping[int, Rule] | None = None,
    ) -> dict[int, Any]:
        """Values of the tape had some of them been different.

        Args:
            changes: Value number -> array in its place. What is computed from it is computed again.
            wanted: The values to return.
            rules: Operation number -> what makes its result instead; called with a function that gives the array of
                a value number as it is at that point of the replay.

        Returns:
            The array of each wanted value.

        Raises:
            ReplayError: An operation, or a rule, failed on the changed operands.
        """
        return {number: _plain(array) for number, array in self._evaluate(changes, wanted, rules).items()}

    def _evaluate(
        self, changes: Mapping[int, Any], wanted: Sequence[int], rules: Mapping[int, Rule] | None = None
    ) -> dict[int, Any]:
        """As the program would hold them."""
        rules = rules or {}
        plan = self._plan(frozenset(changes), tuple(wanted), rules)
        values = self._values
        touched = list(changes)
        for number, array in changes.items():
            values[number] = self._as_original(number, array)
        operation = -1
        try:
            with np.errstate(all="ignore"), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                for operation, result, step in plan:  # noqa: B007
                    touched.append(result)
                    values[result] = step(values)
            return {number: values[number] for number in wanted}
        except Exception as error:
            raise ReplayError(f"{type(error).__name__}: {error}", operation) from error
        finally:
            for number in touched:
                values[number] = self.originals[number]

    def _as_original(self, number: int, array: Any) -> Any:
        """An array in the place of a value: where that is an `np.matrix`, one too."""
        is_matrix = isinstance(self.originals[number], np.matrix) and type(array) is np.ndarray and array.ndim == 2
        return np.asmatrix(array) if is_matrix else array

    def moved(self, changes: Mapping[int, Any], until: int | None = None) -> Replay:
        """The same run from another point: a replay whose recorded values are those that `changes` lead to.

        Args:
            changes: Value number -> array in its place.
            until: Operations from this one on keep what they gave.

        Raises:
            ReplayError: An operation failed on the changed operands.
        """
        other = Replay(self.tape)
        wanted = sorted(self.dependents(changes, until) - set(changes))
        other._take({**changes, **self._evaluate(changes, wanted)})
        other._steps, other.cut, other._readers = self._steps, self.cut, self._readers
        other._steps_in_place = self._steps_in_place
        return other

    def edited(self, operations: Mapping[int, Operation], until: int | None = None) -> Replay:
        """The same run had some operations been others: another axis, another function.

        Args:
            operations: Number of an operation -> the one in its place, with the same number and result.
            until: Operations from this one on keep what they gave.

        Raises:
            CannotReplayError: An operation is not known.
            ReplayError: An operation failed, on its own operands or on changed ones.
        """
        tape = replace(self.tape, operations=[operations.get(o.number, o) for o in self.tape.operations])
        steps = {number: _bind(resolve(o.function), o, tape) for number, o in operations.items()}
        # What is computed from them is first looked at as it was recorded, and may then be replayed on other operands.
        for operation in self.tape.operations[:until]:
            if operation.number not in steps:
                self.step(operation)
        other = Replay(tape)
        other._take({v: a for v, a in enumerate(self.originals) if a is not other.originals[v]})
        other._steps, other.cut = {**self._steps, **steps}, self.cut
        results = {o.result for o in operations.values()}
        rules = {number: _called(step) for number, step in steps.items()}
        other._take(other._evaluate({}, sorted(other.dependents(results, until)), rules))
        return other

    def _take(self, arrays: Mapping[int, Any]) -> None:
        for number, array in arrays.items():
            self.originals[number] = self._values[number] = self._as_original(number, array)
            self.recorded[number] = _plain(array)

    def in_double(self) -> Replay:
        """This replay if all is in double precision; else the same run with its leaves taken as double precision."""
        operations = self.tape.operations
        single = {}
        for value in self.tape.values:
            is_leaf = value.producer is None or operations[value.producer].function == "leaf"
            if is_leaf and value.dtype in {"float32", "float16"} and isinstance(value.array, np.ndarray | np.generic):
                single[value.number] = np.asanyarray(value.array).astype(np.float64)
        return self.moved(single) if single else self

    def _between(self, downstream: set[int], wanted: Iterable[int]) -> set[int]:
        """What has to be computed again for the wanted values; what only leads to a changed one has not."""
        found: set[int] = set()
        open_values = [number for number in wanted if number in downstream]
        while open_values:
            number = open_values.pop()
            if number in found:
                continue
            found.add(number)
            producer = self.tape.values[number].producer
            if producer is not None:
                inputs = self.tape.operations[producer].inputs
                open_values.extend(i for i in inputs if i in downstream and i not in found)
        return found

    def _plan(
        self, changed: frozenset[int], wanted: tuple[int, ...], rules: Mapping[int, Rule]
    ) -> list[tuple[int, int, Step]]:
        key = (changed, wanted)
        if not rules and key in self._plans:
            return self._plans[key]
        operations = self.tape.operations
        replaced = {operations[number].result for number in rules}
        last = max(map(self._made, wanted), default=-1)
        downstream = self.dependents(changed | replaced, last + 1)
        needed = self._between(downstream - changed, wanted)
        plan: list[tuple[int, int, Step]] = []
        for number in sorted(self._made(v) for v in needed):
            if number < 0:
                continue
            operation = operations[number]
            step = _ruled(rules[number]) if number in rules else self.step(operation)
            if step is not None:
                plan.append((number, operation.result, step))
        if not rules:
            plan = list(self._written_in_place(plan, wanted))
            if len(self._plans) > 64:
                self._plans.clear()
            self._plans[key] = plan
        return plan

    def _written_in_place(
        self, plan: Sequence[tuple[int, int, Step]], wanted: Sequence[int]
    ) -> Iterator[tuple[int, int, Step]]:
        """A plan in which arrays that are filled item by item are copied once, and not for every item.

        That is so for what an item was set in before, which was a copy, and what nobody reads but who sets the next.
        """
        operations = self.tape.operations
        read = Counter(value for number, _, _ in plan for value in operations[number].inputs)
        read.update(wanted)
        copies: set[int] = set()
        for number, result, step in plan:
            operation = operations[number]
            function = _here(operation)
            if function is not None:
                first = operation.arguments[0].value
                alone = read[first] == 1 and first in copies and first not in refs(operation.arguments[1:])
                copies.add(result)
                if alone and number not in self._steps_in_place:
                    self._steps_in_place[number] = _bind(function, operation, self.tape)
                yield number, result, self._steps_in_place[number] if alone else step
            else:
                yield number, result, step


def _here(operation: Operation) -> Callable[..., Any] | None:
    """What sets an item in an array itself, for an operation that does so in a copy of it."""
    if operation.keywords or not operation.arguments or not isinstance(operation.arguments[0], Ref):
        return None
    if operation.function == "setitem":
        return set_item_here
    keyed = operation.function in _KEYED and len(operation.arguments) == 3
    return change_item_here(operation.function) if keyed else None


def _ruled(rule: Rule) -> Step:
    return lambda values: rule(values.__getitem__)


class _Getter:
    """A function of value numbers, read as if it were a list."""

    def __init__(self, get: Callable[[int], Any]) -> None:
        self._get = get

    def __getitem__(self, number: int) -> Any:
        return self._get(number)


def _plain(array: Any) -> Any:
    return array.view(np.ndarray) if isinstance(array, np.matrix) else array


def _called(step: Step) -> Rule:
    return lambda get: step(_Getter(get))


def agrees(again: Any, before: Any, tolerance: float = 1e-6) -> bool:
    """Whether a replayed value is the recorded one, up to rounding."""
    if isinstance(before, float) and isinstance(again, float):
        same = again == before or (math.isnan(again) and math.isnan(before))
        return same or abs(again - before) <= tolerance * abs(before)
    try:
        new, old = np.asarray(again), np.asarray(before)
    except (TypeError, ValueError):
        return False
    if new.shape != old.shape or new.dtype == object:
        return False
    if old.dtype.kind not in "fc":
        return bool(np.array_equal(new, old))
    if np.array_equal(new, old):
        return True
    finite = np.isfinite(old)
    if not np.array_equal(finite, np.isfinite(new)):
        return False
    scale = float(np.abs(old[finite]).max(initial=0.0))
    return bool(np.abs(new[finite] - old[finite]).max(initial=0.0) <= tolerance * scale)


# -- operations as functions of all values --------------------------------------------------------------------------


def _bind(function: Callable[..., Any], operation: Operation, tape: Tape) -> Step:
    arguments, keywords = operation.arguments, operation.keywords
    if operation.function == AS_STRIDED:
        keywords = {**keywords, "dtype": np.dtype(tape.values[operation.inputs[0]].dtype)}
    elif operation.function in COUNTING_BYTES:
        arguments = (*arguments, np.dtype(tape.values[operation.inputs[0]].dtype))
    if keywords or not all(isinstance(a, Ref) or is_plain(a) for a in arguments):
        check_fillable((arguments, keywords))
    if keywords or not all(isinstance(a, Ref) or is_constant(a) for a in arguments):
        return lambda values: function(*fill(arguments, values), **fill(keywords, values))
    if len(arguments) == 1 and isinstance(arguments[0], Ref):
        only = arguments[0].value
        return lambda values: function(values[only])
    if len(arguments) == 2:
        left, right = arguments
        if isinstance(left, Ref) and isinstance(right, Ref):
            a, b = left.value, right.value
            return lambda values: function(values[a], values[b])
        if isinstance(left, Ref):
            a = left.value
            return lambda values: function(values[a], right)
        if isinstance(right, Ref):
            b = right.value
            return lambda values: function(left, values[b])
    slots = [(a.value, None) if isinstance(a, Ref) else (-1, a) for a in arguments]
    return lambda values: function(*[values[n] if n >= 0 else constant for n, constant in slots])


_PLAIN = (int, float, complex, str, bytes, bool, type(None), type(Ellipsis), np.dtype, type, np.generic)


def is_plain(thing: Any) -> bool:
    """Whether an argument of an operation is a constant."""
    return isinstance(thing, _PLAIN) or (isinstance(thing, slice | range) and not _slice_refs(thing))


def is_constant(structure: Any) -> bool:
    """Whether no array has to be filled into a nest of arguments: the index of an item is mostly known."""
    if isinstance(structure, list | tuple):
        return all(map(is_constant, structure))
    return is_plain(structure)


def _slice_refs(thing: Any) -> bool:
    return isinstance(thing, slice) and any(isinstance(p, Ref) for p in (thing.start, thing.stop, thing.step))


def check_fillable(structure: Any) -> None:
    """Make sure that every argument is known.

    Raises:
        CannotReplayError: One is of a type that the tape does not follow.
    """
    if isinstance(structure, Ref | slice) or is_plain(structure):
        return
    if isinstance(structure, dict):
        structure = list(structure.values())
    if not isinstance(structure, list | tuple):
        raise CannotReplayError(repr(structure))
    for element in structure:
        check_fillable(element)


def fill(structure: Any, values: Any) -> Any:
    """A nest of arguments with every `Ref` replaced by its array."""
    if isinstance(structure, Ref):
        return values[structure.value]
    if isinstance(structure, tuple):
        return tuple([fill(element, values) for element in structure])
    if isinstance(structure, list):
        return [fill(element, values) for element in structure]
    if isinstance(structure, dict):
        return {key: fill(element, values) for key, element in structure.items()}
    if isinstance(structure, slice):
        return slice(fill(structure.start, values), fill(structure.stop, values), fill(structure.step, values))
    return structure


__all__ = ["CannotReplayError", "Replay", "ReplayError", "agrees", "resolve"]
