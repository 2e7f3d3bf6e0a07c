"""The values of a tape while it is built: which version of which object an operand is."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from shapecheck.trace.memory import Memory, memory_order, offset_of
from shapecheck.trace.recorder import ArrayStub, Event, root_of
from shapecheck.trace.sites import SiteTable
from shapecheck.trace.tape import Operation, Ref, Tape, Value

SCALARS = np.generic | float | complex
_ARRAYS = np.ndarray | ArrayStub
_CONSTANTS = (int, str, bytes, bool, type(None), slice, type(Ellipsis), np.dtype, type, range)
_SCALAR_TYPES = frozenset({float, complex})
_LONGEST = 10_000


class Opaque:
    """An operand of a type that the tape does not follow."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return f"<{self.name}>"


class Values:
    """Gives objects values, and values versions.

    Attributes:
        tape: What is being built.
        memory: What arrays hold at this point.
        whole: Whether the events hold whole values (the window) or stand-ins for large ones (the ring).
        current: `id` of an object -> the number of its present value.
        refs: A reference to each value.
    """

    def __init__(self, events: Iterable[Event], sites: SiteTable, *, whole: bool) -> None:
        self.tape = Tape(sites=sites)
        self.whole = whole
        self.memory = Memory(events if whole else ())
        self.current: dict[int, int] = {}
        self._valid: dict[int, int] = {}  # object -> how often its memory had been changed when its value was read
        self._references: dict[int, Any] = {}  # identity of a stand-in -> the weak reference that tells it from others
        self.refs: list[Ref] = []
        self._types: dict[Any, str] = {}

    # -- new values ---------------------------------------------------------------------------------------------

    def _type_name(self, dtype: Any) -> str:
        name = self._types.get(dtype)
        if name is None:
            name = self._types[dtype] = str(dtype)
        return name

    def new_value(self, thing: Any, producer: int | None, version: int = 0) -> int:
        """Enter a value for an object as it is at this point."""
        number = len(self.tape.values)
        if type(thing) is np.ndarray or isinstance(thing, np.ndarray):
            array = self.memory.contents(thing) if self.whole else None
            value = Value(number, array, thing.shape, self._type_name(thing.dtype), producer, id(thing), version)
        elif isinstance(thing, ArrayStub):
            value = Value(number, None, thing.shape, self._type_name(thing.dtype), producer, thing.identity, version)
        elif isinstance(thing, np.generic):
            value = Value(number, thing, (), self._type_name(thing.dtype), producer, id(thing), version)
        else:
            value = Value(number, thing, (), type(thing).__name__, producer, id(thing), version)
        self.tape.values.append(value)
        self.refs.append(Ref(number))
        return number

    def hold(self, thing: Any, number: int) -> None:
        """Make a value the present one of an object."""
        if type(thing) is ArrayStub:
            self.current[thing.identity] = number
            self._references[thing.identity] = thing.reference
            return
        self.current[id(thing)] = number
        if self._references:
            self._references.pop(id(thing), None)
        if isinstance(thing, np.ndarray) and self.memory.changes:
            changes = self.memory.changes_of(root_of(thing))
            if changes:
                self._valid[id(thing)] = changes

    def operation(
        self,
        site: int | None,
        function: str,
        arguments: tuple[Any, ...],
        keywords: dict[str, Any],
        result: Any,
        *,
        version: int = 0,
        label: str = "",
    ) -> int:
        """Enter an operation and the value it made; the number of the value."""
        number = len(self.tape.operations)
        value = self.new_value(result, number, version)
        self.hold(result, value)
        inputs: dict[int, None] = {}
        _collect(arguments, inputs)
        if keywords:
            _collect(tuple(keywords.values()), inputs)
        self.tape.operations.append(Operation(number, site, function, arguments, keywords, tuple(inputs), value, label))
        return value

    # -- present values -----------------------------------------------------------------------------------------

    def known(self, thing: Any) -> bool:
        """Whether an object has a value."""
        if type(thing) is ArrayStub:
            return thing.identity in self.current and self._is_same(thing)
        return id(thing) in self.current and self._is_its_own(thing)

    def _is_same(self, stub: ArrayStub) -> bool:
        reference = self._references.get(stub.identity)
        # What stands under its `id` without being a stand-in is alive, so one that is gone was another.
        return stub.reference() is not None if reference is None else reference is stub.reference

    def _is_its_own(self, thing: Any) -> bool:
        """Whether the present value under an object's `id` is not that of a large array that is gone."""
        reference = self._references.get(id(thing)) if self._references else None
        return reference is None or reference() is thing

    def version(self, thing: Any) -> int:
        """The version that a change of this object makes."""
        number = self.current.get(id(thing)) if self._is_its_own(thing) else None
        return 0 if number is None else self.tape.values[number].version + 1

    def read(self, thing: Any) -> int:
        """The number of an object's present value."""
        if type(thing) is ArrayStub:
            number = self.current.get(thing.identity)
            if number is not None and self._is_same(thing):
                return number
            return self._leaf(thing)
        number = self.current.get(id(thing)) if self._is_its_own(thing) else None
        if not isinstance(thing, np.ndarray):
            return self._leaf(thing) if number is None else number
        if number is None:
            return self._first(thing)
        if self.memory.changes:
            root = root_of(thing)
            if self._valid.get(id(thing), 0) != self.memory.changes_of(root):
                viewed = self._view(thing, root)
                return self._leaf(thing, self.version(thing)) if viewed is None else viewed
        return number

    def _leaf(self, thing: Any, version: int = 0) -> int:
        number = self.new_value(thing, None, version)
        self.hold(thing, number)
        return number

    def _first(self, thing: np.ndarray[Any, Any]) -> int:
        """The value of an array that no operation of the tape made: a view of one that is known, or a leaf."""
        root = root_of(thing)
        if root is not thing and self.whole and (id(root) in self.current or self.memory.is_followed(root)):
            viewed = self._view(thing, root)
            if viewed is not None:
                return viewed
        return self._leaf(thing)

    def _view(self, thing: np.ndarray[Any, Any], root: np.ndarray[Any, Any]) -> int | None:
        """A view's value, made anew from its memory's."""
        if thing is root or root.size == 0 or root.dtype.hasobject:
            return None
        base = self._ordered(root)
        arguments = (self.refs[base], offset_of(thing, root), thing.shape, thing.strides)
        return self.operation(None, "view", arguments, {}, thing, version=self.version(thing))

    def _ordered(self, root: np.ndarray[Any, Any]) -> int:
        """The value of an array that owns its memory, its axes in the order in which they lie there."""
        number = self.read(root)
        axes = memory_order(root)
        if axes == tuple(range(root.ndim)):
            return number
        return self._transposed(number, root, axes)

    def _transposed(self, number: int, root: np.ndarray[Any, Any], axes: tuple[int, ...]) -> int:
        contents = self.memory.contents(root)
        turned = root.transpose(axes) if contents is None else contents.transpose(axes)
        return self.operation(None, "numpy.transpose", (self.refs[number], axes), {}, turned)

    def before_change(self, target: np.ndarray[Any, Any]) -> int:
        """The present value of an array that is about to be changed; the memory it looks into gets one too."""
        number = self.read(target)
        root = root_of(target)
        if root is not target and self.whole and id(root) not in self.current:
            self._leaf(root)
        return number

    def after_change(self, target: np.ndarray[Any, Any]) -> None:
        """Write a change through a view back into the memory's own value."""
        root = root_of(target)
        if root is target or id(root) not in self.current or not self.whole or root.dtype.hasobject:
            return
        version = self.version(root)
        axes = memory_order(root)
        plain = axes == tuple(range(root.ndim))
        old, new = self.current[id(root)], self.current[id(target)]
        if not plain:
            before = self.tape.values[old].array
            turned = (root if before is None else before).transpose(axes)
            old = self.operation(None, "numpy.transpose", (self.refs[old], axes), {}, turned)
        arguments = (self.refs[old], self.refs[new], offset_of(target, root), target.shape, target.strides)
        if plain:
            self.operation(None, "write_back", arguments, {}, root, version=version)
            return
        contents = self.memory.contents(root)
        turned = (root if contents is None else contents).transpose(axes)
        written = self.operation(None, "write_back", arguments, {}, turned)
        back = tuple(int(a) for a in np.argsort(axes))
        self.operation(None, "numpy.transpose", (self.refs[written], back), {}, root, version=version)

    # -- operands -----------------------------------------------------------------------------------------------

    def ref(self, thing: Any) -> Ref:
        """An object's present value as an operand."""
        return self.refs[self.read(thing)]

    def structure(self, thing: Any, depth: int = 0) -> Any:
        """An operand with its arrays replaced by references."""
        kind = type(thing)
        if kind is np.ndarray or isinstance(thing, _ARRAYS):
            return self.refs[self.read(thing)]
        if kind is int or kind is str:
            return thing
        if type(thing) in _SCALAR_TYPES or isinstance(thing, SCALARS):
            # Numbers in a long list are data; only those that the program computed are followed.
            return thing if depth and id(thing) not in self.current else self.refs[self.read(thing)]
        if type(thing) in {list, tuple} and depth < 6 and len(thing) < _LONGEST:
            return type(thing)([self.structure(element, depth + 1) for element in thing])
        if isinstance(thing, _CONSTANTS):
            return thing
        return Opaque(type(thing).__name__)


def _collect(structure: Any, found: dict[int, None]) -> None:
    """The numbers of the values in a nest of lists and tuples."""
    for element in structure:
        kind = type(element)
        if kind is Ref:
            found[element.value] = None
        elif kind is tuple or kind is list:
            _collect(element, found)
