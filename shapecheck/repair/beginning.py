"""What a program computes before its first update; an edit that is to mend a gradient leaves that as it is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from shapecheck.network.dependence import ancestors
from shapecheck.network.parameters import find_parameters
from shapecheck.network.strays import find_strays
from shapecheck.trace.tape import Shape, Tape

_CLOSE = 1e-9
# So many values that are equal to a result are held against it, each with what it was made from.
_MOST_LOOKS = 8

_UNFILLED = frozenset(["empty", "empty_like", "ndarray"])

# Shape and sum of the absolute values of each array.
Data = frozenset[tuple[Shape, float]]


@dataclass(frozen=True, eq=False)
class Beginning:
    """What training starts from.

    Attributes:
        names: Of the parameters, and of what is stepped beside them.
        shapes: Of the parameters.
        sums: Of the absolute values of each, to tell whether another run has drawn the same ones.
        results: What the loss of the first step is, or is made from.
        data: The arrays that each of these was computed from. Before parameters that are zero all data look alike.
    """

    names: frozenset[str]
    shapes: tuple[Shape, ...]
    sums: tuple[float, ...]
    results: tuple[Any, ...]
    data: tuple[Data, ...] = ()

    @classmethod
    def of(cls, tape: Tape, results: Iterable[int], named: Collection[str] = ()) -> Beginning:
        """The beginning of a run.

        Args:
            tape: Of the run.
            results: The numbers of the values that the loss is, or is made from.
            named: What is to be learned after a repair: arrays of these names, too, that no gradient moves yet.
        """
        starts = _starts(tape)
        names = _names(tape) | {s.name for s in find_strays(tape, most_updates=1)}
        arrays = (tape.values[s.birth].array for s in find_strays(tape) if s.name in named)
        starts += [np.asarray(a, dtype=float) for a in arrays if a is not None]
        numbers = [number for number in results if tape.values[number].array is not None]
        kept = tuple(np.array(tape.values[number].array, dtype=float) for number in numbers)
        data = tuple(_data(tape, number) for number in numbers)
        return cls(names, tuple(np.shape(s) for s in starts), tuple(float(np.abs(s).sum()) for s in starts), kept, data)

    def differs(self, tape: Tape, *, whole: bool) -> bool:
        """Whether another run trains parameters of other shapes, or has other results from the same parameters.

        Args:
            tape: Of that run.
            whole: Whether it came to its end: else it may not have come to all the parameters.
        """
        starts = _starts(tape) + _starts(tape, strays=True)
        own, others = Counter(self.shapes), Counter(np.shape(s) for s in starts)
        if own - others and (whole or others - own):
            return True
        names = _names(tape)
        if self.names and self.names - names and names - self.names:
            return True  # where nothing is learned any more, a sum of gradients may look like a parameter
        sums = np.array([np.abs(s).sum() for s in starts])
        if not all(np.any(np.abs(sums - s) <= _CLOSE * (s + 1)) for s in self.sums):
            return False  # it has drawn other numbers: nothing can be said of the results
        return not all(_found(tape, result, data) for result, data in zip(self.results, self.data, strict=True))


def _names(tape: Tape) -> frozenset[str]:
    return frozenset(p.name for p in find_parameters(tape, most_updates=1))


def _starts(tape: Tape, *, strays: bool = False) -> list[Any]:
    """The parameters as they are before their first update, or what is stepped beside them."""
    found = find_strays(tape, most_updates=1) if strays else find_parameters(tape, most_updates=1)
    arrays = (tape.values[p.updates[0].old].array for p in found)
    return [np.asarray(a, dtype=float) for a in arrays if a is not None]


def _found(tape: Tape, result: Any, data: Data) -> bool:
    """Whether a run has a value, made from the same data; where it kept none of that shape, it may have had it."""
    alike = [v for v in tape.values if v.shape == result.shape]
    looked = 0
    for value in alike:
        if value.array is None or np.asarray(value.array).dtype.kind not in "biuf" or looked == _MOST_LOOKS:
            continue
        if np.allclose(value.array, result, rtol=_CLOSE, atol=_CLOSE, equal_nan=True):
            if data <= _data(tape, value.number):
                return True
            looked += 1
    return any(value.array is None for value in alike)


def _data(tape: Tape, value: int) -> Data:
    """Shapes and sums of the arrays that nothing computed and a value was computed from."""
    found = (tape.values[number] for number in ancestors(tape, [value]) if _is_given(tape, number))
    arrays = [np.asarray(v.array) for v in found if v.size > 1 and v.array is not None]
    numeric = (a for a in arrays if a.dtype.kind in "biuf")
    return frozenset((a.shape, float(f"{np.abs(a.astype(float)).sum():.9g}")) for a in numeric)


def _is_given(tape: Tape, value: int) -> bool:
    """Whether nothing computed an array; what lay in memory before it was filled is nothing given."""
    producer = tape.values[value].producer
    made = tape.operations[producer] if producer is not None else None
    return made is None or (made.function == "leaf" and made.label not in _UNFILLED)


__all__ = ["Beginning"]
