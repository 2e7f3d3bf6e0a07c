"""Edits by which batches no longer overlap."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from shapecheck.diagnose.finding import Edit, Finding
from shapecheck.repair.candidate import Candidate
from shapecheck.repair.desk import Desk

_WIDTHS = (ast.Name, ast.Attribute, ast.Subscript, ast.Call, ast.Constant)


def whole_strides(desk: Desk, finding: Finding) -> Iterator[Candidate]:
    """`X[i:i + size]`, of every array that a statement takes a batch of, as `X[i * size:(i + 1) * size]`."""
    statement = desk.at(finding.cause)
    edits: list[Edit] = []
    for node in ast.walk(statement or ast.Pass()):
        if not isinstance(node, ast.Slice) or not isinstance(node.lower, ast.Name) or node.step is not None:
            continue
        width = _width(desk, node.upper, node.lower.id)
        if width is not None:
            name = node.lower.id
            edits.append(desk.edit(node, f"{name} * {width}:({name} + 1) * {width}"))
    if edits:
        yield desk.candidate("begin each batch where the one before ended", "stride", 0.4, *edits)


def _width(desk: Desk, upper: ast.expr | None, name: str) -> str | None:
    """What is added to a name."""
    if not isinstance(upper, ast.BinOp) or not isinstance(upper.op, ast.Add):
        return None
    for own, other in ((upper.left, upper.right), (upper.right, upper.left)):
        if isinstance(own, ast.Name) and own.id == name and isinstance(other, _WIDTHS):
            return desk.text(other)
    return None


__all__ = ["whole_strides"]
