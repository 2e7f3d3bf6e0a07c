"""Axes in another order before an array is reshaped: `d.transpose(1, 0, 2, 3).reshape(n, -1)`.

A reshape runs through the entries in the order in which the axes stand, and fits whatever that order is.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from itertools import permutations

from shapecheck.repair.candidate import Candidate, Place

_RESHAPES = frozenset({"reshape", "ravel", "flatten"})
# Of more axes there are too many orders.
_MOST_AXES = 4


def axis_orders(place: Place, node: ast.expr) -> Iterator[Candidate]:
    """What is reshaped, with its axes in another order; one axis moved to an end is likeliest."""
    if not isinstance(node, ast.Call):
        return
    called = node.func.attr if isinstance(node.func, ast.Attribute) else ""
    reshaped = node.func.value if isinstance(node.func, ast.Attribute) else None
    if reshaped is None or called not in _RESHAPES:
        return
    if place.text(reshaped) == place.numpy():
        if not node.args:
            return
        reshaped = node.args[0]
    given = _turned(reshaped)
    shape = place.shape(given or reshaped)
    if shape is None or not 3 <= len(shape) <= _MOST_AXES:
        return
    name = place.atom(given or reshaped)
    straight = tuple(range(len(shape)))
    if given is not None:
        title = f"leave the axes of `{place.text(given)}` in their order"
        yield place.candidate(title, "transpose", reshaped, place.text(given), 1.4)
    for order in permutations(straight):
        if order == straight:
            continue
        moved = any(_without(order, axis) == _without(straight, axis) for axis in straight)
        axes = ", ".join(map(str, order))
        title = f"put the axes of `{place.text(given or reshaped)}` in the order {axes} first"
        yield place.candidate(title, "transpose", reshaped, f"{name}.transpose({axes})", 1.4 if moved else 1.8)


def _turned(node: ast.expr) -> ast.expr | None:
    """What `.transpose(...)` turns, if an expression is that."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "transpose":
        return node.func.value if node.args else None
    return None


def _without(order: tuple[int, ...], axis: int) -> tuple[int, ...]:
    return tuple(a for a in order if a != axis)


__all__ = ["axis_orders"]
