"""Edits by which a step moves the array that the network reads: changed in place, and no copy of it."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from shapecheck.diagnose.finding import Edit, Finding
from shapecheck.repair.candidate import Candidate
from shapecheck.repair.desk import Desk, places_of

_PLACES = (ast.Name, ast.Attribute, ast.Subscript)


def arrays_themselves(desk: Desk, finding: Finding) -> Iterator[Candidate]:
    """No copies handed on, and no new arrays made by the steps."""
    made, cause = desk.expression(finding.cause), desk.at(finding.cause)
    handed_on = list(_uncopied(desk, made)) if isinstance(made, ast.Call) else []
    steps = [s for s in desk.statements(places_of(finding)) if not handed_on or s is not cause]
    rebound = [s for s in steps if isinstance(s, ast.Assign)]
    changed = [e for s in rebound if (e := in_place(desk, s, _PLACES)) is not None]
    if len(changed) == len(rebound) and (handed_on or changed):
        title = "hand on the arrays themselves" if handed_on else "change the arrays themselves"
        yield desk.candidate(title, "in place", 0.4, *handed_on, *changed)


def in_place(desk: Desk, statement: ast.stmt, places: tuple[type[ast.expr], ...]) -> Edit | None:
    """`w = w - step`, where `w` is written in one of some ways, as a change of the array itself."""
    if not isinstance(statement, ast.Assign) or not isinstance(statement.value, ast.BinOp):
        return None
    target, value = statement.targets[0], statement.value
    if not isinstance(target, places) or desk.text(target) != desk.text(value.left):
        return None
    if not isinstance(value.op, ast.Add | ast.Sub):
        return None
    symbol = "-=" if isinstance(value.op, ast.Sub) else "+="
    return desk.edit(statement, f"{desk.text(target)} {symbol} {desk.text(value.right)}")


def _uncopied(desk: Desk, made: ast.Call) -> Iterator[Edit]:
    """A copy as what it is a copy of: `p.flatten()` as `p.ravel()`, which shares its memory, `p.copy()` as `p`."""
    name = made.func.attr if isinstance(made.func, ast.Attribute) else getattr(made.func, "id", "")
    if isinstance(made.func, ast.Attribute) and name == "flatten":
        yield desk.edit(made, f"{desk.text(made.func.value)}.ravel()")
    elif isinstance(made.func, ast.Attribute) and (name == "astype" or (name == "copy" and not made.args)):
        yield desk.edit(made, desk.text(made.func.value))
    elif name in {"copy", "array"} and len(made.args) == 1:
        yield desk.edit(made, desk.text(made.args[0]))


__all__ = ["arrays_themselves", "in_place"]
