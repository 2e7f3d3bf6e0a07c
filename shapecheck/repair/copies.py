"""Edits for arrays that are changed while somebody else still keeps them: a copy, or an array of its own."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import replace

from shapecheck.diagnose.compounding_rates import COMPOUNDING
from shapecheck.diagnose.finding import Edit, Finding
from shapecheck.diagnose.kept_best import KEPT_BEST
from shapecheck.diagnose.later import OVERWRITTEN
from shapecheck.diagnose.later_passes import LATER_PASS
from shapecheck.diagnose.moments import KEPT_CORRECTED, ONE_ARRAY
from shapecheck.diagnose.moved_views import MOVED_VIEW
from shapecheck.diagnose.one_object import ONE_OBJECT
from shapecheck.repair.candidate import Candidate
from shapecheck.repair.desk import Desk
from shapecheck.repair.first_rates import first_rates
from shapecheck.repair.kept_best import copies_of_the_best
from shapecheck.repair.moments import own_arrays
from shapecheck.repair.update_order import SYMBOLS

_ATOMS = (ast.Name, ast.Attribute, ast.Subscript, ast.Call)


def copies(desk: Desk, finding: Finding) -> Iterator[Candidate]:
    """Ways not to write into an array that somebody else keeps."""
    if finding.title == LATER_PASS:
        return
    if finding.title == ONE_OBJECT:
        made = desk.expression(finding.cause)
        here = [] if made is None else [desk.source.place(made)[:2]]
        listed = (c for c in _own_arrays(desk) if [(c.edits[0].line, c.edits[0].column)] == here)
        yield from (replace(c, title="make an object of its own for each") for c in listed)
        return
    if finding.title == MOVED_VIEW and (rows := desk.expression(finding.cause)) is not None:
        yield desk.candidate(
            f"keep a copy of `{desk.text(rows)}`", "copy", 0.4, desk.edit(rows, f"{desk.text(rows)}.copy()")
        )
    if finding.title == KEPT_BEST:
        yield from copies_of_the_best(desk, finding)
        return
    change = desk.at(finding.cause)
    if finding.title == OVERWRITTEN and isinstance(change, ast.AugAssign):
        yield from _made_once_more(desk, finding, change)
    if isinstance(change, ast.Assign) and isinstance(change.targets[0], ast.Subscript):
        target = change.targets[0]
        if isinstance(target.slice, ast.Slice | ast.Constant) and desk.text(target.slice) in {":", "..."}:
            name = desk.text(target.value)
            yield desk.candidate(f"make a new array for `{name}`", "copy", 0.5, desk.edit(target, name))
    if isinstance(change, ast.AugAssign):
        name, value = desk.text(change.target), desk.text(change.value)
        symbol = SYMBOLS.get(type(change.op))
        if symbol is not None:
            whole = symbol in "+-" or isinstance(change.value, (*_ATOMS, ast.Constant))
            text = f"{name} = {name} {symbol} {value}" if whole else f"{name} = {name} {symbol} ({value})"
            yield desk.candidate(f"make a new array for `{name}`", "copy", 0.5, desk.edit(change, text))
    yield from _kept_copies(desk, finding)
    yield from _own_arrays(desk)


def _made_once_more(desk: Desk, finding: Finding, change: ast.AugAssign) -> Iterator[Candidate]:
    """What an array held before it was changed, computed anew where that is read: dropout is on top of a sigmoid."""
    reader, name = desk.at(finding.location), desk.text(change.target)
    function = desk.module.enclosing_function(change)
    first = function.lineno if function is not None else 1
    births = (s for s in ast.walk(desk.module.tree) if isinstance(s, ast.Assign) and first <= s.lineno < change.lineno)
    made = [s.value for s in births if any(desk.text(t) == name for t in s.targets)]
    read = [n for n in ast.walk(reader or ast.Pass()) if isinstance(n, ast.expr) and desk.text(n) == name]
    read = [n for n in read if isinstance(getattr(n, "ctx", None), ast.Load)]
    if made and read and reader is not change:
        value = desk.text(made[-1])
        text = value if isinstance(made[-1], _ATOMS) else f"({value})"
        yield desk.candidate(f"compute `{value}` anew here", "copy", 0.45, *(desk.edit(n, text) for n in read))


def _kept_copies(desk: Desk, finding: Finding) -> Iterator[Candidate]:
    nodes = list(desk.module.expressions())
    for node in nodes:
        if not isinstance(node, ast.Call):
            continue
        near = 0.01 * min(abs(node.lineno - finding.cause.line), abs(node.lineno - finding.location.line), 40)
        for keyword in node.keywords:
            if keyword.arg == "out" and isinstance(keyword.value, ast.Name | ast.Attribute):
                rest = [desk.text(a) for a in node.args]
                rest += [f"{k.arg}={desk.text(k.value)}" for k in node.keywords if k is not keyword and k.arg]
                text = f"{desk.text(node.func)}({', '.join(rest)})"
                statement = desk.module.parents.get(node)
                if isinstance(statement, ast.Expr):
                    text = f"{desk.text(keyword.value)} = {text}"
                yield desk.candidate(
                    "write the result into an array of its own", "copy", 0.6 + near, desk.edit(node, text)
                )
        appends = isinstance(node.func, ast.Attribute) and node.func.attr == "append"
        for argument in node.args:
            if not isinstance(argument, ast.Name | ast.Attribute | ast.Subscript) or (
                isinstance(node.func, ast.Name)
                and (node.func.id in {"range", "len", "zip", "print", "enumerate", "float", "int", "reversed"})
            ):
                continue
            name = desk.text(argument)
            cost = (0.7 if appends else 1.4) + near
            yield desk.candidate(f"keep a copy of `{name}`", "copy", cost, desk.edit(argument, f"{name}.copy()"))
    for statement in ast.walk(desk.module.tree):
        if isinstance(statement, ast.Assign) and isinstance(statement.value, ast.Name | ast.Attribute | ast.Subscript):
            near = 0.01 * min(abs(statement.lineno - finding.cause.line), 40)
            name = desk.text(statement.value)
            edit = desk.edit(statement.value, f"{name}.copy()")
            yield desk.candidate(f"keep a copy of `{name}`", "copy", 0.9 + near, edit)


def _own_arrays(desk: Desk) -> Iterator[Candidate]:
    """`[zeros] * n` is n times one array; where there are several such lists, all of them together come first."""
    arrays: list[Edit] = []
    for node in desk.module.expressions():
        if not isinstance(node, ast.BinOp) or not isinstance(node.op, ast.Mult):
            continue
        for listed, count in ((node.left, node.right), (node.right, node.left)):
            if isinstance(listed, ast.List) and len(listed.elts) == 1 and not isinstance(listed.elts[0], ast.Constant):
                text = f"[{desk.text(listed.elts[0])} for _ in range({desk.text(count).strip('()') or 0})]"
                kind = "an array" if isinstance(listed.elts[0], ast.Call) else "a list"
                if isinstance(count, ast.BinOp):
                    text = f"[{desk.text(listed.elts[0])} for _ in range({desk.text(count)})]"
                edit = desk.edit(node, text)
                arrays += [edit] if isinstance(listed.elts[0], ast.Call) else []
                yield desk.candidate(f"make {kind} of its own for each", "copy", 0.4, edit)
    if len(arrays) > 1:
        yield desk.candidate("make an array of its own for each", "copy", 0.35, *arrays)


def separate(desk: Desk, finding: Finding) -> Iterator[Candidate]:
    """An array of its own for each parameter's velocity; a schedule that begins with the first rate."""
    if finding.title == COMPOUNDING:
        yield from first_rates(desk, finding)
    elif finding.title not in {KEPT_CORRECTED, ONE_ARRAY}:
        yield from _own_arrays(desk)
        yield from own_arrays(desk)


__all__ = ["copies", "separate"]
