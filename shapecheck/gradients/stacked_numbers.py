"""Training steps of single numbers, side by side: one step of arrays that hold an entry for each of them.

A number is a multiple of any other, so a step of single numbers says little of its gradients. Several steps that did
the same operations say as much as a step on a batch does: their values are stacked, and as all operations work entry
by entry, so does the derivative of a loss by each of them.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np

from shapecheck.network.parameters import Parameter, find_parameters, side_by_side
from shapecheck.trace.tape import Binding, Operation, Ref, Tape, Value, refs

# So many updates of a parameter are looked at to find steps that did the same; so many steps are enough.
_MOST_UPDATES = 48
_MOST_LANES = 12
_FEWEST_LANES = 4
# Steps whose changes differ by more are not held side by side.
_RANGE = 300.0
# The functions for single numbers that have another name where they work entry by entry.
_ENTRYWISE = {
    "builtins.abs": "numpy.abs",
    "builtins.float": "numpy.asarray",
    "builtins.max": "numpy.maximum",
    "builtins.min": "numpy.minimum",
    "builtins.round": "numpy.round",
    "math.acos": "numpy.arccos",
    "math.asin": "numpy.arcsin",
    "math.atan": "numpy.arctan",
    "math.atan2": "numpy.arctan2",
    "math.erf": "scipy.special.erf",
    "math.fabs": "numpy.abs",
    "math.pow": "numpy.power",
}


class _CannotStackError(Exception):
    """The steps are not alike after all."""


@dataclass
class Stack:
    """Steps of single numbers as one step.

    Attributes:
        tape: The one step.
        values: For each value of that tape, the values of the program's tape that it stands for, one for each step; a
            number that was written down has none.
        operations: The same for its operations.
        begins: Whether the program's first step is the first of these.
    """

    tape: Tape
    values: list[tuple[int | None, ...]] = field(default_factory=list)
    operations: list[tuple[int, ...]] = field(default_factory=list)
    begins: bool = False


def stacked(tape: Tape) -> Stack | None:
    """The steps of a tape as one step; None where its parameters are no single numbers, or no steps are alike."""
    if "stacked" not in tape.memory:
        try:
            tape.memory["stacked"] = _stacked(tape)
        except _CannotStackError:
            tape.memory["stacked"] = None
    found: Stack | None = tape.memory["stacked"]
    return found


def is_stacked(tape: Tape) -> bool:
    """Whether a tape is such a step, and its arrays are single numbers."""
    return "is stacked" in tape.memory


def _stacked(tape: Tape) -> Stack | None:
    first = find_parameters(tape)
    if not first or any(tape.values[p.birth].shape != () for p in first):
        return None
    parameters = side_by_side(find_parameters(tape, most_updates=_MOST_UPDATES))
    count = min(len(p.updates) for p in parameters)
    windows = _windows(tape, parameters, count)
    groups: dict[Any, list[int]] = defaultdict(list)
    for number, window in enumerate(windows):
        groups[tuple((o.function, o.site, len(o.arguments)) for o in window)].append(number)
    # The longest may compute a loss that the others do not.
    for _, numbers in sorted(groups.items(), key=lambda pair: -len(pair[0])):
        chosen = _of_one_size(tape, parameters, numbers)[:_MOST_LANES]
        if len(chosen) >= _FEWEST_LANES:
            stack = _Stacking(tape, [windows[n] for n in chosen]).run(parameters, chosen)
            stack.begins = chosen[0] == 0 and not any(p.late for p in parameters)
            return stack
    return None


def _windows(tape: Tape, parameters: Sequence[Parameter], count: int) -> list[list[Operation]]:
    """The operations of each step: those after the last update before it, up to its own last update."""
    firsts = [min(p.updates[n].operation for p in parameters) for n in range(count)]
    lasts = [max(p.updates[n].operation for p in parameters) for n in range(count)]
    if count < _FEWEST_LANES or any(last >= first for last, first in zip(lasts, firsts[1:], strict=False)):
        raise _CannotStackError
    begun = max(-1, lasts[0] - (lasts[1] - lasts[0]))  # nothing shows where the first step begins but the second one
    return [tape.operations[a + 1 : b + 1] for a, b in pairwise([begun, *lasts])]


def _of_one_size(tape: Tape, parameters: Sequence[Parameter], numbers: Sequence[int]) -> list[int]:
    """The steps whose changes are about as large as those of the first: others would not count beside them."""
    sizes = [max(abs(float(tape.values[p.updates[n].change].array)) for p in parameters) for n in numbers]
    return [n for n, size in zip(numbers, sizes, strict=True) if sizes[0] / _RANGE < size < sizes[0] * _RANGE]


class _Stacking:
    """The one step in the making."""

    def __init__(self, tape: Tape, windows: list[list[Operation]]) -> None:
        self.tape = tape
        self.windows = windows
        self.stack = Stack(Tape(tape.sites, memory={"is stacked": True}))
        self.numbers: dict[tuple[Any, ...], int] = {}
        self.left_out: set[int] = set()  # values of the program's tape that hang on parameters, and are no numbers
        self.moving: set[int] = set()  # values that hang on parameters
        self.names: dict[int, Binding] = {b.value: b for b in reversed(tape.bindings)}

    def run(self, parameters: Sequence[Parameter], chosen: Sequence[int]) -> Stack:
        self.moving.update(number for p in parameters for u in p.updates for number in (u.old, u.new))
        for operations in zip(*self.windows, strict=True):
            self.operate(operations)
        for parameter in parameters:
            updates = [parameter.updates[n] for n in chosen]
            old = self.numbers.get(tuple(u.old for u in updates))
            new = self.numbers.get(tuple(u.new for u in updates))
            if old is None or new is None:
                raise _CannotStackError
            site = self.windows[0][-1].site or 0
            made = self.stack.tape.values[new].producer or 0
            # Its place is known by its name alone: a number has no identity, and whatever else it is called misleads.
            self.stack.tape.bindings = [b for b in self.stack.tape.bindings if b.value not in {old, new}]
            self.stack.tape.bindings.append(Binding(0, site, parameter.name, old))
            self.stack.tape.bindings.append(Binding(made + 1, site, parameter.name, new))
        found = {p.birth for p in find_parameters(self.stack.tape)}
        if found != {self.numbers[tuple(p.updates[n].old for n in chosen)] for p in parameters}:
            raise _CannotStackError
        return self.stack

    def operate(self, operations: tuple[Operation, ...]) -> None:
        first, tape = operations[0], self.stack.tape
        moving = any(not self.moving.isdisjoint(o.inputs) for o in operations)
        if moving:
            self.moving.update(o.result for o in operations)
        results = tuple(o.result for o in operations)
        if not all(self.is_number(n) for n in results) or any(
            not self.left_out.isdisjoint(o.inputs) for o in operations
        ):
            if moving:
                self.left_out.update(results)  # what only a printed loss is made from may be an array
            return
        number = len(tape.operations)
        known = first.function != "leaf" and all(self.is_number(n) for o in operations for n in o.inputs)
        if not known and moving:
            self.left_out.update(results)
            return
        arguments = self.merged([o.arguments for o in operations]) if known else ()
        keywords = self.merged([o.keywords for o in operations]) if known else {}
        inputs = tuple(dict.fromkeys(refs((arguments, keywords))))
        if results in self.numbers:
            raise _CannotStackError  # made twice
        result = self.value(results, [self.tape.values[n].array for n in results], number)
        # An entry of the data is as good as a number that was written down.
        function = self.function(first) if known else "leaf"
        made = Operation(number, first.site, function, arguments, keywords, inputs, result, first.label)
        tape.operations.append(made)
        self.stack.operations.append(tuple(o.number for o in operations))

    def is_number(self, value: int) -> bool:
        """Whether a value of the program's tape is one number."""
        return _holds_number(self.tape.values[value].array)

    @staticmethod
    def function(operation: Operation) -> str:
        """The name under which an operation works entry by entry."""
        name = operation.function
        if name in {"builtins.max", "builtins.min"} and len(operation.arguments) != 2:
            raise _CannotStackError
        library, _, rest = name.partition(".")
        if library == "math" and name not in _ENTRYWISE:
            return f"numpy.{rest}"
        return _ENTRYWISE.get(name, name)

    def value(self, key: tuple[Any, ...], numbers: Sequence[Any], producer: int | None) -> int:
        """A value that holds a number for each step."""
        if not all(map(_holds_number, numbers)):
            raise _CannotStackError
        array = np.array([float(_plain(n)) for n in numbers])
        found = len(self.stack.tape.values)
        self.stack.tape.values.append(Value(found, array, array.shape, "float64", producer, -1 - found))
        self.stack.values.append(tuple(k if isinstance(k, int) else None for k in key))
        self.numbers[key] = found
        self.name(found, key)
        return found

    def name(self, value: int, key: tuple[Any, ...]) -> None:
        """Give a value that was there before the name that all it stands for have."""
        known = [self.names.get(k) for k in key if isinstance(k, int)]
        first = known[0] if known else None
        if first is not None and all(b is not None and b.name == first.name for b in known):
            time = len(self.stack.tape.operations)
            self.stack.tape.bindings.append(Binding(time, first.site, first.name, value))

    def merged(self, parts: list[Any]) -> Any:
        """One argument for those of all steps."""
        first = parts[0]
        if any(isinstance(p, Ref) for p in parts):
            key = tuple(p.value if isinstance(p, Ref) else (type(p).__name__, p) for p in parts)
            arrays = [self.tape.values[p.value].array if isinstance(p, Ref) else p for p in parts]
            return Ref(self.numbers[key] if key in self.numbers else self.value(key, arrays, None))
        if any(type(p) is not type(first) for p in parts) and not all(_is_number(p) for p in parts):
            raise _CannotStackError
        if isinstance(first, list | tuple):
            if len({len(p) for p in parts}) > 1:
                raise _CannotStackError
            return type(first)([self.merged(list(each)) for each in zip(*parts, strict=True)])
        if isinstance(first, dict):
            if len({tuple(p) for p in parts}) > 1:
                raise _CannotStackError
            return {name: self.merged([p[name] for p in parts]) for name in first}
        if all(p is first or p == first for p in parts):
            return first
        if all(_is_number(p) for p in parts):
            key = tuple((type(p).__name__, p) for p in parts)
            return Ref(self.numbers[key] if key in self.numbers else self.value(key, parts, None))
        raise _CannotStackError


def _plain(thing: Any) -> Any:
    return thing.item() if isinstance(thing, np.ndarray) and thing.shape == () else thing


def _holds_number(thing: Any) -> bool:
    plain = _plain(thing)
    return np.shape(plain) == () and isinstance(plain, int | float | np.generic)


def _is_number(thing: Any) -> bool:
    return isinstance(thing, int | float) and not (isinstance(thing, float) and math.isnan(thing))


__all__ = ["Stack", "is_stacked", "stacked"]
