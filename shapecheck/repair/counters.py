"""Counters that stand still: `step = 0` before a loop that reads `step` in every turn, and nothing counts it on."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from shapecheck.diagnose.finding import Finding
from shapecheck.repair.candidate import Candidate
from shapecheck.repair.desk import Desk
from shapecheck.repair.surroundings import Module
from shapecheck.trace.child import Trace


def counters(trace: Trace, finding: Finding) -> Iterator[Candidate]:
    """Statements that count on what makes a number that is none: Adam divides by `1 - 0.9**step`."""
    path = finding.cause.path
    if finding.code == "SC501" and path in trace.sources:
        desk = Desk(Module.parse(trace.sources[path]), path)
        statement = desk.at(finding.cause)
        if statement is not None:
            yield from _counted_on(desk, statement)


def _counted_on(desk: Desk, statement: ast.stmt) -> Iterator[Candidate]:
    """In every turn of a loop around a statement, what that reads and nobody changes."""
    for name in sorted({n.id for n in ast.walk(statement) if isinstance(n, ast.Name) and _stands_still(desk, n)}):
        loops = list(_around(desk, statement))
        working = next((loop for loop, _ in loops if _works(desk, loop)), None)
        for number, (loop, inner) in enumerate(loops):
            edit = desk.before(inner, f"{name} += 1")
            cost = (0.4 if loop is working else 1.2) + 0.1 * number
            yield desk.candidate(f"count `{name}` on in every turn", "insert", cost, edit)


def _stands_still(desk: Desk, name: ast.Name) -> bool:
    """Whether a name of the same function is set once, to a whole number."""
    function = desk.module.enclosing_function(name) or desk.module.tree
    stored = [n for n in ast.walk(function) if isinstance(n, ast.Name) and n.id == name.id]
    stored = [n for n in stored if isinstance(n.ctx, ast.Store)]
    if len(stored) != 1 or isinstance(name.ctx, ast.Store):
        return False
    value = _value_of(desk, stored[0])
    return isinstance(value, ast.Constant) and type(value.value) is int


def _value_of(desk: Desk, target: ast.Name) -> ast.expr | None:
    """What an assignment gives a name, also as one of several."""
    parent = desk.module.parents.get(target)
    if isinstance(parent, ast.Assign):
        return parent.value
    if isinstance(parent, ast.Tuple) and isinstance(whole := desk.module.parents.get(parent), ast.Assign):
        if isinstance(whole.value, ast.Tuple) and len(whole.value.elts) == len(parent.elts):
            return whole.value.elts[parent.elts.index(target)]
    return None


def _around(desk: Desk, statement: ast.stmt) -> Iterator[tuple[ast.For | ast.While, ast.stmt]]:
    """The loops around a statement, the innermost first, each with that statement of its body which it is part of."""
    inner: ast.AST = statement
    current = desk.module.parents.get(statement)
    while current is not None and not isinstance(current, ast.FunctionDef | ast.AsyncFunctionDef):
        if isinstance(current, ast.For | ast.While) and isinstance(inner, ast.stmt) and inner in current.body:
            yield current, inner
        inner, current = current, desk.module.parents.get(current)


def _works(desk: Desk, loop: ast.For | ast.While) -> bool:
    """Whether a loop's turns are steps: they call a function of the program, or multiply matrices."""
    own = {n.name for n in ast.walk(desk.module.tree) if isinstance(n, ast.FunctionDef)}
    for node in ast.walk(loop):
        if isinstance(node, ast.Call):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if called in own or called == "dot":
                return True
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.MatMult):
            return True
    return False


__all__ = ["counters"]
