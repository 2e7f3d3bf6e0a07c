"""Squares of single errors for the square of their sum: `np.mean((y - t) ** 2)` for `np.mean(y - t) ** 2`."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from shapecheck.diagnose.cancelled_errors import CANCELLED
from shapecheck.diagnose.finding import Finding
from shapecheck.repair.candidate import Candidate
from shapecheck.repair.desk import Desk

_ATOMS = (ast.Name, ast.Attribute, ast.Subscript, ast.Call)
_SUMS = frozenset({"mean", "sum", "average"})


def squared_apart(desk: Desk, finding: Finding) -> Iterator[Candidate]:
    """Edits that square before they sum up."""
    whole = desk.expression(finding.cause)
    for node in ast.walk(whole) if whole is not None and finding.title == CANCELLED else ():
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow) and isinstance(node.left, ast.Call):
            summed, square = node.left, f"{{}} ** {desk.text(node.right)}"
        elif isinstance(node, ast.Call) and _name(node) == "square" and isinstance(node.args[0], ast.Call):
            summed, square = node.args[0], f"{desk.text(node.func)}({{}})"
        else:
            continue
        added = _added(summed)
        if added is not None:
            before, after = desk.text(summed).split(desk.text(added), 1)
            plain = isinstance(added, _ATOMS) or isinstance(node, ast.Call)
            squared = square.format(desk.text(added) if plain else f"({desk.text(added)})")
            method = after.startswith(".") and isinstance(node, ast.BinOp)
            told = f"{before}({squared}){after}" if method else f"{before}{squared}{after}"
            yield desk.candidate("square each error by itself", "square", 0.4, desk.edit(node, told))


def _added(call: ast.Call) -> ast.expr | None:
    """What a call sums up: its argument, or the array whose method it is."""
    if _name(call) not in _SUMS:
        return None
    if call.args and not isinstance(call.args[0], ast.Constant):
        return call.args[0]
    return call.func.value if isinstance(call.func, ast.Attribute) else None


def _name(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


__all__ = ["squared_apart"]
