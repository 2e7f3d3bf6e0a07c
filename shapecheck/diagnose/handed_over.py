"""What a function hands back among others and its caller takes whole: it gives all of it on, or gives it a name.

As the source shows it; `f(w)[0]`, `print(f(w))` and a call that stands by itself take nothing of the rest.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from shapecheck.diagnose.course import Course
from shapecheck.diagnose.pure_calls import PureCalls

_Function = ast.FunctionDef | ast.AsyncFunctionDef
# What gives on everything that it is given.
_GIVING_ON = frozenset("zip enumerate list tuple reversed map".split())


def is_handed_over(course: Course, value: int) -> bool:
    """Whether every call of the function that handed back a value among others takes all that this hands back."""
    returned = [course.site(site) for _, site, held in course.tape.returns if value in held]
    maker = returned[-1] if returned else None
    if maker is None:
        return False
    trees = {path: source.tree for path, source in course.trace.sources.items() if source.tree is not None}
    calls = _Calls(trees)
    name = maker.function.rpartition(".")[2]
    own = [call for call in calls.scopes if _called(call) == name]
    return bool(own) and all(calls.are_taken_whole(call) for call in own)


class _Calls:
    """The calls of a program, and what becomes of what they give."""

    def __init__(self, trees: dict[str, ast.Module]) -> None:
        self.functions = PureCalls(trees)
        self.scopes: dict[ast.Call, ast.AST] = {}
        self.parents: dict[ast.AST, ast.AST] = {}
        for tree in trees.values():
            self._enter(tree, tree)

    def _enter(self, node: ast.AST, scope: ast.AST) -> None:
        for child in ast.iter_child_nodes(node):
            self.parents[child] = node
            if isinstance(child, ast.Call):
                self.scopes[child] = scope
            self._enter(child, child if isinstance(child, _Function) else scope)

    def are_taken_whole(self, call: ast.Call) -> bool:
        """Whether all results of a call have a use: they are given on together, or have one name that is given on.

        What has a name that nobody reads any more is forgotten, and not left alone.
        """
        parent = self.parents[call]
        if isinstance(parent, ast.Assign) and [type(t) for t in parent.targets] == [ast.Name]:
            name = parent.targets[0].id  # type: ignore[attr-defined]
            return name.strip("_") != "" and all(self._is_given_on(n) for n in _loads(self.scopes[call], name))
        return self._is_given_on(call)

    def _is_given_on(self, node: ast.AST) -> bool:
        parent = self.parents[node]
        if isinstance(parent, ast.Starred):
            return self._is_given_on(parent)
        if isinstance(parent, ast.For):
            return node is parent.iter
        if not isinstance(parent, ast.Call) or node is parent.func:
            return False
        if _called(parent) in _GIVING_ON:
            return True
        own = self.functions.functions(parent)
        return bool(own) and all(self._takes_whole(f, parent, node) for f in own)

    def _takes_whole(self, function: _Function, call: ast.Call, given: ast.AST) -> bool:
        """Whether a function does more with what it is given than to take a part of it."""
        names = [a.arg for a in (*function.args.posonlyargs, *function.args.args)]
        names = names[1:] if isinstance(call.func, ast.Attribute) and names[:1] == ["self"] else names
        if isinstance(given, ast.Starred):
            return True
        name = next((k.arg for k in call.keywords if k.value is given), None)
        if given in call.args:
            position = call.args.index(given)
            name = names[position] if position < len(names) else None
        return name is not None and not any(_is_part(self.parents[n], n) for n in _loads(function, name))


def _called(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def _loads(scope: ast.AST, name: str) -> Iterator[ast.Name]:
    named = (n for n in ast.walk(scope) if isinstance(n, ast.Name) and n.id == name)
    return (n for n in named if isinstance(n.ctx, ast.Load))


def _is_part(parent: ast.AST, node: ast.AST) -> bool:
    return isinstance(parent, ast.Subscript) and parent.value is node and isinstance(parent.slice, ast.Constant)


__all__ = ["is_handed_over"]
