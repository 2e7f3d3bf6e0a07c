"""Weights kept for later that are no copies: the arrays that were kept are changed in place by the steps that follow.

It says so only of what keeps a record, where something is better than it was, that is noted, and the weights with it;
and of what is kept anew only now and then, as the target network of Q-learning is: copies that follow every step are
as good as their originals, and need no keeping.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from shapecheck.diagnose.course import Course, quoted, shown
from shapecheck.diagnose.finding import Finding, Span, TrailStep
from shapecheck.diagnose.trail import span_of
from shapecheck.network.parameters import Parameter
from shapecheck.trace.sites import SourceText

KEPT_BEST = "what is kept here goes on changing"
_ORDERS = (ast.Lt, ast.Gt, ast.LtE, ast.GtE)
_PLACES = (ast.Name, ast.Attribute, ast.Subscript)


@dataclass(frozen=True, slots=True)
class _Keeping:
    """A statement that keeps something for later.

    Attributes:
        source: The file.
        statement: The assignment.
        copied: What makes the copy, or is kept as it is: in the statement, or in the function that it calls.
        best: Whether it keeps what was best, and not what is to be as it was until it is kept anew.
    """

    source: SourceText
    statement: ast.Assign
    copied: ast.expr
    best: bool


def kept_best(course: Course) -> list[Finding]:
    """Statements that keep the parameters of one step, and keep the arrays themselves."""
    moved = [p for p in course.parameters if _is_changed_in_place(course, p)]
    for keeping in _keepings(course) if moved else ():
        kept = [p for p in moved if _is_kept_by(course, keeping, p)]
        if kept:
            return [_finding(course, keeping, kept)]
    return []


def _is_changed_in_place(course: Course, parameter: Parameter) -> bool:
    values = course.tape.values
    return any(values[u.old].identity == values[u.new].identity for u in parameter.updates)


def _keepings(course: Course) -> Iterator[_Keeping]:
    for source in course.trace.sources.values():
        tree = source.tree
        if tree is None:
            continue
        loops = [n for n in ast.walk(tree) if isinstance(n, ast.For | ast.While)]
        for test in dict.fromkeys(n for loop in loops for n in ast.walk(loop) if isinstance(n, ast.If)):
            yield from _records(source, tree, test)
            yield from _renewals(source, tree, test)


def _records(source: SourceText, tree: ast.Module, test: ast.If) -> Iterator[_Keeping]:
    """The assignments beside one that notes, in a loop, by how much something is better than it was."""
    if any(isinstance(n, ast.Break | ast.Return) for s in test.body for n in ast.walk(s)):
        return
    compared = _compared(test.test)
    assigned = [s for s in test.body if isinstance(s, ast.Assign)]
    noted = [s for s in assigned if compared & {_text(t) for t in _targets(s)}]
    for statement in assigned if noted else ():
        if statement not in noted and _is_read(tree, statement.targets[0]):
            yield _Keeping(source, statement, statement.value, best=True)


def _renewals(source: SourceText, tree: ast.Module, test: ast.If) -> Iterator[_Keeping]:
    """Assignments that are made now and then in a loop, to what has been given the same before it."""
    assigned = [s for s in test.body if isinstance(s, ast.Assign) and not test.orelse]
    fresh = {_text(t) for s in assigned for t in _targets(s)}
    for statement in assigned:
        if fresh & {_text(n) for n in ast.walk(statement.value) if isinstance(n, _PLACES)}:
            continue  # what it is taken from is another by then
        target, value = _text(statement.targets[0]), _text(statement.value)
        others = [n for n in ast.walk(tree) if isinstance(n, ast.Assign) and n is not statement]
        others = [n for n in others if any(_text(t) == target for t in n.targets)]
        asked = {_text(n) for n in ast.walk(test.test) if isinstance(n, _PLACES)}
        same = bool(others) and all(_text(n.value) == value for n in others)
        # A second name may be taken anew to be at hand, and what is read on the spot need not last.
        copied = not isinstance(statement.value, ast.Name | ast.Attribute) and _held(_copied(tree, statement.value))
        if same and copied and target not in asked and _is_read(tree, statement.targets[0], test):
            yield _Keeping(source, statement, _copied(tree, statement.value), best=False)


def _is_read(tree: ast.Module, target: ast.expr, but: ast.If | None = None) -> bool:
    """Whether anything reads what a name is given; but for what a branch reads itself."""
    own = set(ast.walk(but)) if but is not None else set()
    read = (n for n in ast.walk(tree) if isinstance(n, _PLACES) and isinstance(n.ctx, ast.Load) and n not in own)
    return isinstance(target, ast.Name | ast.Attribute) and _text(target) in map(_text, read)


def _copied(tree: ast.Module, value: ast.expr) -> ast.expr:
    """What makes the copy: an expression, or what the function hands back that it calls with the original."""
    if not isinstance(value, ast.Call) or not isinstance(value.func, ast.Name) or len(value.args) != 1:
        return value
    for function in (n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef) and n.name == value.func.id):
        handed = [n.value for n in ast.walk(function) if isinstance(n, ast.Return) and n.value is not None]
        given = function.args.args[0].arg if len(function.args.args) == 1 else ""
        if len(handed) == 1 and given and _held(handed[0]) == given:
            return handed[0]
    return value


def _compared(test: ast.expr) -> set[str]:
    """What an expression says is more than something, or less."""
    orders = (n for n in ast.walk(test) if isinstance(n, ast.Compare) and isinstance(n.ops[0], _ORDERS))
    return {_text(n) for o in orders for n in ast.walk(o) if isinstance(n, ast.Name | ast.Attribute)}


def _targets(statement: ast.Assign) -> Iterator[ast.expr]:
    for target in statement.targets:
        yield from target.elts if isinstance(target, ast.Tuple | ast.List) else [target]


def _text(node: ast.AST) -> str:
    return ast.unparse(node)


def _is_kept_by(course: Course, keeping: _Keeping, parameter: Parameter) -> bool:
    """Whether an assignment gives a name to a parameter's own array, or to what holds it."""
    source, statement = keeping.source, keeping.statement
    versions = {number for u in parameter.updates for number in (u.old, u.new)}
    target = _text(statement.targets[0])
    named = [b for b in course.tape.bindings if b.value in versions]
    for binding in named:
        site = course.site(binding.site)
        here = site is not None and site.path == source.path and statement.lineno <= site.line <= _last(statement)
        if here and (binding.name == target or binding.name.startswith((target + "[", target + "."))):
            return True
    handed = isinstance(statement.value, ast.Call) and keeping.copied is not statement.value
    held = _held(statement.value.args[0] if handed else statement.value)  # type: ignore[attr-defined]
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


def _finding(course: Course, keeping: _Keeping, kept: list[Parameter]) -> Finding:
    source, statement = keeping.source, keeping.statement
    place = Span(source.path, *source.place(keeping.copied), source.of(keeping.copied))
    step = course.site(course.tape.operations[kept[0].updates[0].operation].site)
    target, names = _text(statement.targets[0]), quoted([p.name for p in kept])
    end = "is read from it in the end are the last weights, not the best"
    if not keeping.best:
        end = "was to stay as it is until it is kept anew is never another than they are"
    return Finding(
        code="SC404",
        severity="error",
        title=KEPT_BEST,
        message=f"`{shown(source.of(statement), 50)}` copies no numbers: `{target}` holds the very arrays of {names}, "
        f"which every later step changes in place; what {end}",
        location=place,
        cause=place,
        parameters=tuple(p.name for p in kept),
        trail=(TrailStep(span_of(step), "they are changed in place here"),) if step is not None else (),
    )


__all__ = ["KEPT_BEST", "kept_best"]
