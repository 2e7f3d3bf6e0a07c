"""Another result for a function that hands back something else than the gradients that it has put together."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from shapecheck.diagnose.finding import Finding
from shapecheck.diagnose.number_steps import NOT_RETURNED
from shapecheck.repair.candidate import Candidate
from shapecheck.repair.desk import Desk

_FILLING = frozenset({"append", "insert", "update", "setdefault"})


def filled_results(desk: Desk, finding: Finding) -> Iterator[Candidate]:
    """`return grads` for `return delta`, where the function fills `grads`."""
    statement = desk.at(finding.cause)
    function = desk.module.enclosing_function(statement) if statement is not None else None
    if finding.title != NOT_RETURNED or not isinstance(statement, ast.Return) or statement.value is None:
        return
    returned = {n.id for n in ast.walk(statement.value) if isinstance(n, ast.Name)}
    for number, name in enumerate(n for n in _filled(function) if n not in returned):
        for more, text in ((0.0, name), (0.05, f"{name}[::-1]")):  # filled from the output backwards
            edit = desk.edit(statement.value, text)
            yield desk.candidate(f"return `{text}`", "return", 0.4 + 0.1 * number + more, edit)


def _filled(function: ast.AST | None) -> list[str]:
    """The names of what a function makes and puts things into."""
    nodes = list(ast.walk(function)) if function is not None else []
    made = {n.id for n in nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    found: dict[str, None] = {}
    for node in nodes:
        holder = None
        if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store):
            holder = node.value
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _FILLING:
            holder = node.func.value
        if isinstance(holder, ast.Name) and holder.id in made:
            found[holder.id] = None
    return list(found)


__all__ = ["filled_results"]
