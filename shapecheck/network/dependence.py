"""Which parts of a tape depend on which: one bit for each origin, carried forward in a single pass."""

from __future__ import annotations

from collections.abc import Iterable

from shapecheck.trace.tape import Operation, Ref, Tape, refs

# What only moves numbers about: the result holds the operand's entries.
CARRIERS = frozenset(
    ".T .reshape .ravel .flatten .transpose .swapaxes .copy .squeeze .astype .view view getitem "
    "numpy.transpose numpy.reshape numpy.ravel numpy.squeeze numpy.asarray numpy.array numpy.copy "
    "numpy.expand_dims numpy.swapaxes numpy.atleast_2d numpy.ascontiguousarray numpy.asmatrix .mT "
    "numpy.matrix".split()
)
# What may stand between the birth of a parameter and its first use: scaling, shifting, packing.
_BIRTH = CARRIERS | frozenset(
    "* / + - unary- numpy.multiply numpy.concatenate numpy.append numpy.hstack numpy.vstack numpy.r_ "
    "setitem numpy.divide write_back *= /= += -= .clip numpy.clip numpy.float64 numpy.float32 numpy.abs numpy.absolute "
    "abs numpy.sign numpy.sqrt numpy.square".split()
)
_PACKING = frozenset(
    ["numpy.concatenate", "numpy.append", "numpy.hstack", "numpy.vstack", "numpy.array", "setitem", "write_back"]
)


# What takes nothing but the shape from its operand.
_SHAPED_LIKE = frozenset(["numpy.zeros_like", "numpy.ones_like", "numpy.empty_like"])


class Dependence:
    """For each value, the set of origins that it depends on, as a bit mask.

    Origins are leaves and whatever `cut` was called on (a parameter's next version begins a new origin).

    Attributes:
        written: The bits of single numbers that nothing made: one that is written down once may be in many values.
    """

    def __init__(self, tape: Tape) -> None:
        self.tape = tape
        self.masks: list[int] = [0] * len(tape.values)
        self.newborn: list[bool] = [False] * len(tape.values)
        self._bits = 0
        self.written = 0
        for value in tape.values:
            if value.producer is None:
                bit = self._begin(value.number)
                self.written |= bit if value.shape == () else 0

    def _begin(self, value: int) -> int:
        self.masks[value] = 1 << self._bits
        self.newborn[value] = True
        self._bits += 1
        return self.masks[value]

    def advance(self, operation: Operation) -> None:
        """Carry the masks over one operation; to be called in the tape's order."""
        result = operation.result
        if operation.function == "leaf" or operation.function in _SHAPED_LIKE:
            self._begin(result)
            return
        mask = 0
        for number in _sources(operation):
            mask |= self.masks[number]
        self.masks[result] = mask
        self.newborn[result] = self._keeps_newborn(operation)
        if not operation.inputs:
            self._begin(result)

    def _keeps_newborn(self, operation: Operation) -> bool:
        inputs = self._of_birth(operation)
        if not all(self.newborn[n] for n in inputs):
            return False
        if operation.function not in _BIRTH:
            return self.tape.values[operation.result].size <= 1 and all(self.tape.values[n].size <= 1 for n in inputs)
        large = [n for n in inputs if self.tape.values[n].size > 1]
        return len(large) <= 1 or operation.function in _PACKING

    def _of_birth(self, operation: Operation) -> list[int]:
        """The operands that a result is born of: what only says which entries are kept, or set, is none of them."""
        first = operation.arguments[:1]
        if operation.function == "setitem" and len(operation.arguments) == 3:
            return list(refs((*first, operation.arguments[2])))
        if operation.function in {"*", "*=", "numpy.multiply"} and len(operation.inputs) == 2:
            kept = [n for n in operation.inputs if not self.tape.values[n].dtype.startswith("bool")]
            return kept or list(operation.inputs)
        return list(operation.inputs)

    def cut(self, value: int) -> int:
        """Make a value an origin of its own; gives its bit."""
        return self._begin(value)

    def mark(self, value: int) -> int:
        """Make a value an origin beside those that it depends on; gives its bit."""
        bit = 1 << self._bits
        self._bits += 1
        self.masks[value] |= bit
        return bit

    def depends(self, value: int, mask: int) -> bool:
        """Whether a value depends on any origin of a mask."""
        return bool(self.masks[value] & mask)


def _sources(operation: Operation) -> Iterable[int]:
    """The values whose entries reach the result: an index says which entries, and is none of them."""
    if operation.function == "getitem" and isinstance(operation.arguments[0], Ref):
        return (operation.arguments[0].value,)
    return operation.inputs


def ancestors(tape: Tape, values: Iterable[int], *, until: frozenset[int] = frozenset()) -> set[int]:
    """The values that any of `values` was computed from, themselves included; what is in `until` is not followed."""
    found: set[int] = set()
    open_values = list(values)
    while open_values:
        number = open_values.pop()
        if number in found:
            continue
        found.add(number)
        producer = tape.values[number].producer
        if producer is not None and number not in until:
            open_values.extend(tape.operations[producer].inputs)
    return found
