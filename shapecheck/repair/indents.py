"""A training step that comes after its loop, indented so that every turn makes it."""

from __future__ import annotations

import ast
from collections.abc import Iterator

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
    margin = desk.indent(loops[-1].body[0])[len(desk.indent(loops[-1])) :]
    for cost, last in enumerate(dict.fromkeys([*speaking[-1:], own])):
        moved = block[block.index(loops[-1]) + 1 : last + 1]
        texts = (n for s in moved for n in ast.walk(s) if isinstance(n, ast.Constant | ast.JoinedStr))
        if not any(n.lineno != n.end_lineno for n in texts):
            lines = range(moved[0].lineno, (moved[-1].end_lineno or moved[-1].lineno) + 1)
            edits = [Edit(desk.path, n, 1, n, 1, margin) for n in lines if desk.source.lines[n - 1].strip()]
            yield desk.candidate("indent the step, so that every turn makes it", "indent", 0.3 + 0.1 * cost, *edits)


def _names(statement: ast.stmt) -> set[str]:
    return {n.id for n in ast.walk(statement) if isinstance(n, ast.Name)}


__all__ = ["indented"]
