"""Best weights so far that are no copies: the arrays that were kept are changed in place by the steps that follow.

It says so only of what keeps a record: where something is better than it was, that is noted, and the weights with it.
"""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterator

from shapecheck.diagnose.course import Course, quoted, shown
from shapecheck.diagnose.finding import Finding, Span, TrailStep
from shapecheck.diagnose.trail import span_of
from shapecheck.network.parameters import Parameter
from shapecheck.trace.sites import SourceText

KEPT_BEST = "what is kept here goes on changing"
_ORDERS = (ast.Lt, ast.Gt, ast.LtE, ast.GtE)
_PLACES = (ast.Name, ast.Attribute, ast.Subscript)


def kept_best(course: Course) -> list[Finding]:
    """Statements that keep the parameters of the best step, and keep the arrays themselves."""
    moved = [p for p in course.parameters if _is_changed_in_place(course, p)]
    for source, statement in _records(course) if moved else ():
        kept = [p for p in moved if _is_kept_by(course, source, statement, p)]
        if kept:
            return [_finding(course, source, statement, kept)]
    return []


def _is_changed_in_place(course: Course, parameter: Parameter) -> bool:
    values = course.tape.values
    return any(values[u.old].identity == values[u.new].identity for u in parameter.updates)


def _records(course: Course) -> Iterator[tuple[SourceText, ast.Assign]]:
    """The assignments beside one that notes, in a loop, by how much something is better than it was."""
    for path, source in course.trace.sources.items():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                tree = ast.parse(source.text)
            except (SyntaxError, ValueError):
                continue
        loops = [n for n in ast.walk(tree) if isinstance(n, ast.For | ast.While)]
        for test in {n for loop in loops for n in ast.walk(loop) if isinstance(n, ast.If)}:
            if any(isinstance(n, ast.Break | ast.Return) for s in test.body for n in ast.walk(s)):
                continue
            compared = _compared(test.test)
            assigned = [s for s in test.body if isinstance(s, ast.Assign)]
            noted = [s for s in assigned if compared & {_text(t) for t in _targets(s)}]
            if not noted:
                continue
            read = [_text(n) for n in ast.walk(tree) if isinstance(n, _PLACES) and isinstance(n.ctx, ast.Load)]
            for statement in assigned:
                target = statement.targets[0]
                if statement not in noted and isinstance(target, ast.Name | ast.Attribute) and _text(target) in read:
                    yield course.trace.sources[path], statement


def _compared(test: ast.expr) -> set[str]:
    """What an expression says is more than something, or less."""
    orders = (n for n in ast.walk(test) if isinstance(n, ast.Compare) and isinstance(n.ops[0], _ORDERS))
    return {_text(n) for o in orders for n in ast.walk(o) if isinstance(n, ast.Name | ast.Attribute)}


def _targets(statement: ast.Assign) -> Iterator[ast.expr]:
    for target in statement.targets:
        yield from target.elts if isinstance(target, ast.Tuple | ast.List) else [target]


def _text(node: ast.AST) -> str:
    return ast.unparse(node)


def _is_kept_by(course: Course, source: SourceText, statement: ast.Assign, parameter: Parameter) -> bool:
    """Whether an assignment gives a name to a parameter's own array, or to what holds it."""
    versions = {number for u in parameter.updates for number in (u.old, u.new)}
    target = _text(statement.targets[0])
    named = [b for b in course.tape.bindings if b.value in versions]
    for binding in named:
        site = course.site(binding.site)
        here = site is not None and site.path == source.path and statement.lineno <= site.line <= _last(statement)
        if here and (binding.name == target or binding.name.startswith((target + "[", target + "."))):
            return True
    held = _held(statement.value)
    arrays = {v.identity for v in course.tape.values}  # the rows of an array are copied with it
    return bool(held) and any(b.name.startswith(held + "[") and b.owner not in arrays for b in named)


def _held(value: ast.expr) -> str:
    """What an expression is, or copies the outside of, as `params.copy()` does of a dictionary."""
    if isinstance(value, ast.Subscript) and isinstance(value.slice, ast.Slice):
        value = value.value
    if isinstance(value, ast.Call) and _text(value.func) in {"dict", "list", "tuple", "copy.copy"} and value.args:
        value = value.args[0]
    elif isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute) and value.func.attr == "copy":
        value = value.func.value
    return _text(value) if isinstance(value, _PLACES) else ""


def _last(statement: ast.stmt) -> int:
    return statement.end_lineno or statement.lineno


def _finding(course: Course, source: SourceText, statement: ast.Assign, kept: list[Parameter]) -> Finding:
    place = Span(source.path, *source.place(statement.value), source.of(statement.value))
    step = course.site(course.tape.operations[kept[0].updates[0].operation].site)
    target, names = _text(statement.targets[0]), quoted([p.name for p in kept])
    return Finding(
        code="SC404",
        severity="error",
        title=KEPT_BEST,
        message=f"`{shown(source.of(statement), 50)}` copies no numbers: `{target}` holds the very arrays of {names}, "
        "which every later step changes in place; what is read from it in the end are the last weights, not the best",
        location=place,
        cause=place,
        parameters=tuple(p.name for p in kept),
        trail=(TrailStep(span_of(step), "they are changed in place here"),) if step is not None else (),
    )


__all__ = ["KEPT_BEST", "kept_best"]
