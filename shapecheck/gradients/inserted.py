"""Operations that a program did not run, added to its tape as if it had: a loss on other values."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np

from shapecheck.gradients.functions import CannotReplayError, resolve
from shapecheck.gradients.hypotheses import RECOMPUTED
from shapecheck.gradients.replay import fill
from shapecheck.trace.tape import ELSEWHERE, Operation, Ref, Tape, Value, refs

# So many losses are tried.
MOST_LOSSES = 6
# A longer loss is that of many samples one by one.
LONGEST = 400


@dataclass
class Counterpart:
    """A loss as it is to be computed in another place.

    Attributes:
        image: Value -> its counterpart.
        added: The operations without one, in order.
        after: Number of the last operation that has to come first.
    """

    image: dict[int, int]
    added: list[Operation]
    after: int


class Inserted:
    """A tape in the making, with operations added to it."""

    def __init__(self, tape: Tape) -> None:
        self.tape = tape
        self.values = [replace(v) for v in tape.values]
        self.added: dict[int, list[Operation]] = {}
        self.image: dict[int, int] = {}

    def insert(self, before: int, losses: list[Counterpart]) -> None:
        """Compute the first of some losses that can be computed before an operation."""
        for loss in losses:
            if loss.after >= before:
                continue
            count = len(self.values)
            self.image = dict(loss.image)
            try:
                added = [self.computed(operation, last=operation is loss.added[-1]) for operation in loss.added]
            except (CannotReplayError, ValueError, TypeError, IndexError, KeyError, ArithmeticError):
                del self.values[count:]
                continue
            self.added.setdefault(loss.after + 1, []).extend(added)
            return

    def tape_with_them(self) -> Tape:
        """The new tape."""
        places = sorted(self.added)
        operations: list[Operation] = []
        for begin, end in pairwise([0, *places, len(self.tape.operations)]):
            operations += [*self.added.get(begin, ()), *self.tape.operations[begin:end]]
        operations = [replace(operation, number=number) for number, operation in enumerate(operations)]
        for operation in operations:
            self.values[operation.result].producer = operation.number
        before = [sum(len(self.added[p]) for p in places[:count]) for count in range(len(places) + 1)]

        def later(time: int) -> int:
            return time + before[bisect_left(places, time)]

        return replace(
            self.tape,
            values=self.values,
            operations=operations,
            bindings=[replace(b, time=later(b.time)) for b in self.tape.bindings],
            accesses=[replace(a, time=later(a.time)) for a in self.tape.accesses],
            returns=[(later(time), site, values) for time, site, values in self.tape.returns],
            memory={},
        )

    def computed(self, operation: Operation, *, last: bool) -> Operation:
        """An operation on the counterparts of its operands, and its result as a new value."""
        arguments, keywords = self.moved(operation.arguments), self.moved(operation.keywords)
        function = resolve(operation.function)
        with np.errstate(all="ignore"):
            array = np.asarray(function(*fill(arguments, self), **fill(keywords, self)))
        if array.dtype.kind not in "fbiu":
            raise TypeError("no numbers")
        number = len(self.values)
        self.values.append(Value(number, array, array.shape, str(array.dtype), None, -1 - number))
        self.image[operation.result] = number
        # A loss is known by the expression that computes it; the rest is not there, and nothing can be said of it.
        site = operation.site if last else None
        inputs = tuple(dict.fromkeys(refs([arguments, keywords])))
        label = ELSEWHERE if last else RECOMPUTED
        made = replace(operation, site=site, label=label, arguments=arguments, keywords=keywords)
        return replace(made, inputs=inputs, result=number)

    def __getitem__(self, value: int) -> Any:
        """The array of a value, old or new."""
        return self.values[value].array

    def moved(self, structure: Any) -> Any:
        """A nest of operands with each value's counterpart in its place."""
        if isinstance(structure, Ref):
            return Ref(self.image[structure.value])
        if isinstance(structure, list | tuple):
            return type(structure)(self.moved(element) for element in structure)
        if isinstance(structure, dict):
            return {key: self.moved(element) for key, element in structure.items()}
        if isinstance(structure, slice):
            return slice(*(self.moved(p) for p in (structure.start, structure.stop, structure.step)))
        return structure


__all__ = ["Counterpart", "Inserted"]
