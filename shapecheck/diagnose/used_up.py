"""Loops that go again and again through an iterator which one pass uses up: only the first epoch sees any data.

A generator, `zip` or `map` hands out each item once. Who takes them up where he left off breaks out of the loop; a
loop that has run to their end finds none in its next turn, and says nothing of it.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from shapecheck.diagnose.course import Course, shown
from shapecheck.diagnose.finding import Finding, Span, TrailStep
from shapecheck.trace.sites import SourceText

USED_UP = "one pass uses this up, and the next finds nothing"

_ONCE = frozenset({"zip", "map", "filter", "enumerate", "reversed", "iter"})
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)


@dataclass(frozen=True, slots=True)
class _Pass:
    """A loop through an iterator, within the loop that repeats it.

    Attributes:
        loop: What goes through the iterator.
        around: What repeats that.
        made: What makes the iterator, outside of both.
    """

    loop: ast.For
    around: ast.For | ast.While
    made: ast.expr


def used_up(course: Course) -> list[Finding]:
    """Such loops that ran, in a program that trains."""
    if not course.parameters:
        return []
    ran = [course.site(o.site) for o in course.tape.operations]
    found = []
    for source in course.trace.sources.values():
        lines = [site.line for site in ran if site is not None and site.path == source.path]
        tree = source.tree
        if tree is None:
            continue
        for one in _File(tree).passes():
            within = range(one.loop.body[0].lineno, (one.loop.end_lineno or 0) + 1)
            if any(line in within for line in lines):
                found.append(_finding(source, one))
    return found


class _File:
    """What is bound to which name in a file."""

    def __init__(self, tree: ast.Module) -> None:
        self.tree = tree
        self.parents = {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
        self.functions = [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef)]
        self.has_own_iterators = any(f.name == "__next__" for f in self.functions)

    def passes(self) -> Iterator[_Pass]:
        for loop in (n for n in ast.walk(self.tree) if isinstance(n, ast.For)):
            around = self._loop_around(loop)
            if around is None or not isinstance(loop.iter, ast.Name | ast.Attribute) or _is_left(loop):
                continue
            made = self._made(loop, around)
            if made is not None and self._has_turns(around):
                yield _Pass(loop, around, made)

    def _loop_around(self, node: ast.AST) -> ast.For | ast.While | None:
        parent = self.parents.get(node)
        while parent is not None and not isinstance(parent, (*_FUNCTIONS, ast.ClassDef)):
            if isinstance(parent, ast.For | ast.While):
                return parent
            parent = self.parents.get(parent)
        return None

    def _function_around(self, node: ast.AST) -> ast.FunctionDef | None:
        parent = self.parents.get(node)
        while parent is not None and not isinstance(parent, ast.FunctionDef):
            parent = self.parents.get(parent)
        return parent

    def _made(self, loop: ast.For, around: ast.For | ast.While) -> ast.expr | None:
        """What makes the iterator that a loop goes through, if that is for once, and nobody else touches it."""
        said, function = ast.unparse(loop.iter), self._function_around(loop)
        scope = function if function is not None and isinstance(loop.iter, ast.Name) else self.tree
        uses = [n for n in ast.walk(scope) if isinstance(n, ast.Name | ast.Attribute) and ast.unparse(n) == said]
        stores = [n for n in uses if not isinstance(n.ctx, ast.Load)]
        if any(n is not loop.iter for n in uses if isinstance(n.ctx, ast.Load)):
            return None
        if not stores and function is not None and isinstance(loop.iter, ast.Name):
            return self._handed(function, loop.iter.id)
        statement = self.parents.get(stores[0]) if len(stores) == 1 else None
        if not isinstance(statement, ast.Assign) or len(statement.targets) != 1 or statement.lineno > around.lineno:
            return None
        # In the turn of a third loop, or another call, it is made anew; then the two loops stand there as well.
        together = self._function_around(statement) is function and self._loop_around(around) is None
        return statement.value if together and self._is_for_once(statement.value) else None

    def _handed(self, function: ast.FunctionDef, name: str) -> ast.expr | None:
        """What a function's only caller hands it under a name."""
        arguments = [a.arg for a in (*function.args.posonlyargs, *function.args.args)]
        calls = [n for n in ast.walk(self.tree) if isinstance(n, ast.Call) and _called(n) == function.name]
        if name not in arguments or len(calls) != 1 or sum(f.name == function.name for f in self.functions) != 1:
            return None
        place = arguments.index(name) - (arguments[0] == "self")
        by_name = [k.value for k in calls[0].keywords if k.arg == name]
        by_place = calls[0].args[place : place + 1] if place >= 0 else []
        handed = [*by_name, *by_place]
        if len(handed) != 1 or any(isinstance(a, ast.Starred) for a in calls[0].args):
            return None
        return handed[0] if self._is_for_once(handed[0]) else None

    def _is_for_once(self, made: ast.expr) -> bool:
        if isinstance(made, ast.GeneratorExp):
            return True
        if not isinstance(made, ast.Call):
            return False
        own = [f for f in self.functions if f.name == _called(made)]
        if own:
            return all(not f.decorator_list and self._yields(f) for f in own)
        once = isinstance(made.func, ast.Name) and made.func.id in _ONCE
        # An iterator of the user's own may begin again where it has come to its end.
        return once and not (isinstance(made.func, ast.Name) and made.func.id == "iter" and self.has_own_iterators)

    def _yields(self, function: ast.FunctionDef) -> bool:
        inner = (n for n in ast.walk(function) if isinstance(n, ast.Yield | ast.YieldFrom))
        return any(self._function_around(n) is function for n in inner)

    def _has_turns(self, loop: ast.For | ast.While) -> bool:
        """Whether a loop is known to have several turns: it counts to a number, or there are several items."""
        if isinstance(loop, ast.While):
            return False
        if isinstance(loop.iter, ast.List | ast.Tuple):
            return len(loop.iter.elts) > 1
        if not isinstance(loop.iter, ast.Call) or ast.unparse(loop.iter.func) not in {"range", "trange"}:
            return False
        ends = [self._numbers(a) for a in loop.iter.args[:2]]
        starts = ends[0] if len(ends) == 2 else [0]
        return bool(ends and ends[-1] and starts) and min(ends[-1]) - max(starts) > 1

    def _numbers(self, node: ast.expr) -> list[int]:
        """The numbers that an expression may stand for, as they are written; none if something else is."""
        if isinstance(node, ast.Constant):
            return [node.value] if isinstance(node.value, int) else []
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
            left, right = self._numbers(node.left), self._numbers(node.right)
            return [a + b for a in left for b in right]
        if not isinstance(node, ast.Name | ast.Attribute):
            return []
        name = node.id if isinstance(node, ast.Name) else node.attr
        bound = list(self._bound(name))
        written = [n.value for n in bound if isinstance(n, ast.Constant) and isinstance(n.value, int)]
        passed_on = [n for n in bound if isinstance(n, ast.Name | ast.Attribute) and _last_name(n) == name]
        return written if len(written) + len(passed_on) == len(bound) else []

    def _bound(self, name: str) -> Iterator[ast.expr]:
        """All that a name, or an attribute of that name, is given in a file."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Assign):
                for target in node.targets:
                    if isinstance(target, ast.Name | ast.Attribute) and _last_name(target) == name:
                        yield node.value
                    elif isinstance(target, ast.Tuple) and any(_last_name(t) == name for t in target.elts):
                        values = node.value.elts if isinstance(node.value, ast.Tuple) else [node.value]
                        yield from (v for t, v in zip(target.elts, values, strict=False) if _last_name(t) == name)
            elif isinstance(node, ast.AugAssign | ast.AnnAssign) and _last_name(node.target) == name:
                yield node.value or node.target
            elif isinstance(node, ast.Call):
                yield from (k.value for k in node.keywords if k.arg == name)
        for function in self.functions:
            places = [a.arg for a in (*function.args.posonlyargs, *function.args.args)]
            if name not in places:
                continue
            place = places.index(name)
            if (default := place - len(places) + len(function.args.defaults)) >= 0:
                yield function.args.defaults[default]
            called = function.name if function.name != "__init__" else getattr(self.parents.get(function), "name", "")
            place -= places[0] == "self"
            calls = (n for n in ast.walk(self.tree) if isinstance(n, ast.Call) and _called(n) == called)
            yield from (c.args[place] for c in calls if len(c.args) > place >= 0)


def _last_name(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else getattr(node, "attr", "")


def _called(call: ast.Call) -> str:
    return _last_name(call.func)


def _is_left(loop: ast.For) -> bool:
    """Whether a loop may end before its last item."""
    return any(isinstance(n, ast.Break | ast.Return | ast.Yield | ast.YieldFrom | ast.Raise) for n in ast.walk(loop))


def _finding(source: SourceText, one: _Pass) -> Finding:
    cause, made = (Span(source.path, *source.place(n), source.of(n)) for n in (one.loop.iter, one.made))
    return Finding(
        code="SC409",
        severity="error",
        title=USED_UP,
        message=f"`{shown(cause.source)}` was made once, by `{shown(made.source, 60)}`, and hands out each item once: "
        "the first turn of the loop around sees the data, and every other one does nothing",
        location=cause,
        cause=cause,
        trail=(TrailStep(made, "here it is made"),),
    )


__all__ = ["USED_UP", "used_up"]
