"""What the failing expression asks for: the shape that each of its operands would need."""

from __future__ import annotations

from shapecheck.repair.surroundings import Surroundings
from shapecheck.trace.failure import Failure
from shapecheck.trace.sites import Kind
from shapecheck.trace.tape import Shape

_ELEMENTWISE = frozenset({"add", "subtract", "multiply", "divide"})


def wanted_shapes(failure: Failure | None, surroundings: Surroundings) -> dict[Shape, Shape]:
    """Shape as it is -> shape as the failing expression needs it."""
    if surroundings.trace.tail is not None and surroundings.growth():
        values = surroundings.trace.head.values
        return {values[u.change].shape: values[u.old].shape for u in surroundings.growth()}
    if failure is None or failure.site is None:
        return {}
    site = surroundings.trace.head.sites[failure.site]
    shapes = {role: seen.shape for role, seen in failure.operands if seen.shape is not None}
    wanted: dict[Shape, Shape] = {}
    if site.kind is Kind.AUGMENTED and "target" in shapes and "value" in shapes:
        wanted[shapes["value"]] = shapes["target"]
    elif site.kind in {Kind.BINARY, Kind.COMPARE} and site.operator != "@" and {"left", "right"} <= shapes.keys():
        wanted[shapes["right"]] = shapes["left"]
        wanted.setdefault(shapes["left"], shapes["right"])
    elif site.kind is Kind.CALL and site.operator in _ELEMENTWISE and {"0", "1"} <= shapes.keys():
        wanted[shapes["1"]] = shapes["0"]
        wanted.setdefault(shapes["0"], shapes["1"])
    for number, _, operands in failure.recent:
        compared = surroundings.trace.head.sites[number]
        literals = [seen.literal for seen in operands if isinstance(seen.literal, tuple)]
        if compared.kind is Kind.COMPARE and len(literals) == 2 and literals[0] != literals[1]:
            wanted[literals[0]] = literals[1]
    return {before: after for before, after in wanted.items() if before != after}
