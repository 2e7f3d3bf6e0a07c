"""Edits for sums of gradients that are never reset: begun anew before they are summed up, or after their update."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from shapecheck.diagnose.finding import Finding
from shapecheck.diagnose.repeated import ADDED_HERE, APPLIED_HERE, TOO_EARLY
from shapecheck.repair.candidate import Candidate
from shapecheck.repair.desk import Desk


def resets(desk: Desk, finding: Finding) -> Iterator[Candidate]:
    """Ways to let a sum of gradients begin at zero for each update.

    Args:
        desk: The file of the finding's cause.
        finding: Of a sum that is never reset.
    """
    if finding.title == TOO_EARLY:
        yield from _when_it_is_whole(desk, finding)
        return
    additions = desk.statements([finding.location, *(s.span for s in finding.trail if s.note == "this sum too")])
    simple = [s for s in additions if isinstance(s, ast.AugAssign)]
    once = finding.cause == finding.location  # else several samples, or moments, are added up for one update
    loop = _loop_of_one_update(desk, additions) if additions else None
    once = once and not any(_adds_several(desk, s, loop) for s in simple)
    if simple and once and len(simple) == len(additions):
        edits = [desk.edit(s, f"{desk.text(s.target)} = {desk.text(s.value)}") for s in simple]
        yield desk.candidate("set the gradient instead of adding to it", "reset", 0.5, *edits)
    births = desk.statements([s.span for s in finding.trail if s.note.startswith("the sum begins")])
    if not additions:
        return
    targets = [t for s in additions if (t := _target(s)) is not None]
    applied = desk.statements([s.span for s in finding.trail if s.note == APPLIED_HERE])
    if applied:
        yield from _end_with(desk, applied[0], targets, _births_of(desk, targets, births))
        return
    if loop is None:
        return
    kept = [s for s in _births_of(desk, targets, births) if s.end_lineno is not None]
    others = _births_beside(desk, loop, targets, kept)
    if others:  # what is added up there entry by entry is not always seen to be applied again
        together = sorted([*kept, *others], key=lambda s: s.lineno)
        texts = [line for s in together for line in desk.lines(s).split("\n")]
        yield desk.candidate("begin the sums at zero, here", "reset", 0.6, desk.before(loop, *texts))
    if kept:
        texts = [line for s in kept for line in desk.lines(s).split("\n")]
        yield desk.candidate("begin the sum at zero, here", "reset", 0.7, desk.before(loop, *texts))
    texts = [f"{desk.text(t)} = 0 * {desk.text(t)}" for t in targets]
    yield desk.candidate("begin the sum at zero, here", "reset", 1.2, desk.before(loop, *texts))


def _when_it_is_whole(desk: Desk, finding: Finding) -> Iterator[Candidate]:
    """The updates, and what comes after them in the loop, put behind the loop that adds up."""
    updates = desk.statements([finding.location])
    additions = desk.statements([s.span for s in finding.trail if s.note == ADDED_HERE])
    loop = desk.loop(additions[0]) if additions else None
    while loop is not None and updates and updates[0] not in ast.walk(loop):
        loop = desk.loop(loop)
    if loop is None or not updates or loop.orelse:
        return
    first = next(n for n, s in enumerate(loop.body) if updates[0] in ast.walk(s))
    holder = next((n for n, s in enumerate(loop.body) if additions[0] in ast.walk(s)), len(loop.body))
    # Other layers' updates may come before: all that read what is added up.
    names = {_root(desk, t) for s in additions if (t := _target(s)) is not None}
    reading = [n for n in range(holder + 1, first) if any(_reads(desk, loop.body[n], name) for name in names)]
    first = min([first, *reading])
    if first <= holder:
        return
    moved = loop.body[first:]
    lines = [line for s in moved for line in desk.lines(s).split("\n")]
    title = "apply the sum after the loop, when it is whole"
    yield desk.candidate(title, "move", 0.3, *(desk.whole(s) for s in moved), desk.after(loop, *lines))


def _reads(desk: Desk, statement: ast.stmt, name: str) -> bool:
    return any(desk.text(n) == name for n in ast.walk(statement) if isinstance(n, ast.Name | ast.Attribute))


def _end_with(
    desk: Desk, update: ast.stmt, targets: Sequence[ast.expr], births: Sequence[ast.stmt]
) -> Iterator[Candidate]:
    """`total = zeros_like(total)` after the updates that have applied the totals, or what they were made with."""
    names = list(dict.fromkeys(map(desk.text, targets)))
    title = "begin the sum anew after the update"
    block = desk.block(update)
    read = {s: {desk.text(n) for n in ast.walk(s) if isinstance(n, ast.expr)} for s in block}
    users = [s for s in block[block.index(update) :] if not read[s].isdisjoint(names)]
    numpy = desk.numpy()
    if users and numpy is not None:
        texts = [f"{name} = {numpy}.zeros_like({name})" for name in names]
        yield desk.candidate(title, "insert", 0.4, desk.after(users[-1], *texts))
    statement: ast.AST = update
    while (parent := desk.module.parents.get(statement)) is not None and not isinstance(parent, ast.If):
        statement = parent
    if births and isinstance(parent, ast.If) and statement in parent.body:
        texts = [line for s in births for line in desk.lines(s).split("\n")]
        yield desk.candidate(title, "insert", 0.6, desk.after(parent.body[-1], *texts))


def _loop_of_one_update(desk: Desk, additions: Sequence[ast.stmt]) -> ast.For | ast.While | None:
    """The outermost loop around additions in which nothing else reads what they sum up: over samples, or layers."""
    names = {_root(desk, t) for s in additions if (t := _target(s)) is not None}
    own = {n for s in additions for n in ast.walk(s)}
    loop = found = desk.loop(additions[0])
    while loop is not None:
        read = (n for n in ast.walk(loop) if isinstance(n, ast.Name | ast.Attribute) and n not in own)
        if any(isinstance(n.ctx, ast.Load) and desk.text(n) in names for n in read):
            break
        found, loop = loop, desk.loop(loop)
    return found


def _adds_several(desk: Desk, addition: ast.AugAssign, outermost: ast.For | ast.While | None) -> bool:
    """Whether a loop that goes over no entries of the sum, but over samples, adds to it again and again."""
    named = {n.id for n in ast.walk(addition.target) if isinstance(n, ast.Name)}
    loop = desk.loop(addition)
    while loop is not None and outermost is not None:
        turning = (
            {n.id for n in ast.walk(loop.target) if isinstance(n, ast.Name)} if isinstance(loop, ast.For) else set()
        )
        if turning and turning.isdisjoint(named):
            return True
        loop = desk.loop(loop) if loop is not outermost else None
    return False


def _root(desk: Desk, target: ast.expr) -> str:
    while isinstance(target, ast.Subscript):
        target = target.value
    return desk.text(target)


def _target(statement: ast.stmt) -> ast.expr | None:
    if isinstance(statement, ast.AugAssign):
        return statement.target
    return statement.targets[0] if isinstance(statement, ast.Assign) else None


def _births_of(desk: Desk, targets: Sequence[ast.expr], births: Sequence[ast.stmt]) -> list[ast.stmt]:
    """The statements that made the arrays in which the sums are kept."""
    names = {text for t in targets for text in (desk.text(t), _root(desk, t))}
    found = {s.lineno: s for s in births}
    for node in ast.walk(desk.module.tree):
        if not isinstance(node, ast.Assign) or any(
            isinstance(n, ast.Name) and n.id in names for n in ast.walk(node.value)
        ):
            continue
        stored = [e for t in node.targets for e in (t.elts if isinstance(t, ast.Tuple | ast.List) else [t])]
        if any(desk.text(e) in names for e in stored) and _makes_zeros(desk, node.value):
            found[node.lineno] = node
    return [found[line] for line in sorted(found)]


def _births_beside(
    desk: Desk, loop: ast.For | ast.While, targets: Sequence[ast.expr], births: Sequence[ast.stmt]
) -> list[ast.stmt]:
    """The statements that made, among others like them, what else a loop adds up in the same way."""
    known = {_root(desk, t) for t in targets}
    added = (n for n in ast.walk(loop) if isinstance(n, ast.AugAssign) and isinstance(n.op, ast.Add))
    names = {
        name for n in added if isinstance(n.target, ast.Subscript) and (name := _root(desk, n.target)) not in known
    }
    block = desk.block(births[0]) if births else []
    made = [s for s in block if isinstance(s, ast.Assign) and _makes_zeros(desk, s.value) and s not in births]
    return [s for s in made if {desk.text(t) for t in s.targets} <= names]


def _makes_zeros(desk: Desk, value: ast.expr) -> bool:
    """Whether an expression makes an array of zeros, or a list of them: `[0.0] * n`."""
    lists = (n.elts for n in ast.walk(value) if isinstance(n, ast.List))
    zeros = any(elts and all(isinstance(e, ast.Constant) and e.value == 0 for e in elts) for elts in lists)
    return zeros or "zeros" in desk.text(value)


__all__ = ["resets"]
