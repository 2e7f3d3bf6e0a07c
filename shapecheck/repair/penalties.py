"""Candidates for penalties of weights: the derivative of a sum of squares instead of the sum, and its sign."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from shapecheck.repair.candidate import Candidate, Place

_PLACES = (ast.Name, ast.Attribute, ast.Subscript)


def penalty_candidates(place: Place) -> Iterator[Candidate]:
    """`+ c * np.sum(W ** 2)` in a gradient as `+ c * W`."""
    for node in ast.walk(place.statement):
        if isinstance(node, ast.expr) and (weight := _summed_squares(place, node)) is not None:
            text = place.text(weight)
            title = f"use the derivative of the penalty, `{text}`"
            for number, told in enumerate((text, f"2 * {text}")):
                yield place.candidate(title, "term", node, told, 0.3 + 0.1 * number)


def _summed_squares(place: Place, node: ast.expr) -> ast.expr | None:
    """The array of which an expression sums the squares: `np.sum(W ** 2)`, `(W * W).sum()`, `norm(W) ** 2`."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow):
        called = node.left
        if isinstance(called, ast.Call) and _name(called) == "norm" and called.args:
            return called.args[0] if isinstance(called.args[0], _PLACES) else None
        return None
    if not isinstance(node, ast.Call) or _name(node) != "sum" or node.keywords:
        return None
    method = isinstance(node.func, ast.Attribute) and not node.args
    inner = node.func.value if isinstance(node.func, ast.Attribute) and method else next(iter(node.args), None)
    if isinstance(inner, ast.BinOp) and isinstance(inner.op, ast.Pow) and place.text(inner.right) == "2":
        return inner.left if isinstance(inner.left, _PLACES) else None
    if isinstance(inner, ast.BinOp) and isinstance(inner.op, ast.Mult):
        same = place.text(inner.left) == place.text(inner.right)
        return inner.left if same and isinstance(inner.left, _PLACES) else None
    if isinstance(inner, ast.Call) and _name(inner) == "square" and inner.args and isinstance(inner.args[0], _PLACES):
        return inner.args[0]
    return None


def _name(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


__all__ = ["penalty_candidates"]
