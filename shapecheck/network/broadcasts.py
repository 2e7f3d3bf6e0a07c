"""Broadcasts in which both operands grow: (n,) against (n, 1) gives (n, n)."""

from __future__ import annotations

from dataclasses import dataclass

from shapecheck.trace.operations import TRANSPOSES
from shapecheck.trace.tape import Operation, Ref, Shape, Tape

ELEMENTWISE = frozenset(
    "+ - * / ** // % == != < <= > >= & | += -= *= /= numpy.add numpy.subtract numpy.multiply numpy.divide "
    "numpy.power numpy.maximum numpy.minimum numpy.true_divide numpy.equal numpy.not_equal".split()
)
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
        found.append(OuterBroadcast(operation.number, left, right, result, _deliberate(tape, operation)))
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
        if _is_stood_up_here(tape, operation, start):
            return True
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


def _is_stood_up_here(tape: Tape, operation: Operation, operand: int) -> bool:
    """Whether an operand is a vector that the expression itself makes a column: `np.transpose([x])`."""
    producer = tape.values[operand].producer
    made = tape.operations[producer] if producer is not None else None
    if made is None or made.function not in TRANSPOSES or made.site is None or operation.site is None:
        return False
    listed = made.arguments[0]
    if isinstance(listed, Ref):
        before = tape.values[listed.value].producer
        inner = tape.operations[before] if before is not None else None
        listed = inner.arguments[0] if inner is not None and inner.function == "numpy.array" else None
    one = isinstance(listed, list) and len(listed) == 1 and isinstance(listed[0], Ref)
    return one and tape.sites[made.site].within(tape.sites[operation.site])


def _flat(structure: object) -> list[object]:
    if isinstance(structure, tuple | list):
        return [inner for element in structure for inner in _flat(element)]
    return [structure]
