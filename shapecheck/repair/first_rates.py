"""Edits of a schedule that goes on from the rate that it has lowered already: it begins with the first rate instead."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from shapecheck.diagnose.finding import Edit, Finding
from shapecheck.repair.candidate import Candidate
from shapecheck.repair.desk import Desk
from shapecheck.repair.update_order import SYMBOLS

_TITLE = "take the share of the first rate"


def first_rates(desk: Desk, finding: Finding) -> Iterator[Candidate]:
    """Edits by which each turn's rate is made from a number that stays as it is."""
    statement = desk.at(finding.cause)
    if isinstance(statement, ast.Return):
        # `rate = lowered(rate, epoch)`: what the function is given is another number.
        for call in _calls(desk, statement):
            yield from _from_another(desk, call)
    elif isinstance(statement, ast.Assign | ast.AugAssign):
        yield from _from_another(desk, statement)


def _calls(desk: Desk, statement: ast.Return) -> Iterator[ast.Assign]:
    """The assignments of what the function around a statement gives back."""
    function = desk.module.enclosing_function(statement)
    for node in ast.walk(desk.module.tree) if function is not None else ():
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call):
            called = node.value.func
            name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
            if function is not None and name == function.name:
                yield node


def _from_another(desk: Desk, statement: ast.Assign | ast.AugAssign) -> Iterator[Candidate]:
    """The edits of one statement that makes a rate from itself."""
    target = statement.target if isinstance(statement, ast.AugAssign) else statement.targets[0]
    rate = desk.text(target)
    if not isinstance(target, ast.Name | ast.Attribute):
        return
    for number, (base, kept) in enumerate(_bases(desk, statement, rate)):
        if isinstance(statement, ast.AugAssign):
            symbol = SYMBOLS.get(type(statement.op))
            value = desk.text(statement.value)
            value = f"({value})" if isinstance(statement.value, ast.BinOp) else value
            edits = [desk.edit(statement, f"{rate} = {base} {symbol} {value}")]
        else:
            read = (n for n in ast.walk(statement.value) if isinstance(n, ast.Name | ast.Attribute))
            edits = [desk.edit(n, base) for n in read if desk.text(n) == rate]
        if edits:
            yield desk.candidate(_TITLE, "schedule", 0.4 + 0.2 * number, *edits, *kept)


def _bases(desk: Desk, statement: ast.stmt, rate: str) -> Iterator[tuple[str, list[Edit]]]:
    """(what holds the first rate, the edits that make it) for each way of keeping it."""
    births = [n for n in ast.walk(desk.module.tree) if isinstance(n, ast.Assign) and n is not statement]
    births = [n for n in births if len(n.targets) == 1 and desk.text(n.targets[0]) == rate]
    function = desk.module.enclosing_function(statement)
    for birth in births:
        here = desk.module.enclosing_function(birth) is function
        if here and isinstance(birth.value, ast.Name | ast.Attribute) and birth.lineno < statement.lineno:
            yield desk.text(birth.value), []
    plain = rate.rpartition(".")[2]
    name = f"first_{plain}"
    if any(isinstance(n, ast.Name) and n.id == name for n in ast.walk(desk.module.tree)):
        return
    loop = outer = desk.loop(statement)
    while outer is not None:
        loop, outer = outer, desk.loop(outer)
    if loop is not None:
        yield name, [desk.before(loop, f"{name} = {rate}")]
    elif rate.startswith("self.") and len(births) == 1:
        yield f"self.{name}", [desk.after(births[0], f"self.{name} = {rate}")]


__all__ = ["first_rates"]
