"""Arrays that are given a name and come to nothing: no operation reads them, and nothing in the text does."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from shapecheck.diagnose.course import Course
from shapecheck.diagnose.value_words import namings
from shapecheck.trace.sites import Site

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
# Of fewer entries two arrays may be alike by chance.
_LEAST_ENTRIES, _MOST_ENTRIES = 12, 1_000_000
_SIZES = frozenset({"shape", "size", "ndim"})
# Through so many calls a name is followed.
_DEEPEST = 4


@dataclass(frozen=True, slots=True)
class Unread:
    """An array that was given a name and is never read.

    Attributes:
        site, name: Where, and which.
        value: The array.
        time: The number of operations made before.
    """

    site: Site
    name: str
    value: int
    time: int


def unread_arrays(course: Course) -> Iterator[Unread]:
    """The arrays with a plain name that no operation reads, and that nothing else was done with."""
    tape = course.tape
    kept = {a.value for a in tape.accesses} | {b.value for b in tape.bindings if b.owner is not None}
    for value, name, where, time in namings(tape):
        site = course.site(where.number)
        if site is not None and name.isidentifier() and value not in course.users and value not in kept:
            if _LEAST_ENTRIES <= tape.values[value].size <= _MOST_ENTRIES and value not in course.learned:
                yield Unread(site, name, value, time)


def is_read(course: Course, one: Unread) -> bool:
    """Whether a name is read in the function that it is given in, or anywhere where it may be read from.

    To hand it to a function of the same file that never reads it is no reading; neither is to ask for its size.
    """
    tree = course.trace.sources[one.site.path].tree
    if tree is None:
        return True
    around = [f for f in ast.walk(tree) if isinstance(f, _FUNCTIONS) and _holds(f, one.site)]
    return _is_read_in(tree, around[-1] if around else tree, one.name, 0)


def _is_read_in(tree: ast.Module, scope: ast.AST, name: str, depth: int) -> bool:
    stored = (n for n in ast.walk(scope) if isinstance(n, ast.Subscript) and isinstance(n.ctx, ast.Store))
    changed = {id(n.value) for n in stored}  # `d[h < 0] = 0` makes another `d`, and reads none
    named = (n for n in ast.walk(scope) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load))
    loads = [n for n in named if id(n) not in changed]
    given = [n for n in ast.walk(scope) if isinstance(n, ast.Global | ast.Nonlocal)]
    if {"locals", "globals", "vars", "eval", "exec"} & {n.id for n in loads} or any(name in n.names for n in given):
        return True
    handed = {id(a): (call, a) for call in ast.walk(scope) if isinstance(call, ast.Call) for a in _arguments(call)}
    measured = {id(n) for whole in ast.walk(scope) for n in _measured(whole)}
    for load in (n for n in loads if n.id == name and id(n) not in measured):
        call, _ = handed.get(id(load), (None, None))
        function = _called(tree, call) if call is not None and depth < _DEEPEST else None
        own = _name_within(function, call, load) if function is not None and call is not None else None
        if function is None or own is None or _is_read_in(tree, function, own, depth + 1):
            return True
    return False


def _measured(node: ast.AST) -> list[ast.expr]:
    """What an expression only asks for its size: `len(y)`, `y.shape`."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "len":
        return node.args
    return [node.value] if isinstance(node, ast.Attribute) and node.attr in _SIZES else []


def _arguments(call: ast.Call) -> list[ast.expr]:
    return [*call.args, *(k.value for k in call.keywords)]


def _called(tree: ast.Module, call: ast.Call) -> ast.FunctionDef | None:
    """The one function of a file that has the name that is called."""
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    found = [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef) and n.name == name]
    return found[0] if len(found) == 1 and not found[0].decorator_list else None


def _name_within(function: ast.FunctionDef, call: ast.Call, argument: ast.expr) -> str | None:
    """What a function calls an argument that a call gives it."""
    names = [a.arg for a in (*function.args.posonlyargs, *function.args.args)]
    by_name = next((k.arg for k in call.keywords if k.value is argument), None)
    if by_name is not None:
        return by_name if by_name in {*names, *(a.arg for a in function.args.kwonlyargs)} else None
    if argument not in call.args or any(isinstance(a, ast.Starred) for a in call.args):
        return None
    place = call.args.index(argument) + (isinstance(call.func, ast.Attribute) and names[:1] == ["self"])
    return names[place] if place < len(names) else None


def _holds(function: ast.AST, site: Site) -> bool:
    assert isinstance(function, _FUNCTIONS)
    return function.lineno <= site.line <= (function.end_lineno or function.lineno)


__all__ = ["Unread", "is_read", "unread_arrays"]
