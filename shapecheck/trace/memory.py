"""What arrays held at each point of a tape: the first state of changing memory, and each change applied in turn."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from shapecheck.trace.recorder import BEFORE, Event, root_of

Array = np.ndarray[Any, Any]

IN_PLACE: dict[str, Callable[[Any, Any], Any]] = {
    "+": operator.iadd,
    "-": operator.isub,
    "*": operator.imul,
    "/": operator.itruediv,
    "//": operator.ifloordiv,
    "**": operator.ipow,
    "@": operator.imatmul,
    "%": operator.imod,
    "&": operator.iand,
    "|": operator.ior,
    "^": operator.ixor,
    "<<": operator.ilshift,
    ">>": operator.irshift,
}


class Memory:
    """The contents of the arrays of a window, as far as the tape has been built.

    Memory that is never changed is its owner's. Of memory that is changed, the recorder copied the first state; that
    copy is what was there until the first change, and is changed here as the program changed it.

    Attributes:
        changes: `id` of a memory's owner -> how often it has been changed so far.
    """

    def __init__(self, events: Iterable[Event]) -> None:
        self.changes: dict[int, int] = {}
        self._now: dict[int, Array] = {}
        self._lost: set[int] = set()
        self._frozen: set[int] = set()
        for number, copy, values in events:
            if number == BEFORE:
                self._now.setdefault(id(values[0]), np.array(copy, order="K"))

    def changes_of(self, root: Array) -> int:
        """How often this memory has been changed so far."""
        return self.changes.get(id(root), 0)

    def is_followed(self, root: Array) -> bool:
        """Whether this memory is changed somewhere, and its first state is known."""
        return id(root) in self._now

    def contents(self, array: Array) -> Any:
        """An array's data at this point: the array itself where it never changes, else a copy; None if unknown."""
        if not self._now and not self._lost:
            return array
        root = array if array.base is None else root_of(array)
        now = self._now.get(id(root))
        if now is None:
            return None if id(root) in self._lost else array
        if isinstance(array, np.ma.MaskedArray):
            return None  # its mask lies elsewhere
        copy = look(array, now).copy(order="K")
        return copy.view(np.matrix) if isinstance(array, np.matrix) else copy

    def then(self, operand: Any) -> Any:
        """An operand of a change as it was then."""
        if isinstance(operand, np.ndarray):
            return self.contents(operand)
        if type(operand) in {list, tuple}:
            return type(operand)(self.then(element) for element in operand)
        return operand

    def change(self, target: Array, write: Callable[[Array], None]) -> bool:
        """Apply a change to the memory that `target` looks into.

        Returns:
            Whether it can be applied; one that cannot failed in the program too.
        """
        if id(target) in self._frozen:
            return False
        root = root_of(target)
        now = self._now.get(id(root))
        if now is None:
            self._lost.add(id(root))
        else:
            try:
                write(look(target, now))
            except Exception:
                return False
        self.changes[id(root)] = self.changes_of(root) + 1
        return True

    def freeze(self, array: Array, writeable: bool) -> None:
        """Follow `array.setflags(write=writeable)`."""
        (self._frozen.discard if writeable else self._frozen.add)(id(array))

    def replace(self, root: Array, copy: Array) -> bool:
        """Take over the contents that memory was seen to have; whether they are new."""
        now = self._now.get(id(root))
        if now is not None and _same(now, copy):
            return False
        self._now[id(root)] = np.array(copy, order="K")
        self.changes[id(root)] = self.changes_of(root) + 1
        return True


def _same(one: Array, other: Array) -> bool:
    if one.shape != other.shape or one.dtype != other.dtype:
        return False
    if one.dtype.hasobject:
        return False
    return one.tobytes() == other.tobytes()


def offset_of(view: Array, root: Array) -> int:
    """How many bytes behind the beginning of its memory a view begins."""
    return int(view.__array_interface__["data"][0] - root.__array_interface__["data"][0])


def look(view: Array, memory: Array) -> Array:
    """The piece of `memory` that `view` is of its own root, which has the same layout."""
    root = root_of(view)
    if view is root:
        return memory
    if view.size == 0:
        return np.empty(view.shape, view.dtype)
    axes = memory_order(memory)
    flat = memory.transpose(axes)
    if view.dtype.hasobject:
        start = flat.reshape(-1)[offset_of(view, root) // memory.itemsize :]
        return np.lib.stride_tricks.as_strided(start, view.shape, view.strides)
    octets = flat.reshape(-1).view(np.uint8)
    return np.ndarray(view.shape, view.dtype, buffer=octets.data, offset=offset_of(view, root), strides=view.strides)


def memory_order(array: Array) -> tuple[int, ...]:
    """The axes from the one with the largest step in memory to the one with the smallest."""
    if array.flags.c_contiguous:
        return tuple(range(array.ndim))
    return tuple(sorted(range(array.ndim), key=lambda axis: -array.strides[axis]))
