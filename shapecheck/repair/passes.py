"""Forward passes that come between another and its backward pass: put before the one, or after the other."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from shapecheck.diagnose.finding import Finding
from shapecheck.diagnose.later_passes import LATER_PASS
from shapecheck.repair.candidate import Candidate
from shapecheck.repair.desk import Desk
from shapecheck.repair.surroundings import Module
from shapecheck.trace.child import Trace

# So many statements before and after it are passed over.
_FARTHEST = 6


def passes_apart(trace: Trace, finding: Finding) -> Iterator[Candidate]:
    """The statement that runs the network once more, at other places of its block."""
    path = finding.cause.path
    if finding.title != LATER_PASS or path not in trace.sources or not trace.sources[path].text.endswith("\n"):
        return
    desk = Desk(Module.parse(trace.sources[path]), path)
    statement = desk.at(finding.cause)
    levels = [level for place in _called(desk, statement) for level in _levels(desk, place)]
    for number, moved in enumerate(levels):
        block = desk.block(moved)
        place = block.index(moved) if moved in block else 0
        texts = desk.lines(moved).split("\n")
        for distance, other in enumerate(block[max(0, place - _FARTHEST) : place][::-1]):
            edits = (desk.before(other, *texts), desk.whole(moved))
            cost = 0.4 + 0.05 * distance + 0.4 * number
            yield desk.candidate("run this forward pass before the other", "order", cost, *edits)
        for distance, other in enumerate(block[place + 1 : place + 1 + _FARTHEST]):
            edits = (desk.whole(moved), desk.after(other, *texts))
            cost = 0.5 + 0.05 * distance + 0.4 * number
            yield desk.candidate("run this forward pass after the backward pass", "order", cost, *edits)


def _called(desk: Desk, statement: ast.stmt | None) -> Iterator[ast.stmt | None]:
    """A statement; where it hands back what a function does, those that call the function."""
    function = desk.module.enclosing_function(statement) if isinstance(statement, ast.Return) else None
    if function is None:
        yield statement
        return
    for node in desk.module.parents:
        named = {getattr(node.func, "id", ""), getattr(node.func, "attr", "")} if isinstance(node, ast.Call) else set()
        if function.name in named:
            yield desk.module.statement(node)


def _levels(desk: Desk, statement: ast.stmt | None) -> Iterator[ast.stmt]:
    """A statement, and the conditions that it stands under: what is done every tenth time is moved as a whole."""
    while statement is not None:
        if not isinstance(statement, ast.Return):
            yield statement
        parent = desk.module.parents.get(statement)
        statement = parent if isinstance(parent, ast.If | ast.With | ast.For) else None
        if isinstance(statement, ast.For) and len(statement.body) > _FARTHEST:
            return


__all__ = ["passes_apart"]
