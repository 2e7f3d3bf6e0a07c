"""`np.add.at` and `np.subtract.at` where `x[ids] += g` takes of repeated rows only the last."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from shapecheck.diagnose.finding import Finding
from shapecheck.diagnose.repeated_rows import REPEATED_ROWS
from shapecheck.repair.candidate import Candidate
from shapecheck.repair.desk import Desk
from shapecheck.repair.surroundings import Module
from shapecheck.trace.child import Trace


def every_row(trace: Trace, finding: Finding) -> Iterator[Candidate]:
    """The statement that adds to rows, as one that adds to a row as often as it comes."""
    path = finding.cause.path
    if finding.title != REPEATED_ROWS or path not in trace.sources:
        return
    desk = Desk(Module.parse(trace.sources[path]), path)
    statement = desk.at(finding.cause)
    aliases = [a for n in ast.walk(desk.module.tree) if isinstance(n, ast.Import) for a in n.names]
    numpy = next((a.asname or a.name for a in aliases if a.name == "numpy"), None)
    if numpy is None:
        return
    if isinstance(statement, ast.AugAssign):
        target: ast.expr = statement.target
        operator, value = statement.op, statement.value
    elif isinstance(statement, ast.Assign) and isinstance(statement.value, ast.BinOp):
        target, operator, value = statement.targets[0], statement.value.op, statement.value.right
        if desk.text(target) != desk.text(statement.value.left):
            return
    else:
        return
    name = {ast.Add: "add", ast.Sub: "subtract"}.get(type(operator))
    if name is not None and isinstance(target, ast.Subscript):
        array, index = desk.text(target.value), desk.text(target.slice)
        text = f"{numpy}.{name}.at({array}, {index}, {desk.text(value)})"
        title = f"count every row of `{array}` as often as it comes"
        yield desk.candidate(title, "accumulate", 0.4, desk.edit(statement, text))


__all__ = ["every_row"]
