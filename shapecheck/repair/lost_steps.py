"""Edits for steps that are lost, doubled, or take the place of what they should be added to."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from shapecheck.diagnose.finding import Edit, Finding
from shapecheck.diagnose.left_views import LEFT_VIEW
from shapecheck.diagnose.moved_copies import MOVED_COPY
from shapecheck.diagnose.overwritten_shares import OVERWRITTEN_SHARE
from shapecheck.diagnose.replaced import BECOMES_ITS_STEP, MULTIPLIED
from shapecheck.diagnose.trail import ALSO
from shapecheck.repair.candidate import Candidate
from shapecheck.repair.desk import Desk
from shapecheck.repair.in_place import arrays_themselves, in_place

_PLACES = (ast.Name, ast.Attribute, ast.Subscript)


def applied_once(desk: Desk, finding: Finding) -> Iterator[Candidate]:
    """Each parameter moved once in a step, from what it was: kept, made in place, or left out where it is two."""
    statement = desk.at(finding.cause)
    if statement is None:
        return
    if finding.title == MOVED_COPY:
        yield from arrays_themselves(desk, finding)
        return
    together = desk.statements([finding.cause, *(s.span for s in finding.trail if s.note == ALSO)])
    if finding.title.endswith(BECOMES_ITS_STEP):
        yield from _added_to_what_was(desk, together)
        return
    if finding.title.endswith(MULTIPLIED):
        yield from _added_in_place_of_multiplied(desk, together)
        return
    places = _PLACES if finding.title == LEFT_VIEW else (ast.Name,)
    edits = [e for s in together if (e := in_place(desk, s, places)) is not None]
    if edits and len(edits) == len(together):
        yield desk.candidate("change the array itself", "in place", 0.5, *edits)
    kept = [e for s in together if (e := _kept(desk, s)) is not None]
    if kept and len(kept) == len(together):
        yield desk.candidate("keep the result where it belongs", "in place", 0.6, *kept)
    if isinstance(statement, ast.Assign) and isinstance(statement.value, ast.BinOp):
        yield from _from_the_start(desk, statement)
    if "second time" in finding.title and len(desk.block(statement)) > 1:
        what = "addition" if "adds" in finding.title else "step"
        yield desk.candidate(f"leave out the second {what}", "delete", 0.9, desk.whole(statement))
    yield from _like_its_neighbours(desk, finding, statement)


def _added_to_what_was(desk: Desk, statements: Sequence[ast.stmt]) -> Iterator[Candidate]:
    """`b = rate * db` as a step of what `b` was, up or down."""
    for down in (True, False):
        edits = [e for s in statements if (e := _on_top(desk, s, down)) is not None]
        if edits and len(edits) == len(statements):
            verb = "subtract the step from" if down else "add the step to"
            yield desk.candidate(f"{verb} what was there", "in place", 0.4, *edits)


def _on_top(desk: Desk, statement: ast.stmt | None, down: bool) -> Edit | None:
    """`x = value` as `x += value`, or where it goes down as `x -= value`."""
    if not isinstance(statement, ast.Assign) or len(statement.targets) != 1:
        return None
    name, value = desk.text(statement.targets[0]), desk.text(statement.value)
    summed = isinstance(statement.value, ast.BinOp) and isinstance(statement.value.op, ast.Add | ast.Sub)
    if down and summed:
        return desk.edit(statement, f"{name} -= ({value})")
    minus = value.startswith("-") and isinstance(statement.value, ast.UnaryOp | ast.BinOp) and not summed
    return desk.edit(statement, f"{name} {'-=' if down != minus else '+='} {value[minus:].lstrip()}")


def _added_in_place_of_multiplied(desk: Desk, statements: Sequence[ast.stmt]) -> Iterator[Candidate]:
    """`w = w * rate * dw` as `w = w - rate * dw`, down or up."""
    for symbol, verb in (("-", "subtract the step from"), ("+", "add the step to")):
        edits = [e for s in statements if (e := _summed(desk, s, symbol)) is not None]
        if edits and len(edits) == len(statements):
            yield desk.candidate(f"{verb} what was there", "operator", 0.4, *edits)


def _summed(desk: Desk, statement: ast.stmt, symbol: str) -> Edit | None:
    """`x *= step`, or `x = x * step`, with a sum for the product of what was there and its step."""
    if isinstance(statement, ast.AugAssign) and isinstance(statement.op, ast.Mult):
        return desk.edit(statement, f"{desk.text(statement.target)} {symbol}= {desk.text(statement.value)}")
    if not isinstance(statement, ast.Assign) or len(statement.targets) != 1:
        return None
    target, value = desk.text(statement.targets[0]), statement.value
    factors: list[ast.expr] = []
    while isinstance(value, ast.BinOp) and isinstance(value.op, ast.Mult):
        factors.insert(0, value.right)
        value = value.left
    if not factors or desk.text(value) != target:
        return None
    step = " * ".join(_grouped(desk, factor, alone=len(factors) == 1) for factor in factors)
    return desk.edit(statement, f"{target} = {target} {symbol} {step}")


def _grouped(desk: Desk, node: ast.expr, *, alone: bool) -> str:
    """A factor as it is written as one of several, or as a term by itself."""
    product = isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult | ast.MatMult | ast.Div)
    return f"({desk.text(node)})" if isinstance(node, ast.BinOp) and not (alone and product) else desk.text(node)


def both_shares(desk: Desk, finding: Finding) -> Iterator[Candidate]:
    """`dh = ...`, which overwrites another share, as an addition to it."""
    statement = desk.at(finding.cause)
    edit = _on_top(desk, statement, down=False) if finding.title == OVERWRITTEN_SHARE else None
    if edit is not None and isinstance(statement, ast.Assign):
        yield desk.candidate(f"add it to `{desk.text(statement.targets[0])}`", "in place", 0.4, edit)


def _kept(desk: Desk, statement: ast.stmt) -> Edit | None:
    """`total + g` by itself, or `db = b - rate * db`, with the result kept where its first operand is."""
    if not isinstance(statement, ast.Expr | ast.Assign) or not isinstance(statement.value, ast.BinOp):
        return None
    value = statement.value
    symbol = {ast.Add: "+=", ast.Sub: "-=", ast.Mult: "*=", ast.Div: "/="}.get(type(value.op))
    if symbol is None or not isinstance(value.left, ast.Name | ast.Attribute | ast.Subscript):
        return None
    if isinstance(statement, ast.Expr):
        return desk.edit(statement, f"{desk.text(value.left)} {symbol} {desk.text(value.right)}")
    target = statement.targets[0]
    if len(statement.targets) > 1 or desk.text(target) == desk.text(value.left):
        return None
    return desk.edit(target, desk.text(value.left))


def _from_the_start(desk: Desk, statement: ast.Assign) -> Iterator[Candidate]:
    """`theta[0] = theta[0] - ...`, where `theta` has been moved already: start from what it was made of."""
    target = statement.targets[0]
    if not isinstance(target, ast.Subscript) or not isinstance(target.value, ast.Name):
        return
    name = target.value.id
    function = desk.module.enclosing_function(statement)
    for other in ast.walk(function or desk.module.tree):
        if not isinstance(other, ast.Assign) or other.lineno >= statement.lineno:
            continue
        if desk.text(other.targets[0]) == name and isinstance(other.value, ast.Attribute | ast.Name | ast.Subscript):
            source = desk.text(other.value)
            reads = [n for n in ast.walk(statement.value) if isinstance(n, ast.Name) and n.id == name]
            edits = [desk.edit(n, source) for n in reads]
            if edits and source != name:
                yield desk.candidate(f"start from `{source}`, which has not been moved", "name", 0.5, *edits)


def _like_its_neighbours(desk: Desk, finding: Finding, statement: ast.stmt) -> Iterator[Candidate]:
    """A gradient that nobody applies, applied as the others are."""
    bound = desk.text(statement.targets[0]) if isinstance(statement, ast.Assign) else ""
    if "never updated" not in finding.title or not bound or not finding.parameters:
        return
    function = desk.module.enclosing_function(statement)
    updates = [n for n in ast.walk(function or desk.module.tree) if isinstance(n, ast.AugAssign)]
    updates = [n for n in updates if isinstance(n.op, ast.Sub | ast.Add) and n.lineno > statement.lineno]
    common = set.intersection(*(_names(n.value) for n in updates)) if len(updates) > 1 else set()
    for number, update in enumerate(reversed(updates)):
        own = [n for n in ast.walk(update.value) if isinstance(n, ast.Name) and n.id not in common]
        if len(own) != 1:
            continue
        symbol = "-=" if isinstance(update.op, ast.Sub) else "+="
        value = desk.text(update.value).replace(own[0].id, bound)
        text = f"{finding.parameters[0]} {symbol} {value}"
        edit = desk.after(update, text)
        yield desk.candidate(f"update `{finding.parameters[0]}` too", "insert", 0.5 + 0.1 * number, edit)
        return


def _names(node: ast.AST) -> set[str]:
    return {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}


__all__ = ["applied_once", "both_shares"]
