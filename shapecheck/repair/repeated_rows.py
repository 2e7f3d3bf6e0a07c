"""`np.add.at` and `np.subtract.at` where `x[ids] += g` takes of repeated rows only the last."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from shapecheck.diagnose.finding import Edit, Finding
from shapecheck.diagnose.repeated_rows import REPEATED_ROWS
from shapecheck.repair.candidate import Candidate
from shapecheck.repair.desk import Desk, places_of
from shapecheck.repair.surroundings import Module
from shapecheck.trace.child import Trace


def every_row(trace: Trace, finding: Finding) -> Iterator[Candidate]:
    """The statements that add to rows, as ones that add to a row as often as it comes: all of them, and the first."""
    path = finding.cause.path
    if finding.title != REPEATED_ROWS or path not in trace.sources:
        return
    desk = Desk(Module.parse(trace.sources[path]), path)
    numpy, statements = desk.numpy(), desk.statements(places_of(finding))
    edits = [edit for s in statements if numpy and (edit := _counted(desk, s, numpy)) is not None]
    for number in dict.fromkeys((len(edits), 1)) if edits else ():
        title = "count every row as often as it comes"
        yield desk.candidate(title, "accumulate", 0.4 if number == len(edits) else 0.5, *edits[:number])


def _counted(desk: Desk, statement: ast.stmt, numpy: str) -> Edit | None:
    """A statement with `np.add.at` or `np.subtract.at` for what it adds to rows."""
    if isinstance(statement, ast.AugAssign):
        target: ast.expr = statement.target
        operator, value = statement.op, statement.value
    elif isinstance(statement, ast.Assign) and isinstance(statement.value, ast.BinOp):
        target, operator, value = statement.targets[0], statement.value.op, statement.value.right
        if desk.text(target) != desk.text(statement.value.left):
            return None
    else:
        return None
    name = {ast.Add: "add", ast.Sub: "subtract"}.get(type(operator))
    if name is None or not isinstance(target, ast.Subscript):
        return None
    array, index = desk.text(target.value), desk.text(target.slice)
    return desk.edit(statement, f"{numpy}.{name}.at({array}, {index}, {desk.text(value)})")


__all__ = ["every_row"]
