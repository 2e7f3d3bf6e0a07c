"""The items of a list that is handed to a function, in another order: `np.hstack([di, df, do, dg])`.

What the forward pass cuts into pieces the backward pass puts together again, and the pieces are mostly of one shape.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from itertools import combinations, permutations

from shapecheck.repair.candidate import Candidate, Place

# Of more items only two change places.
_MOST_PERMUTED = 4
_MOST_ITEMS = 12


def item_orders(place: Place, node: ast.expr) -> Iterator[Candidate]:
    """The arrays of a list, or of a tuple, in another order; the fewer are elsewhere the likelier."""
    if not isinstance(node, ast.List | ast.Tuple) or not isinstance(node.ctx, ast.Load):
        return
    around, items = place.parent(node), node.elts
    joined = isinstance(around, ast.Call) or (isinstance(around, ast.Subscript) and _joins(around))
    if not joined or not 2 <= len(items) <= _MOST_ITEMS or any(isinstance(i, ast.Starred | ast.Slice) for i in items):
        return
    if any(isinstance(i, ast.Constant) or place.shape(i) == () for i in items):
        return  # sizes, or axes
    for order in _orders(len(items)):
        moved = [(old, items[new]) for old, new in zip(items, order, strict=True) if old is not items[new]]
        if any(place.text(old) == place.text(new) for old, new in moved):
            continue
        edits = tuple(place.edit(old, place.text(new)) for old, new in moved)
        title = f"put them in the order {', '.join(f'`{place.text(items[new])}`' for new in order)}"
        yield Candidate(title, "index", edits, 1.3 + 0.1 * len(moved), place.path, edits[0].line)


def _joins(node: ast.Subscript) -> bool:
    """Whether a subscript is no index: `np.c_[a, b]`."""
    return isinstance(node.value, ast.Attribute) and node.value.attr in {"c_", "r_"}


def _orders(count: int) -> Iterator[Sequence[int]]:
    straight = tuple(range(count))
    if count <= _MOST_PERMUTED:
        yield from (order for order in permutations(straight) if order != straight)
        return
    for first, second in combinations(straight, 2):
        order = list(straight)
        order[first], order[second] = second, first
        yield order


__all__ = ["item_orders"]
