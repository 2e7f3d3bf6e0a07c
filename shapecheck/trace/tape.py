"""The tape: the operations of a run, in order, as a dataflow graph with source positions."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from shapecheck.trace.sites import Kind, Site, SiteTable

Shape = tuple[int, ...]

PART, WHOLE = "part of a step", "step of parts"
# The label of an operation that the program has not done there, but elsewhere by the same expression.
ELSEWHERE = "done elsewhere"


@dataclass(frozen=True, slots=True)
class Ref:
    """An operand that is a value of the tape."""

    value: int


@dataclass(slots=True)
class Value:
    """One version of one array or float scalar.

    Attributes:
        number: Its index in `Tape.values`.
        array: The data as it was at that time; None where only the shape was kept.
        shape, dtype: Of the array; `()` and `float` for a Python float.
        producer: Number of the operation that made it; None for a leaf (constructor, random numbers, file, constant).
        identity: `id()` of the object that held it; versions of one array share it.
        version: 0 for a new object; counts its in-place changes.
    """

    number: int
    array: Any
    shape: Shape
    dtype: str
    producer: int | None
    identity: int
    version: int = 0

    @property
    def size(self) -> int:
        """Number of entries."""
        return math.prod(self.shape)


@dataclass(slots=True)
class Operation:
    """One evaluated site.

    Attributes:
        function: `numpy.dot` for a function, `.dot` for a method (its receiver is the first argument), `+` for an
            operator, `unary-`, `getitem` (array, index), `leaf` for what a replay never calls again, `opaque` for what
            it cannot; `vectorize:` and a source whose last function is applied entry by entry. Changes take the old
            version first and their result is the new one: `+=` (array, value), with the index as a third argument for
            `x[i] += v`; `setitem` (array, index, value), also of `copyto` and `fill`; `numpy.add.at` (array, index,
            value); a function with `out=`. `view` (memory, offset, shape,
            strides) is what iterating over an array makes, or a view read again after its memory was changed;
            `write_back` (memory, view, offset, shape, strides) the memory after a change through a view. Offsets and
            strides are in bytes of C-ordered memory; memory in another order goes through `numpy.transpose` first.
        arguments, keywords: Constants, `Ref`s, and lists and tuples of them.
        inputs: The values among them.
        result: The value it made.
        label: For leaves: the function that made it; `changed` for a change that no operation describes.
            Where several steps are taken together, `PART` for each time that one is added to the sum of them, at
            the step's own site, and `WHOLE` for what applies the sum.
    """

    number: int
    site: int | None
    function: str
    arguments: tuple[Any, ...]
    keywords: dict[str, Any]
    inputs: tuple[int, ...]
    result: int
    label: str = ""


@dataclass(frozen=True, slots=True)
class Binding:
    """A value given a name: `W1 = ...`, `self.W = ...`, `params["W1"] = ...`, or an element of a tuple or list.

    `time` is the number of operations made before it; `owner` the identity of the object whose attribute or item it is.
    """

    time: int
    site: int
    name: str
    value: int
    owner: int | None = None
    key: Any = None


@dataclass(frozen=True, slots=True)
class Access:
    """A value read from a list or dictionary: `weights[1]`."""

    time: int
    site: int
    value: int
    container: int
    key: Any


@dataclass(slots=True)
class Tape:
    """What one segment of a run did.

    Attributes:
        memory: What has been worked out from it, by whoever reads it; of no meaning by itself.
    """

    sites: SiteTable
    values: list[Value] = field(default_factory=list)
    operations: list[Operation] = field(default_factory=list)
    bindings: list[Binding] = field(default_factory=list)
    accesses: list[Access] = field(default_factory=list)
    returns: list[tuple[int, int, tuple[int, ...]]] = field(default_factory=list)
    complete: bool = True
    memory: dict[Any, Any] = field(default_factory=dict, compare=False, repr=False)

    def site_of(self, value: int) -> Site | None:
        """The site that made a value; None for what no recorded expression made."""
        producer = self.values[value].producer
        if producer is None:
            return None
        number = self.operations[producer].site
        return None if number is None else self.sites[number]

    def made_at(self, site: int) -> Iterator[Operation]:
        """The operations of one site, each time that the program came there."""
        return (o for o in self.operations if o.site == site and o.label != ELSEWHERE)

    def latest(self, identity: int) -> Value | None:
        """The last version of an object."""
        for value in reversed(self.values):
            if value.identity == identity:
                return value
        return None


def refs(structure: Any) -> Iterator[int]:
    """The numbers of the values in a nest of lists and tuples."""
    if isinstance(structure, Ref):
        yield structure.value
    elif isinstance(structure, list | tuple):
        for element in structure:
            yield from refs(element)
    elif isinstance(structure, dict):
        for element in structure.values():
            yield from refs(element)
    elif isinstance(structure, slice):
        yield from refs((structure.start, structure.stop, structure.step))


__all__ = ["PART", "WHOLE", "Access", "Binding", "Kind", "Operation", "Ref", "Shape", "Tape", "Value", "refs"]
