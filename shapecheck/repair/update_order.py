"""Edits for steps that come before the backward pass has read what they change: moved behind it, or made of copies."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from shapecheck.diagnose.finding import Finding
from shapecheck.diagnose.lagging import LATE_STEP
from shapecheck.repair.candidate import Candidate
from shapecheck.repair.desk import Desk, places_of

SYMBOLS: dict[type[ast.operator], str] = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/"}

# So deep in calls a step may be made: a network's layer's optimizer's.
_MOST_CALLS_DOWN = 3


def update_later(desk: Desk, finding: Finding) -> Iterator[Candidate]:
    """Edits after which a step comes when all that needs the array as it was has read it."""
    if finding.title == LATE_STEP:
        yield from _call_later(desk, finding)
    reader = desk.at(finding.location)
    early = [s for s in desk.statements(places_of(finding)) if s is not reader]
    if reader is None or not early:
        return
    yield from _called_before(desk, reader, early)
    yield from _read_from_a_copy(desk, reader, early)
    yield from _kept_before(desk, reader, early)
    block = desk.block(reader)
    moved = [s for s in early if s in block]
    if not moved:
        reader, moved = _side_by_side(desk, reader, early[0])
        block = desk.block(reader)
    if not moved:
        return
    texts = [line for s in moved for line in desk.lines(s).split("\n")]
    if isinstance(reader, ast.Return) and reader.value is not None:
        name = _new_name(desk, reader)
        first = min(moved, key=lambda s: s.lineno)
        given = desk.before(first, f"{name} = {desk.text(reader.value)}")
        title = "compute what is returned before the update"
        yield desk.candidate(title, "order", 0.5, given, desk.edit(reader.value, name))
    ends = [s for s in block if isinstance(s, ast.Return | ast.Continue | ast.Break)]
    targets = [("after", reader)] if not ends else [("after", reader), ("before", ends[0])]
    if block[-1] is not reader and not ends:
        targets.append(("after", block[-1]))
    for number, (where, place) in enumerate(targets):
        inserted = desk.after(place, *texts) if where == "after" else desk.before(place, *texts)
        edits = (*[desk.whole(s) for s in moved], inserted)
        yield desk.candidate("update after the backward pass has used it", "order", 0.5 + 0.2 * number, *edits)


def _call_later(desk: Desk, finding: Finding) -> Iterator[Candidate]:
    """`optimizer.step()` behind `backward(...)`, where the step and the gradient are made in functions of their own."""
    functions = [
        {f.name for f in _functions_around(desk, statement)}
        for span in (finding.cause, finding.location)
        if (statement := desk.at(span)) is not None
    ]
    if len(functions) < 2 or not functions[0] or not functions[1] or functions[0] & functions[1]:
        return
    for statement in (n for n in ast.walk(desk.module.tree) if isinstance(n, ast.Expr | ast.Assign)):
        block = desk.block(statement)
        if statement not in block or not _calls(statement, functions[0]):
            continue
        later = [s for s in block[block.index(statement) + 1 :] if _calls(s, functions[1])]
        if later:
            inserted = desk.after(later[0], *desk.lines(statement).split("\n"))
            yield desk.candidate("take the step after the backward pass", "order", 0.4, desk.whole(statement), inserted)


def _called_before(desk: Desk, reader: ast.stmt, early: list[ast.stmt]) -> Iterator[Candidate]:
    """`decoder.update()`, in a function of its own, behind the statement beside it that needs its weights as they were.

    The weights are changed some calls further down: what calls that is followed by name.
    """
    names = {f.name for statement in early for f in _functions_around(desk, statement)}
    functions = [n for n in ast.walk(desk.module.tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]
    for _ in range(_MOST_CALLS_DOWN):
        names |= {f.name for f in functions if any(_calls(s, names) for s in f.body)}
    block = desk.block(reader)
    before = block[: block.index(reader)] if reader in block else []
    calling = [s for s in before if isinstance(s, ast.Expr | ast.Assign) and _calls(s, names)]
    for number, statement in enumerate(reversed(calling)):
        inserted = desk.after(reader, *desk.lines(statement).split("\n"))
        edits = (desk.whole(statement), inserted)
        yield desk.candidate("update after the backward pass has used it", "order", 0.5 + 0.1 * number, *edits)


def _functions_around(desk: Desk, statement: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    found = desk.module.parents.get(statement)
    while found is not None:
        if isinstance(found, ast.FunctionDef | ast.AsyncFunctionDef):
            yield found
        found = desk.module.parents.get(found)


def _calls(statement: ast.AST, names: set[str]) -> bool:
    """Whether a statement calls a function of one of some names."""
    called = [n.func for n in ast.walk(statement) if isinstance(n, ast.Call)]
    return any((f.attr if isinstance(f, ast.Attribute) else getattr(f, "id", "")) in names for f in called)


def _side_by_side(desk: Desk, reader: ast.stmt, early: ast.stmt) -> tuple[ast.stmt, list[ast.stmt]]:
    """The reader and the early statement, or the loops and conditions around them that are of one block."""
    around: list[ast.stmt] = []
    for statement in (reader, early):
        found: ast.AST | None = statement
        while isinstance(found, ast.stmt) and not isinstance(found, ast.FunctionDef | ast.ClassDef):
            around.append(found)
            found = desk.module.parents.get(found)
    for outer in around:
        for other in around:
            if outer is not other and outer.lineno < other.lineno and other in desk.block(outer):
                within = (outer.lineno <= early.lineno) and (early.end_lineno or 0) <= (outer.end_lineno or 0)
                reads = other.lineno <= reader.lineno <= (other.end_lineno or 0)
                if within and reads:
                    return other, [outer]
    return reader, []


def _read_from_a_copy(desk: Desk, reader: ast.stmt, early: list[ast.stmt]) -> Iterator[Candidate]:
    """`W = layer.W`, which is no copy and is read after `layer.W -= ...`, as a copy; or that as a new array."""
    names = {n.id for n in ast.walk(reader) if isinstance(n, ast.Name)}
    function = desk.module.enclosing_function(reader) or desk.module.tree
    kept = [
        s.value
        for s in ast.walk(function)
        if isinstance(s, ast.Assign) and isinstance(s.targets[0], ast.Name) and s.targets[0].id in names
    ]
    for value in kept:
        if isinstance(value, ast.Attribute | ast.Subscript):
            text = desk.text(value)
            yield desk.candidate(f"keep a copy of `{text}`", "copy", 0.6, desk.edit(value, f"{text}.copy()"))
    for statement in early if kept else ():
        if isinstance(statement, ast.AugAssign) and type(statement.op) in SYMBOLS:
            name = desk.text(statement.target)
            text = f"{name} = {name} {SYMBOLS[type(statement.op)]} {desk.text(statement.value)}"
            yield desk.candidate(f"make a new array for `{name}`", "copy", 0.8, desk.edit(statement, text))


def _kept_before(desk: Desk, reader: ast.stmt, early: list[ast.stmt]) -> Iterator[Candidate]:
    """What two steps read of one another (`P[u] += a * Q[i]`, then `Q[i] += a * P[u]`), kept before the first."""
    block = desk.block(reader)
    for statement in early:
        target = statement.target if isinstance(statement, ast.AugAssign) else None
        if target is None or statement not in block or block.index(statement) > block.index(reader):
            continue
        text = desk.text(target)
        later = block[block.index(statement) + 1 :]
        reads = [n for s in later for n in ast.walk(s) if isinstance(n, type(target)) and _is_read(desk, n, text)]
        owner: ast.expr = target
        while isinstance(owner, ast.Subscript):
            owner = owner.value
        name = getattr(owner, "attr", None) or getattr(owner, "id", "")
        if name and reads:
            kept = _unused(desk, (f"{name}_before", f"{name}_as_read", f"{name}_{statement.lineno}"))
            before = desk.before(statement, f"{kept} = {text}.copy()")
            edits = (before, *(desk.edit(n, kept) for n in reads))
            yield desk.candidate(f"keep `{text}` as it was", "copy", 0.7, *edits)


def _is_read(desk: Desk, node: ast.AST, text: str) -> bool:
    return isinstance(getattr(node, "ctx", None), ast.Load) and desk.text(node) == text


def _new_name(desk: Desk, statement: ast.stmt) -> str:
    """A name for what a function returns, that the file does not use."""
    return _unused(desk, ("passed_on", "handed_back", f"result_{statement.lineno}"))


def _unused(desk: Desk, names: tuple[str, ...]) -> str:
    """The first of some names that the file does not use; the last in any case."""
    used = {n.id for n in ast.walk(desk.module.tree) if isinstance(n, ast.Name)}
    return next((name for name in names[:-1] if name not in used), names[-1])


__all__ = ["SYMBOLS", "update_later"]
