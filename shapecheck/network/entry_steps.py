"""Steps that move some entries of an array only: one number, a row, a slice, one after the other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shapecheck.trace.tape import Operation, Ref, Tape

_SIGNS = {"+=": 1, "-=": -1, "numpy.add.at": 1, "numpy.subtract.at": -1}
_SUMS = {"+": 1, "-": -1}
_VIEWS = frozenset(["getitem", "view", ".T"])
_PRODUCTS = frozenset(["*", "/", "unary-", "numpy.multiply"])
# Larger arrays are seldom stepped by the entry, and so many steps take too long to follow.
_MOST_ENTRIES = 20_000
_MOST_STEPS = 6_000
# How far the terms of a change are followed.
_DEEP = 6


@dataclass(slots=True)
class EntryStep:
    """One such step.

    Attributes:
        operation: What changes the array in place: `W[i] -= c`, or `W[i] = ...`.
        old, new: The whole array before and after it.
        change: What is added or taken away, and `sign` which of both.
        index: Which entries of `target` are moved; None for all of them.
        target: The array that is written to: the whole one, or a view of it.
        back: The operation that carries the change from the view to the whole array; None where there is no view.
        total: The operation that makes the sum where that is apart: `W[i] - c` in `W[i] = W[i] - c`.
    """

    operation: Operation
    old: int
    new: int
    change: Any
    sign: int
    index: Any
    target: int
    back: Operation | None = None
    total: Operation | None = None

    @property
    def last(self) -> int:
        """The number of the operation that makes the new array."""
        return (self.back or self.operation).number


@dataclass(slots=True)
class SteppedByEntry:
    """An array that is stepped so: its steps, and all its versions with the number of steps made before each."""

    steps: list[EntryStep] = field(default_factory=list)
    versions: dict[int, int] = field(default_factory=dict)


class Places:
    """Which entries of which array a value holds."""

    def __init__(self, tape: Tape) -> None:
        self.tape = tape
        self._known: dict[int, NDArray[np.int64] | None] = {}

    def base(self, value: int) -> int:
        """The array that a value is a part of; itself where it is none."""
        while (operation := self._viewing(value)) is not None:
            value = operation.arguments[0].value
        return value

    def entries(self, value: int) -> NDArray[np.int64] | None:
        """The positions of a value's entries in its base, counted row by row; None where they cannot be told."""
        if value not in self._known:
            self._known[value] = self._entries(value)
        return self._known[value]

    def within(self, target: int, index: Any) -> NDArray[np.int64] | None:
        """The positions of some entries of a value."""
        known = self.entries(target)
        if known is None or index is None:
            return known
        try:
            return np.asarray(known[self.filled(index)])
        except (IndexError, TypeError, ValueError):
            return None

    def filled(self, index: Any) -> Any:
        """An index with its arrays in place."""
        if isinstance(index, Ref):
            return self.tape.values[index.value].array
        if isinstance(index, tuple):
            return tuple(self.filled(part) for part in index)
        if isinstance(index, slice):
            return slice(self.filled(index.start), self.filled(index.stop), self.filled(index.step))
        return index

    def _viewing(self, value: int) -> Operation | None:
        producer = self.tape.values[value].producer
        operation = self.tape.operations[producer] if producer is not None else None
        known = operation is not None and operation.function in _VIEWS and isinstance(operation.arguments[0], Ref)
        return operation if known else None

    def _entries(self, value: int) -> NDArray[np.int64] | None:
        operation = self._viewing(value)
        known = self.tape.values[value]
        if operation is None:
            small = 0 < known.size <= _MOST_ENTRIES and known.dtype == "float64"
            return np.arange(known.size).reshape(known.shape) if small else None
        whole = self.entries(operation.arguments[0].value)
        if whole is None or operation.keywords:
            return None
        if operation.function == ".T":
            return whole.T
        if operation.function == "getitem":
            return self.within(operation.arguments[0].value, operation.arguments[1])
        _, offset, shape, strides = operation.arguments
        try:
            return np.ndarray(shape, np.int64, np.ascontiguousarray(whole), offset, strides)
        except (TypeError, ValueError):
            return None


def stepped_by_entry(tape: Tape, places: Places) -> list[SteppedByEntry]:
    """The arrays of which single entries, rows or slices are stepped, by what was made from the array.

    Tables that are pulled towards a value of the entry itself (`Q[s] += rate * (goal - Q[s])`) are none of them, unless
    how hard they are pulled depends on them, too, as for the centres of radial basis functions.

    Args:
        tape: With whole values.
        places: Of the same tape.
    """
    found: dict[int, SteppedByEntry] = {}
    backs = {o.arguments[1].value: o for o in tape.operations if o.function == "write_back"}
    count = 0
    for operation in tape.operations:
        step = _step(tape, places, operation, backs)
        if step is None:
            continue
        count += 1
        if count > _MOST_STEPS:
            return []
        array = found.get(step.old)
        if array is None:
            array = SteppedByEntry(versions={step.old: 0})
            found[step.old] = array
        array.steps.append(step)
        array.versions[step.new] = len(array.steps)
        found[step.new] = array
    arrays = list({id(a): a for a in found.values()}.values())
    lines = step_lines(tape, arrays)
    return [a for a in arrays if not _is_table(tape, places, a) and _sees_itself(tape, a, lines)]


def step_lines(tape: Tape, arrays: Sequence[SteppedByEntry]) -> set[tuple[str, int]]:
    """The lines that steps are written on, as (file, line)."""
    lines: set[tuple[str, int]] = set()
    for step in (step for array in arrays for step in array.steps):
        for operation in (step.operation, step.total):
            site = tape.sites[operation.site] if operation is not None and operation.site is not None else None
            if site is not None:
                lines.update((site.path, line) for line in range(site.line, site.end_line + 1))
    return lines


def is_on(tape: Tape, operation: Operation, lines: set[tuple[str, int]]) -> bool:
    """Whether an operation is written on one of some lines."""
    site = tape.sites[operation.site] if operation.site is not None else None
    return site is not None and (site.path, site.line) in lines


def _step(tape: Tape, places: Places, operation: Operation, backs: dict[int, Operation]) -> EntryStep | None:
    function, arguments = operation.function, operation.arguments
    if not arguments or not isinstance(arguments[0], Ref) or operation.keywords:
        return None
    target = arguments[0].value
    base, back = places.base(target), backs.get(operation.result)
    if base != target and (back is None or back.arguments[0] != Ref(base)):
        return None
    if base == target and (back is not None or len(arguments) < 3):
        return None
    value = tape.values[base]
    if value.dtype != "float64" or not 1 < value.size <= _MOST_ENTRIES:
        return None
    new = back.result if back is not None else operation.result
    if function in _SIGNS:
        at = function.endswith(".at")
        change = arguments[2] if at else arguments[1]
        index = arguments[1] if at else arguments[2] if len(arguments) == 3 else None
        return EntryStep(operation, base, new, change, _SIGNS[function], index, target, back)
    if function == "setitem" and isinstance(arguments[2], Ref):
        for total, change, sign in _sums(tape, places, arguments[2].value, target, arguments[1]):
            return EntryStep(operation, base, new, change, sign, arguments[1], target, back, total)
    return None


def _sums(tape: Tape, places: Places, value: int, target: int, index: Any) -> Iterator[tuple[Operation, Any, int]]:
    """The sum of some entries and a change that a value is: the operation, the change, and its sign."""
    producer = tape.values[value].producer
    operation = tape.operations[producer] if producer is not None else None
    if operation is None or operation.function not in _SUMS or len(operation.arguments) != 2:
        return
    sign = _SUMS[operation.function]
    where = places.within(target, index)
    pairs = [operation.arguments, operation.arguments[::-1]] if sign > 0 else [operation.arguments]
    for old, change in pairs:
        if isinstance(old, Ref) and places.base(old.value) != old.value:
            held = places.entries(old.value)
            same = tape.values[places.base(old.value)].shape == tape.values[places.base(target)].shape
            if where is not None and held is not None and same and np.array_equal(held, where):
                yield operation, change, sign


def _is_table(tape: Tape, places: Places, array: SteppedByEntry) -> bool:
    """Whether the entries are pulled towards what they should be."""
    step = array.steps[0]
    where = places.within(step.target, step.index)
    return where is None or (
        isinstance(step.change, Ref) and _has_term(tape, places, step.change.value, (array, where), summed=False)
    )


def _has_term(
    tape: Tape,
    places: Places,
    value: int,
    own: tuple[SteppedByEntry, NDArray[np.int64]],
    *,
    summed: bool,
    deep: int = 0,
) -> bool:
    """Whether an array's own entries are a term of a value, not multiplied by anything that depends on the array."""
    base = places.base(value)
    if summed and base != value and base in own[0].versions:
        held = places.entries(value)
        return held is not None and np.array_equal(held, own[1])
    producer = tape.values[value].producer
    if producer is None or deep > _DEEP:
        return False
    operation = tape.operations[producer]
    if operation.function not in _PRODUCTS and operation.function not in _SUMS:
        return False
    summed = operation.function in _SUMS
    for number in operation.inputs:
        if _has_term(tape, places, number, own, summed=summed, deep=deep + 1):
            return summed or not any(_depends(tape, n, own[0]) for n in operation.inputs if n != number)
    return False


def _born(tape: Tape, array: SteppedByEntry) -> int:
    """The operation that made the array's first version, -1 where none did: what was made before has not read it."""
    producer = tape.values[next(iter(array.versions))].producer
    return -1 if producer is None else producer


def _depends(tape: Tape, value: int, array: SteppedByEntry) -> bool:
    """Whether a value was computed from any version of an array."""
    open_values, seen = [value], set[int]()
    born = _born(tape, array)
    while open_values:
        number = open_values.pop()
        if number in array.versions:
            return True
        producer = tape.values[number].producer
        if number not in seen and producer is not None and producer > born:
            open_values.extend(tape.operations[producer].inputs)
        seen.add(number)
    return False


def _sees_itself(tape: Tape, array: SteppedByEntry, lines: set[tuple[str, int]]) -> bool:
    """Whether a change was made from the array, read elsewhere than where it is stepped."""
    open_values = [s.change.value for s in array.steps[:50] if isinstance(s.change, Ref)]
    seen: set[int] = set()
    born = _born(tape, array)
    while open_values:
        number = open_values.pop()
        producer = tape.values[number].producer
        if number in seen or producer is None or producer <= born or number in array.versions:
            continue
        seen.add(number)
        operation = tape.operations[producer]
        if any(n in array.versions for n in operation.inputs) and not is_on(tape, operation, lines):
            return True
        open_values.extend(operation.inputs[:1] if operation.function == "getitem" else operation.inputs)
    return False


__all__ = ["EntryStep", "Places", "SteppedByEntry", "is_on", "step_lines", "stepped_by_entry"]
