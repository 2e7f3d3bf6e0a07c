"""Broadcasts in which both operands grow: (n,) against (n, 1) gives (n, n).

A product of a column and a row that a parameter is moved by is an outer product, however it is written: the gradient of
a weight for one sample.
"""

from __future__ import annotations

from dataclasses import dataclass

from shapecheck.network.dependence import CARRIERS
from shapecheck.network.parameters import find_parameters
from shapecheck.trace.operations import PRODUCTS, QUOTIENTS, SUMS
from shapecheck.trace.tape import Operation, Ref, Shape, Tape

ELEMENTWISE = frozenset(
    "+ - * / ** // % == != < <= > >= & | += -= *= /= numpy.add numpy.subtract numpy.multiply numpy.divide "
    "numpy.power numpy.maximum numpy.minimum numpy.true_divide numpy.equal numpy.not_equal".split()
)
_LINEAR = CARRIERS | PRODUCTS | QUOTIENTS | SUMS | {"unary-"}
# Somebody who writes one of these next to an operand means it to be spread.
_SPREADING = ("None", "newaxis", "expand_dims", "outer", "meshgrid", "ogrid", "ix_", "atleast_2d")


@dataclass(frozen=True)
class OuterBroadcast:
    """One such operation; `deliberate` where the source says that it is meant."""

    operation: int
    left: Shape
    right: Shape
    result: Shape
    deliberate: bool


def outer_broadcasts(tape: Tape, *, each_site_once: bool = True) -> list[OuterBroadcast]:
    """The elementwise operations of a tape whose result is larger than both operands."""
    found: list[OuterBroadcast] = []
    sites: set[int] = set()
    outer: set[int] | None = None
    for operation in tape.operations:
        if operation.function not in ELEMENTWISE or len(operation.arguments) < 2 or operation.site is None:
            continue
        first, second = operation.arguments[:2]
        if not isinstance(first, Ref) or not isinstance(second, Ref):
            continue
        left, right = tape.values[first.value].shape, tape.values[second.value].shape
        result = tape.values[operation.result].shape
        if not _both_grow(left, right, result) or (each_site_once and operation.site in sites):
            continue
        sites.add(operation.site)
        deliberate = _deliberate(tape, operation)
        if not deliberate and operation.function in PRODUCTS:
            outer = _moving(tape) if outer is None else outer
            deliberate = operation.result in outer
        found.append(OuterBroadcast(operation.number, left, right, result, deliberate))
    return found


def _moving(tape: Tape) -> set[int]:
    """The values that parameters are moved by: their changes, and what these are sums, multiples and views of."""
    found: set[int] = set()
    for parameter in find_parameters(tape):
        for update in parameter.updates:
            if tape.values[update.new].shape != tape.values[update.old].shape:
                continue
            size = tape.values[update.old].size
            left = [update.change]
            while left:
                value = left.pop()
                producer = tape.values[value].producer
                if value in found or tape.values[value].size != size or value == update.old:
                    continue
                found.add(value)
                if producer is not None and tape.operations[producer].function in _LINEAR:
                    left += tape.operations[producer].inputs
    return found


def _both_grow(left: Shape, right: Shape, result: Shape) -> bool:
    size = _size(result)
    return size > _size(left) > 1 and size > _size(right) > 1


def _size(shape: Shape) -> int:
    size = 1
    for length in shape:
        size *= length
    return size


def _deliberate(tape: Tape, operation: Operation) -> bool:
    """Whether an operand was spread on purpose, here or where it was made."""
    numbers = [a.value for a in operation.arguments[:2] if isinstance(a, Ref)]
    shapes = [tape.values[n].shape for n in numbers]
    if all(len(shape) >= 3 for shape in shapes):
        return True
    for start in numbers:
        number = start
        for _ in range(4):
            producer = tape.values[number].producer
            if producer is None:
                break
            made = tape.operations[producer]
            site = tape.sites[made.site] if made.site is not None else None
            if site is not None and any(word in site.text for word in _SPREADING):
                return True
            if made.function == "getitem" and any(a is None for a in _flat(made.arguments[1:])):
                return True
            larger = [n for n in made.inputs if tape.values[n].size == tape.values[number].size]
            if not larger:
                break
            number = larger[0]
    return False


def _flat(structure: object) -> list[object]:
    if isinstance(structure, tuple | list):
        return [inner for element in structure for inner in _flat(element)]
    return [structure]
