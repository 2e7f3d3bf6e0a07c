"""What comes after its loop and belongs into it, indented so that every turn does it: a training step, or its sums."""

from __future__ import annotations

import ast
import itertools
from collections.abc import Iterator, Sequence

from shapecheck.diagnose.finding import Edit, Finding
from shapecheck.diagnose.outside_loops import OUTSIDE_LOOP
from shapecheck.diagnose.trail import ALSO
from shapecheck.repair.candidate import Candidate
from shapecheck.repair.desk import Desk
from shapecheck.repair.surroundings import Module
from shapecheck.trace.child import Trace


def indented(trace: Trace, finding: Finding) -> Iterator[Candidate]:
    """The statements of the step, and what comes after it and speaks of the turn, as the end of the loop."""
    source = trace.sources.get(finding.cause.path)
    if finding.title != OUTSIDE_LOOP or source is None or not source.text.endswith("\n"):
        return
    desk = Desk(Module.parse(source), source.path)
    first = desk.at(finding.cause)
    ends = [s for step in finding.trail if step.note == ALSO and (s := desk.at(step.span)) is not None]
    block = desk.block(first) if first is not None else []
    if first is None or first not in block or not all(s in block for s in ends):
        return
    loops = [s for s in block[: block.index(first)] if isinstance(s, ast.For | ast.While)]
    if not loops:
        return
    own = max([block.index(first), *map(block.index, ends)])
    target = loops[-1].target if isinstance(loops[-1], ast.For) else ast.Pass()
    turn = {n.id for n in ast.walk(target) if isinstance(n, ast.Name)}
    speaking = [n for n, s in enumerate(block) if n > own and _names(s) & turn]
    for cost, last in enumerate(dict.fromkeys([*speaking[-1:], own])):
        edits = _into(desk, loops[-1], block[block.index(loops[-1]) + 1 : last + 1])
        if edits:
            yield desk.candidate("indent the step, so that every turn makes it", "indent", 0.3 + 0.1 * cost, *edits)


def indented_sums(desk: Desk, loop: ast.For | ast.While) -> Iterator[Candidate]:
    """The sums right after a loop, of what each of its turns makes, as its end."""
    block = desk.block(loop)
    if loop.orelse or loop not in block:
        return
    made = {n.id for s in loop.body for n in ast.walk(s) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    behind = block[block.index(loop) + 1 :]
    moved = list(itertools.takewhile(lambda s: _adds_up(desk, s, made), behind))
    edits = _into(desk, loop, moved) if moved else []
    if edits:
        yield desk.candidate("indent the sums, so that every turn adds to them", "indent", 0.3, *edits)


def _adds_up(desk: Desk, statement: ast.stmt, made: set[str]) -> bool:
    """Whether a statement adds something that is named by a turn to what is not."""
    if isinstance(statement, ast.AugAssign) and isinstance(statement.op, ast.Add):
        target: ast.expr = statement.target
    elif isinstance(statement, ast.Assign) and isinstance(statement.value, ast.BinOp):
        target = statement.targets[0]
        if not isinstance(statement.value.op, ast.Add) or desk.text(statement.value.left) != desk.text(target):
            return False
    else:
        return False
    return bool(_names(statement.value) & made) and not {n.id for n in _stored(target)} & made


def _stored(target: ast.expr) -> Iterator[ast.Name]:
    return (n for n in ast.walk(target) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store))


def _into(desk: Desk, loop: ast.For | ast.While, moved: Sequence[ast.stmt]) -> list[Edit]:
    """The edits that indent statements behind a loop as its body is; none where a text of theirs has several lines."""
    texts = (n for s in moved for n in ast.walk(s) if isinstance(n, ast.Constant | ast.JoinedStr))
    if any(n.lineno != n.end_lineno for n in texts):
        return []
    margin = desk.indent(loop.body[0])[len(desk.indent(loop)) :]
    lines = range(moved[0].lineno, (moved[-1].end_lineno or moved[-1].lineno) + 1)
    return [Edit(desk.path, n, 1, n, 1, margin) for n in lines if desk.source.lines[n - 1].strip()]


def _names(statement: ast.AST) -> set[str]:
    return {n.id for n in ast.walk(statement) if isinstance(n, ast.Name)}


__all__ = ["indented", "indented_sums"]
