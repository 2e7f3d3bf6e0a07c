"""The arguments of one operation with its differentiable operands taken out and put back in."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

import numpy as np

from shapecheck.gradients.functions import inputs_of
from shapecheck.trace.tape import Operation, Ref


class Occurrences:
    """One operation's arguments; every place where a differentiable value stands is an occurrence.

    A value that stands in two places (`x * x`) occurs twice, and each place has its own derivative.

    Attributes:
        operation: Whose arguments these are.
        values: The value number of each occurrence, in order.
        arrays: What stands there, as float64 (complex128 where it is complex).
        direct: For each occurrence the position among the arguments, or None where it is nested or a keyword.
    """

    def __init__(self, operation: Operation, lookup: Any, active: Collection[int]) -> None:
        self.operation = operation
        self.values: list[int] = []
        self.arrays: list[Any] = []
        self.direct: list[int | None] = []
        self._lookup = lookup
        self._active = active
        self._places: list[tuple[Any, ...]] = []
        self._inputs = operation.arguments[: inputs_of(operation.function)]
        for position, argument in enumerate(self._inputs):
            self._collect(argument, (0, position), position)
        for name, argument in operation.keywords.items():
            if name != "out":
                self._collect(argument, (1, name), None)

    def _collect(self, structure: Any, place: tuple[Any, ...], direct: int | None) -> None:
        if isinstance(structure, Ref):
            if structure.value in self._active:
                self.values.append(structure.value)
                self.arrays.append(as_double(self._lookup[structure.value]))
                self.direct.append(direct)
                self._places.append(place)
        elif isinstance(structure, list | tuple):
            for i, element in enumerate(structure):
                self._collect(element, (*place, i), None)

    def arguments(self, replacements: list[Any] | None = None) -> tuple[list[Any], dict[str, Any]]:
        """The operation's inputs, never its outputs, with `replacements` at the occurrences if there are any."""
        new = self.arrays if replacements is None else replacements
        new = [self._as_recorded(number, array) for number, array in zip(self.values, new, strict=True)]
        given = dict(zip(self._places, new, strict=True))
        positional = [self._fill(a, (0, i), given) for i, a in enumerate(self._inputs)]
        keywords = {k: self._fill(a, (1, k), given) for k, a in self.operation.keywords.items() if k != "out"}
        return positional, keywords

    def _as_recorded(self, number: int, array: Any) -> Any:
        """A matrix in the place of a matrix: its products and sums are its own."""
        is_matrix = isinstance(self._lookup[number], np.matrix) and type(array) is np.ndarray and array.ndim == 2
        return np.asmatrix(array) if is_matrix else array

    @property
    def has_matrix(self) -> bool:
        """Whether an operand is an `np.matrix`."""
        numbers = [a.value for a in self.operation.arguments if isinstance(a, Ref)]
        return any(isinstance(self._lookup[number], np.matrix) for number in numbers)

    def of(self, operation: Operation) -> Occurrences:
        """The occurrences of another operation on the same values."""
        return Occurrences(operation, self._lookup, self._active)

    def _fill(self, structure: Any, place: tuple[Any, ...], given: dict[tuple[Any, ...], Any]) -> Any:
        if isinstance(structure, Ref):
            return given[place] if place in given else self._lookup[structure.value]
        if isinstance(structure, list | tuple):
            return type(structure)([self._fill(e, (*place, i), given) for i, e in enumerate(structure)])
        return structure

    def function(self, target: Callable[..., Any]) -> Callable[..., Any]:
        """`target` as a function of the occurrences only."""

        def of_occurrences(*replacements: Any) -> Any:
            positional, keywords = self.arguments(list(replacements))
            return target(*positional, **keywords)

        return of_occurrences


def as_double(array: Any) -> Any:
    """In double precision, as a plain array; integers and masks stay as they are."""
    array = np.asarray(array)
    if array.dtype.kind == "f" and array.dtype != np.float64:
        return array.astype(np.float64)
    if array.dtype.kind == "c" and array.dtype != np.complex128:
        return array.astype(np.complex128)
    return array


def is_differentiable(array: Any) -> bool:
    """Whether a value is made of floating-point numbers."""
    if isinstance(array, float | complex):
        return True
    return isinstance(array, np.ndarray | np.generic) and array.dtype.kind in "fc"


def summed_to(array: Any, shape: tuple[int, ...]) -> Any:
    """Undo broadcasting: sum over the axes along which an operand of `shape` was repeated."""
    array = np.asarray(array)
    if array.shape == shape:
        return array
    extra = array.ndim - len(shape)
    if extra > 0:
        array = array.sum(axis=tuple(range(extra)))
    axes = tuple(i for i, n in enumerate(shape) if n == 1 and array.shape[i] != 1)
    if axes:
        array = array.sum(axis=axes, keepdims=True)
    return np.broadcast_to(array, shape)
