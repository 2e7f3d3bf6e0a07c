"""Edits for sums of gradients that are never reset: begun anew before they are summed up, or after their update."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from shapecheck.diagnose.finding import Finding
from shapecheck.diagnose.repeated import APPLIED_HERE
from shapecheck.repair.candidate import Candidate
from shapecheck.repair.desk import Desk


def resets(desk: Desk, finding: Finding) -> Iterator[Candidate]:
    """Ways to let a sum of gradients begin at zero for each update.

    Args:
        desk: The file of the finding's cause.
        finding: Of a sum that is never reset.
    """
    additions = desk.statements([finding.location, *(s.span for s in finding.trail if s.note == "this sum too")])
    simple = [s for s in additions if isinstance(s, ast.AugAssign)]
    once = finding.cause == finding.location  # else several samples, or moments, are added up for one update
    if simple and once and len(simple) == len(additions):
        edits = [desk.edit(s, f"{desk.text(s.target)} = {desk.text(s.value)}") for s in simple]
        yield desk.candidate("set the gradient instead of adding to it", "reset", 0.5, *edits)
    births = desk.statements([s.span for s in finding.trail if s.note.startswith("the sum begins")])
    if not additions:
        return
    loop = desk.loop(additions[0])
    targets = [t for s in additions if (t := _target(s)) is not None]
    applied = desk.statements([s.span for s in finding.trail if s.note == APPLIED_HERE])
    if applied:
        yield from _end_with(desk, applied[0], targets, _births_of(desk, targets, births))
        return
    if loop is None:
        return
    kept = [s for s in _births_of(desk, targets, births) if s.end_lineno is not None]
    if kept:
        texts = [line for s in kept for line in desk.lines(s).split("\n")]
        yield desk.candidate("begin the sum at zero, here", "reset", 0.7, desk.before(loop, *texts))
    texts = [f"{desk.text(t)} = 0 * {desk.text(t)}" for t in targets]
    yield desk.candidate("begin the sum at zero, here", "reset", 1.2, desk.before(loop, *texts))


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


def _target(statement: ast.stmt) -> ast.expr | None:
    if isinstance(statement, ast.AugAssign):
        return statement.target
    return statement.targets[0] if isinstance(statement, ast.Assign) else None


def _births_of(desk: Desk, targets: Sequence[ast.expr], births: Sequence[ast.stmt]) -> list[ast.stmt]:
    """The statements that made the arrays in which the sums are kept."""
    names = {desk.text(t) for t in targets}
    found = {s.lineno: s for s in births}
    for node in ast.walk(desk.module.tree):
        if not isinstance(node, ast.Assign) or any(
            isinstance(n, ast.Name) and n.id in names for n in ast.walk(node.value)
        ):
            continue
        stored = [e for t in node.targets for e in (t.elts if isinstance(t, ast.Tuple | ast.List) else [t])]
        if any(desk.text(e) in names for e in stored) and "zeros" in desk.text(node.value):
            found[node.lineno] = node
    return [found[line] for line in sorted(found)]


__all__ = ["resets"]
