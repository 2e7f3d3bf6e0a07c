"""Numbers that a loop never changes: the function that counts them on hands the next one back, and nobody keeps it."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from shapecheck.diagnose.course import Course, shown
from shapecheck.diagnose.finding import Finding, Span
from shapecheck.diagnose.pure_calls import PureCalls
from shapecheck.trace.sites import SourceText

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def stuck_counters(course: Course) -> list[Finding]:
    """Statements `step_on(index)` in a loop that reads `index`, of a function that only gives another number back."""
    if not course.parameters:
        return []
    trees = {path: source.tree for path, source in course.trace.sources.items() if source.tree is not None}
    calls = PureCalls(trees)
    trained = {(s.path, s.function) for u in _steps(course) if (s := course.site(u)) is not None}
    for path, tree in trees.items():
        source = course.trace.sources[path]
        for function in (n for n in ast.walk(tree) if isinstance(n, (*_FUNCTIONS, ast.Module))):
            name = getattr(function, "name", "<module>")
            if not any(p == path and own.rpartition(".")[2] == name for p, own in trained):
                continue  # a loop that trains nothing
            for loop in (n for n in _within(function) if isinstance(n, ast.For | ast.While)):
                for call, counter in _thrown_away(loop, calls):
                    return [_finding(source, call, counter)]
    return []


def _steps(course: Course) -> Iterator[int | None]:
    """Where the parameters are moved, and what the steps are made with."""
    tape = course.tape
    needed = course.replay.ancestors([u.change for p in course.parameters for u in p.updates])
    yield from {operation.site for operation in tape.operations if operation.result in needed}
    yield from {tape.operations[u.operation].site for p in course.parameters for u in p.updates}


def _within(function: ast.AST) -> Iterator[ast.AST]:
    """What stands in a function, and in no function within it."""
    for child in ast.iter_child_nodes(function):
        if not isinstance(child, (*_FUNCTIONS, ast.Lambda, ast.ClassDef)):
            yield child
            yield from _within(child)


def _thrown_away(loop: ast.For | ast.While, calls: PureCalls) -> Iterator[tuple[ast.Call, str]]:
    """(call, the name that it should have changed) of statements of a loop."""
    inside = [n for part in (*loop.body, loop) for n in ([part, *_within(part)] if part is not loop else [])]
    stored = {n.id for n in inside if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    stored |= {n.id for n in ast.walk(loop.target) if isinstance(n, ast.Name)} if isinstance(loop, ast.For) else set()
    for statement in (n for n in inside if isinstance(n, ast.Expr)):
        call = statement.value
        if not isinstance(call, ast.Call):
            continue
        functions = calls.functions(call)
        own = {id(n) for n in ast.walk(call)}
        for position, given in enumerate(call.args):
            if not isinstance(given, ast.Name) or given.id in stored or len(functions) != 1:
                continue
            # What picks an item is a number: what is done to it in the function is done for nobody else.
            picks = (n.slice for n in inside if isinstance(n, ast.Subscript) and id(n) not in own)
            if any(isinstance(n, ast.Name) and n.id == given.id for n in picks) and _counts_on(
                functions[0], position + isinstance(call.func, ast.Attribute)
            ):
                yield call, given.id


def _counts_on(function: ast.FunctionDef | ast.AsyncFunctionDef, position: int) -> bool:
    """Whether a function gives one of its arguments another value, and hands that back."""
    given = [a.arg for a in (*function.args.posonlyargs, *function.args.args)]
    if position >= len(given) or function.decorator_list:
        return False
    name = given[position]
    inside = list(_within(function))
    if any(
        isinstance(n, ast.Call | ast.Attribute | ast.Subscript | ast.Global | ast.Nonlocal | ast.Yield) for n in inside
    ):
        return False  # it may do something besides
    changed = any(isinstance(n, ast.Name) and n.id == name and isinstance(n.ctx, ast.Store) for n in inside)
    returned = [n.value for n in inside if isinstance(n, ast.Return)]
    return changed and bool(returned) and all(isinstance(r, ast.Name) and r.id == name for r in returned)


def _finding(source: SourceText, call: ast.Call, counter: str) -> Finding:
    span = Span(source.path, *source.place(call), source.of(call))
    return Finding(
        code="SC411",
        severity="error",
        title=f"the result of this is thrown away, and `{counter}` stays as it was",
        message=f"`{shown(span.source)}` gives another number back and changes nothing, and every turn of the loop "
        f"reads the same `{counter}`: keep the result, as in `{counter} = {shown(span.source)}`",
        location=span,
        cause=span,
    )


__all__ = ["stuck_counters"]
