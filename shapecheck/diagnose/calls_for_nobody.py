"""Calls of an object's own backward pass that are written out, and come to nothing.

A loop over layers computes what a layer needs that is left alone, too. But who writes `first.backward(d)` beside the
steps of the others wants the gradient that it leaves in `first`; all else that it gives has no use.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from shapecheck.diagnose.course import Course
from shapecheck.trace.failure import Seen
from shapecheck.trace.sites import SourceText
from shapecheck.trace.tape import Operation

MODULE = "<module>"
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def is_called_for_nobody(course: Course, value: int, operation: Operation) -> bool:
    """Whether a method computed an array's gradient in a call that stands beside the steps of other arrays.

    Args:
        course: Of the run.
        value: The array, an attribute of an object.
        operation: What computed its gradient, which nobody reads.
    """
    site = course.site(operation.site)
    source = course.trace.sources[site.path] if site is not None else None
    if site is None or source is None or source.tree is None or "." not in site.function:
        return False
    returned = ((time, held) for time, s, held in course.tape.returns if course.tape.sites[s].function == site.function)
    given = next((held for time, held in returned if time > operation.number), ())
    if any(v in course.users for v in given):
        return False
    method = site.function.rpartition(".")[2]
    own = {b.key for b in course.tape.bindings if b.value == operation.result and b.owner is not None}
    return any(
        _steps_are_made_in(course, around) and _is_only_called(around, source.tree, holder, method, own)
        for around, holder in _holders(course, source, course.tape.values[value].identity)
    )


def _holders(course: Course, source: SourceText, identity: int) -> Iterator[tuple[ast.AST, str]]:
    """The functions of a file, and what they call the objects that hold an array: `first`, or `self.first`."""
    for (path, function), scope in course.trace.scopes.items():
        around = _functions(source, function) if path == source.path else ()
        for name, seen in scope.items():
            if _holds(seen, identity):
                yield from ((f, name) for f in around)
            for key in [key for key, inner in seen.attributes if _holds(inner, identity)]:
                yield from ((f, f"{name}.{key}") for f in around)
                yield from ((f, f"self.{key}") for f in _functions(source, f"{seen.type}."))


def _holds(seen: Seen, identity: int) -> bool:
    return any(kept.identity == identity for _, kept in seen.attributes)


def _functions(source: SourceText, name: str) -> list[ast.AST]:
    """The function that a file has by a qualified name, all methods of a class by `Net.`, or the file's own text."""
    assert source.tree is not None
    owner, _, own = name.rpartition(".")
    classes = [n for n in source.nodes() if isinstance(n, ast.ClassDef) and n.name == owner]
    bodies = [c.body for c in classes] if owner else [source.tree.body]
    found: list[ast.AST] = [n for b in bodies for n in b if isinstance(n, _FUNCTIONS) and own in {"", n.name}]
    return [source.tree] if name == MODULE else found if len(classes) < 2 else []


def _is_only_called(around: ast.AST, tree: ast.Module, name: str, method: str, own: set[object]) -> bool:
    """Whether one call of a method of an object is written out, and nothing that reads its gradient."""
    turned = {n.id for loop in ast.walk(tree) for n in _bound_by_loops(loop)}
    parents = {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
    if name.partition(".")[0] in turned:
        return False
    named = [n for n in ast.walk(around) if isinstance(n, ast.Name | ast.Attribute) and ast.unparse(n) == name]
    uses = [parents[n] for n in named if isinstance(n.ctx, ast.Load)]
    calls = [u for u in uses if isinstance(u, ast.Attribute) and u.attr == method]
    # Methods that read a gradient of their object's are steps of it.
    readers = {f.name for f in ast.walk(tree) if isinstance(f, _FUNCTIONS) and _reads(f, own)}
    others = [u for u in uses if u not in calls]
    return len(calls) == 1 and all(isinstance(u, ast.Attribute) and u.attr not in own | readers for u in others)


def _bound_by_loops(node: ast.AST) -> Iterator[ast.Name]:
    if isinstance(node, ast.For | ast.AsyncFor | ast.comprehension):
        yield from (n for n in ast.walk(node.target) if isinstance(n, ast.Name))


def _reads(function: ast.AST, own: set[object]) -> bool:
    attributes = (n for n in ast.walk(function) if isinstance(n, ast.Attribute) and isinstance(n.ctx, ast.Load))
    return any(n.attr in own and isinstance(n.value, ast.Name) and n.value.id == "self" for n in attributes)


def _steps_are_made_in(course: Course, around: ast.AST) -> bool:
    """Whether a function steps parameters itself, or calls by their names what steps them."""
    called = {n.func.attr for n in ast.walk(around) if isinstance(n, ast.Call) and isinstance(n.func, ast.Attribute)}
    for parameter in course.parameters:
        site = course.site(course.tape.operations[parameter.updates[0].operation].site)
        method = site.function.rpartition(".")[2] if site is not None else ""
        if site is not None and (method == getattr(around, "name", MODULE) or method in called):
            return True
    return False


__all__ = ["is_called_for_nobody"]
