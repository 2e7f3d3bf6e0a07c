"""Edits that keep a result which a statement throws away: in its argument's name, or in the argument itself."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from shapecheck.diagnose.finding import Edit, Finding, Span
from shapecheck.diagnose.thrown_away import named_operands
from shapecheck.diagnose.trail import ALSO
from shapecheck.diagnose.unread_scales import UNREAD_SCALE
from shapecheck.repair.candidate import Candidate
from shapecheck.repair.desk import Desk


def kept_results(desk: Desk, finding: Finding) -> Iterator[Candidate]:
    """`X = f(X)` for `f(X)`; where `X` is only a name for somebody else's array, `X[...] = f(X)`.

    The statements that throw away their results like it are mended with it.
    """
    if finding.title == UNREAD_SCALE:
        yield from _under_the_old_name(desk, finding)
        return
    spans = [finding.cause, *(s.span for s in finding.trail if s.note == ALSO and s.span.path == desk.path)]
    readings = [_operands(desk, span) for span in spans]
    for number, name in enumerate(readings[0]):
        # A second statement keeps what stands at the same place in it.
        names = [name, *(r[min(number, len(r) - 1)] for r in readings[1:] if r)]
        edits = [e for span, n in zip(spans, names, strict=False) if (e := _keeping(desk, span, n)) is not None]
        if edits:
            yield desk.candidate(f"keep the result in `{name}`", "keep", 0.5 + 0.1 * number, *edits)


def _under_the_old_name(desk: Desk, finding: Finding) -> Iterator[Candidate]:
    """`X = (X - mean) / std` for `Z = (X - mean) / std`; in a function others would still be handed the old numbers."""
    statement = desk.at(finding.cause)
    if isinstance(statement, ast.Assign) and statement in desk.module.tree.body:
        target, names = statement.targets[0], named_operands(statement.value)
        if isinstance(target, ast.Name) and names and isinstance(names[0], ast.Name):
            name = desk.text(names[0])
            yield desk.candidate(f"keep the result in `{name}`", "keep", 0.5, desk.edit(target, name))


def _operands(desk: Desk, span: Span) -> list[str]:
    """What a statement's result may belong into, the likeliest first."""
    node = desk.expression(span)
    imported = {a.asname or a.name for n in ast.walk(desk.module.tree) if isinstance(n, ast.Import) for a in n.names}
    names = [desk.text(n) for n in (named_operands(node) if node is not None else [])]
    return [name for name in dict.fromkeys(names) if name.split(".")[0] not in imported]


def _keeping(desk: Desk, span: Span, name: str) -> Edit | None:
    node, statement = desk.expression(span), desk.at(span)
    if node is None or statement is None:
        return None
    target = f"{name}[...]" if _is_borrowed(desk, statement, name) else name
    return desk.edit(node, f"{target} = {desk.text(node)}")


def _is_borrowed(desk: Desk, statement: ast.stmt, name: str) -> bool:
    """Whether a name stands for an array that is kept elsewhere: a loop's variable, a function's argument."""
    function = desk.module.enclosing_function(statement)
    if function is not None:
        given = [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]
        later = (n for n in ast.walk(function) if isinstance(n, ast.Name) and n.lineno > (statement.end_lineno or 0))
        if name in {a.arg for a in given}:
            return not any(n.id == name for n in later)
    node: ast.AST | None = statement
    while node is not None and node is not function:
        if isinstance(node, ast.For) and name in {n.id for n in ast.walk(node.target) if isinstance(n, ast.Name)}:
            later = (n for n in ast.walk(node) if isinstance(n, ast.Name) and n.lineno > (statement.end_lineno or 0))
            return not any(n.id == name for n in later)
        node = desk.module.parents.get(node)
    return False


__all__ = ["kept_results"]
