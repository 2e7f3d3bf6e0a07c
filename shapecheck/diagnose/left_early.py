"""Loops over samples that a `return` at the end of their body leaves in the first turn, with the sum of that turn.

Who wants the first of several things returns it. A sum that was begun before the loop, and is handed back from within
it before there is a second turn, was meant to be handed back after the last one.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from shapecheck.diagnose.course import Course, quoted, shown
from shapecheck.diagnose.finding import Finding, Span, TrailStep
from shapecheck.trace.sites import SourceText

LEFT_EARLY = "this leaves the loop in its first turn"

_GROWING = frozenset({"append", "extend", "add"})


def left_early(course: Course) -> list[Finding]:
    """Such loops, where a step of training is within them."""
    stepped = [course.tape.operations[u.operation].site for p in course.parameters for u in p.updates]
    places = {(site.path, site.line) for number in stepped if (site := course.site(number)) is not None}
    found = []
    for source in course.trace.sources.values():
        tree = source.tree
        if tree is None:
            continue
        for loop, leaves, sums in _loops(tree):
            if any((source.path, line) in places for line in range(loop.lineno, leaves.lineno)):
                found.append(_finding(source, loop, leaves, sums))
    return found


def _loops(tree: ast.Module) -> Iterator[tuple[ast.For, ast.Return, list[str]]]:
    """(loop, what ends it, the sums that are handed back) of each loop that has no second turn."""
    for function in (n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef)):
        for loop in (n for n in ast.walk(function) if isinstance(n, ast.For) and not n.orelse):
            leaves = loop.body[-1]
            if not isinstance(leaves, ast.Return) or leaves.value is None or len(loop.body) < 2:
                continue
            if _goes_on(loop.body) or _has_one_turn(loop.iter):
                continue
            before = {n.id for s in _before(function, loop) for n in ast.walk(s) if isinstance(n, ast.Name)}
            read = {n.id for n in ast.walk(leaves.value) if isinstance(n, ast.Name)}
            sums = sorted(read & before & set(_summed(loop)))
            if sums:
                yield loop, leaves, sums


def _goes_on(block: list[ast.stmt]) -> bool:
    """Whether a `continue` of the loop itself is in a block."""
    for statement in block:
        if isinstance(statement, ast.Continue):
            return True
        if not isinstance(statement, ast.For | ast.While | ast.FunctionDef | ast.ClassDef):
            parts = [getattr(statement, name, []) for name in ("body", "orelse", "finalbody")]
            handlers = [handler.body for handler in getattr(statement, "handlers", [])]
            if any(_goes_on(part) for part in [*parts, *handlers] if isinstance(part, list)):
                return True
    return False


def _has_one_turn(iterated: ast.expr) -> bool:
    if isinstance(iterated, ast.Tuple | ast.List):
        return len(iterated.elts) < 2
    known = iterated.args if isinstance(iterated, ast.Call) and ast.unparse(iterated.func) == "range" else []
    return len(known) == 1 and isinstance(known[0], ast.Constant) and known[0].value in {0, 1}


def _before(function: ast.FunctionDef, loop: ast.For) -> Iterator[ast.expr]:
    """What a function gives values to above a loop."""
    for node in ast.walk(function):
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.lineno < loop.lineno:
            yield from node.targets if isinstance(node, ast.Assign) else [node.target]


def _summed(loop: ast.For) -> Iterator[str]:
    """The names that a loop adds to."""
    for node in ast.walk(loop):
        if isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
            yield node.target.id
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _GROWING:
            if isinstance(node.func.value, ast.Name):
                yield node.func.value.id


def _finding(source: SourceText, loop: ast.For, leaves: ast.Return, sums: list[str]) -> Finding:
    span = Span(source.path, *source.place(leaves), source.of(leaves))
    head = Span(source.path, *source.place(loop.iter), source.of(loop.iter))
    return Finding(
        code="SC409",
        severity="error",
        title=LEFT_EARLY,
        message=f"`{shown(span.source)}` stands within the loop over `{shown(head.source, 40)}`, which never comes to "
        f"its second turn: {quoted(sums)} hold the first one only, and nothing is learned from the rest",
        location=span,
        cause=span,
        trail=(TrailStep(head, "the loop that it leaves"),),
    )


__all__ = ["LEFT_EARLY", "left_early"]
