"""What the changes of single entries are made of: terms that hold for the whole array, such as a velocity's.

`v[i] = 0.9 * v[i] - rate * g[i]; w[i] += v[i]` is `w += 0.9 * v - rate * g`, if the loop goes over all entries.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shapecheck.network.entry_steps import EntryStep, Places
from shapecheck.trace.tape import Operation, Ref, Tape

_SUMS = frozenset(["+", "-"])
_BINARY = _SUMS | {"*", "/", "**"}
_ENTRYWISE = {"numpy.sqrt": "numpy.sqrt", "math.sqrt": "numpy.sqrt", "unary-": "unary-", "numpy.abs": "numpy.abs"}
_COPIES = frozenset([".copy", "numpy.copy", "numpy.array"])
# What stores entries in an array, and which of the arguments says which.
_STORES = {"setitem": 1, "+=": 2, "-=": 2}
# So far is looked back for what an entry was set to, and so deep into what it was made from.
_MOST_VERSIONS = 400
_DEEP = 8


@dataclass(frozen=True)
class _Entry:
    """The entries that a step moves, of a version of another array: what they held before they were added to."""

    version: int


Compute = Callable[[str, tuple[Any, ...]], int]
Assemble = Callable[[list[Any]], int]


class EntryTerms:
    """The steps of one array in one training step, seen as terms of a whole array's change.

    Args:
        tape: With whole values.
        places: Of the same tape.
        steps: Those steps.
        since: The operation that the training step begins with.
        compute: Makes a new value: the function and its arguments.
        assemble: Puts one value for each step together in an array of noughts.
    """

    def __init__(
        self, tape: Tape, places: Places, steps: Sequence[EntryStep], since: int, compute: Compute, assemble: Assemble
    ) -> None:
        self.tape = tape
        self.places = places
        self.steps = steps
        self.compute = compute
        self.assemble = assemble
        self.shape = tape.values[steps[0].old].shape
        self.own = [places.within(s.target, s.index) for s in steps]
        self.since = since
        held = [own for own in self.own if own is not None]
        moved = np.concatenate([own.reshape(-1) for own in held]) if held else np.zeros(0)
        # Whether every entry is moved, and once: then any function of entries is one of the whole arrays.
        self.all = len(held) == len(steps) and moved.size == len(set(moved.tolist())) == int(np.prod(self.shape))
        self.written = {o.inputs[0] for o in tape.operations if o.function in {*_STORES, "write_back"} and o.inputs}

    def whole(self, changes: list[Any], deep: int = 0) -> Any:
        """One array for all the changes, or the one number that they all are."""
        found = self.lifted(changes, deep)
        return found if found is not None else Ref(self.assemble(changes))

    def lifted(self, changes: list[Any], deep: int = 0) -> Any:
        """The changes as a function of whole arrays; None where no array of the parameter's shape is among these."""
        origins = [self.origin(c, number) for number, c in enumerate(changes)]
        versions = {origin for origin in origins if isinstance(origin, int)}
        if versions:
            single = len(versions) == 1 and all(isinstance(origin, int) for origin in origins)
            return Ref(versions.pop()) if single and self.all else None
        made = [self.maker(origin) for origin in origins]
        first = made[0]
        if first is None or deep > _DEEP:
            return None
        if any(m is None or (m.function, m.site) != (first.function, first.site) for m in made):
            return None
        operands = [list(each) for each in zip(*(m.arguments for m in made if m is not None), strict=True)]
        return self.combined(first.function, operands, deep + 1)

    def combined(self, function: str, operands: list[list[Any]], deep: int) -> Any:
        """A function of changes as a function of whole arrays."""
        if function in _ENTRYWISE:
            inner = self.lifted(operands[0], deep) if self.all else None
            return Ref(self.compute(_ENTRYWISE[function], (inner,))) if isinstance(inner, Ref) else None
        common = [self.is_common(each) for each in operands]
        if not self.all and (function in _SUMS) == any(common):
            return None  # what is not moved would be something else than nought
        if not self.all and (function == "**" or (function == "/" and not common[1])):
            return None
        if function == "*" and not any(common) and not any(map(self.is_state, operands)):
            return None  # the product of two things that are each entry's own: that is calculus, and no optimizer
        found = [each[0] if one else self.lifted(each, deep) for each, one in zip(operands, common, strict=True)]
        telling = [f for f, one in zip(found, common, strict=True) if not one and f is not None]
        if not telling and not (function in _SUMS and self.decays(operands)):
            return None
        if any(f is None and isinstance(each[0], _Entry) for f, each in zip(found, operands, strict=True)):
            return None
        arguments = [Ref(self.assemble(each)) if f is None else f for f, each in zip(found, operands, strict=True)]
        return Ref(self.compute(function, tuple(arguments)))

    def is_state(self, each: list[Any]) -> bool:
        """Whether the values are entries of an array of the parameter's shape, as it was before the training step."""
        return all(isinstance(self.origin(e, number), int) for number, e in enumerate(each))

    def decays(self, operands: list[list[Any]]) -> bool:
        """Whether one term of a sum is a multiple of the entries that are moved, as weight decay is."""
        if self.all:
            return False
        return any(self.is_multiple(each[0]) for each in operands)

    def is_multiple(self, thing: Any) -> bool:
        """Whether a value of the first step is its own entries times a number."""
        operation = self.maker(thing)
        if operation is None or operation.function != "*":
            return False
        sizes = [self.size(a) for a in operation.arguments]
        held = [self.held(a) for a in operation.arguments]
        own = self.own[0]
        return any(
            h is not None and own is not None and np.array_equal(h, own) and sizes[1 - position] == 1
            for position, h in enumerate(held)
        )

    def held(self, thing: Any) -> NDArray[np.int64] | None:
        """Which entries of an array of the parameter's shape a value is."""
        if isinstance(thing, _Entry):
            return self.own[0]
        if not isinstance(thing, Ref):
            return None
        value = self.uncopied(thing.value)
        base = self.places.base(value)
        if base == value or self.tape.values[base].shape != self.shape:
            return None
        return self.places.entries(value)

    def uncopied(self, value: int) -> int:
        """What a value is a copy of: `p = P[u].copy()` holds the entries of `P[u]` as they are then."""
        producer = self.tape.values[value].producer
        operation = self.tape.operations[producer] if producer is not None else None
        copied = operation is not None and operation.function in _COPIES and isinstance(operation.arguments[0], Ref)
        return operation.arguments[0].value if operation is not None and copied else value

    def is_common(self, each: list[Any], deep: int = 0) -> bool:
        """Whether all steps have the same number there, or one made anew from the same numbers (`0.5 * rate`)."""
        if self.size(each[0]) != 1 or self.held(each[0]) is not None:
            return False
        if all(e == each[0] for e in each):
            return True
        made = [self.maker(e) for e in each]
        first = made[0]
        if first is None or deep > _DEEP:
            return False
        if any(m is None or (m.function, m.site) != (first.function, first.site) for m in made):
            return False
        operands = zip(*(m.arguments for m in made if m is not None), strict=True)
        return all(self.is_common(list(each), deep + 1) for each in operands)

    def size(self, thing: Any) -> int:
        """The number of entries."""
        if isinstance(thing, _Entry):
            own = self.own[0]
            return 0 if own is None else own.size
        return self.tape.values[thing.value].size if isinstance(thing, Ref) else int(np.size(thing))

    def maker(self, thing: Any) -> Operation | None:
        """The operation on entries that made a value."""
        if isinstance(thing, Operation):
            return thing
        producer = self.tape.values[thing.value].producer if isinstance(thing, Ref) else None
        operation = self.tape.operations[producer] if producer is not None else None
        if operation is None or operation.keywords:
            return None
        two = operation.function in _BINARY and len(operation.arguments) == 2
        return operation if two or (operation.function in _ENTRYWISE and len(operation.arguments) == 1) else None

    def origin(self, thing: Any, number: int) -> Any:
        """The version, before the training step, of an array whose same entries a value is; or what they were set to.

        Anything else is given back as it is.
        """
        own, held = self.own[number], self.held(thing)
        known = isinstance(thing, _Entry) or (own is not None and held is not None and np.array_equal(held, own))
        if own is None or not known:
            return thing
        version = thing.version if isinstance(thing, _Entry) else self.places.base(self.uncopied(thing.value))
        for _ in range(_MOST_VERSIONS):
            producer = self.tape.values[version].producer
            operation = self.tape.operations[producer] if producer is not None else None
            inner = operation
            if operation is not None and operation.function == "write_back":
                made = self.tape.values[operation.arguments[1].value].producer
                inner = self.tape.operations[made] if made is not None else None
            if operation is None or operation.number <= self.since or inner is None:
                break
            if inner.function not in _STORES or len(inner.arguments) != 3:
                break
            before = self.places.base(operation.arguments[0].value)
            index = inner.arguments[_STORES[inner.function]]
            where = self.places.within(inner.arguments[0].value, index)
            if where is None or np.isin(where, own).any():
                same = where is not None and np.array_equal(where, own)
                return self.stored(inner, before) if same else thing
            version = before
        made = self.tape.values[version].producer
        computed = made is not None and self.tape.operations[made].function != "leaf"
        return version if computed or version in self.written else thing

    @staticmethod
    def stored(operation: Operation, before: int) -> Any:
        """What an operation that stores entries leaves there; a sum where it adds to what was there before."""
        if operation.function == "setitem":
            return operation.arguments[2]
        return replace(operation, function=operation.function[0], arguments=(_Entry(before), operation.arguments[1]))


__all__ = ["EntryTerms"]
