"""Statements that come too late: moved above the first statement that reads what they change."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from shapecheck.diagnose.filled_late import FILLED_LATE
from shapecheck.diagnose.finding import Finding
from shapecheck.repair.candidate import Candidate
from shapecheck.repair.desk import Desk
from shapecheck.repair.surroundings import Module
from shapecheck.trace.child import Trace


def earlier(trace: Trace, finding: Finding) -> Iterator[Candidate]:
    """The statement that fills an array, above those of its block that read the array before."""
    path = finding.cause.path
    if finding.title != FILLED_LATE or path not in trace.sources:
        return
    desk = Desk(Module.parse(trace.sources[path]), path)
    late = desk.at(finding.cause)
    target = _root(late)
    if late is None or target is None:
        return
    text, block = desk.text(target), desk.block(late)
    for other in block[: block.index(late)]:
        if any(desk.text(n) == text for n in _read(other)):
            edits = (desk.whole(late), desk.before(other, *desk.lines(late).split("\n")))
            yield desk.candidate(f"fill `{text}` before it is used", "order", 0.5, *edits)
            return


def _root(statement: ast.stmt | None) -> ast.expr | None:
    """What a statement changes an item or a part of."""
    if isinstance(statement, ast.Assign):
        target = statement.targets[0]
    elif isinstance(statement, ast.AugAssign):
        target = statement.target
    else:
        return None
    while isinstance(target, ast.Subscript):
        target = target.value
    return target


def _read(statement: ast.stmt) -> Iterator[ast.expr]:
    for node in ast.walk(statement):
        if isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Load):
            yield node


__all__ = ["earlier"]
