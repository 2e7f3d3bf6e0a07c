"""Functions of single numbers that `np.vectorize` applies entry by entry: their source, where that is all there is.

A replay that has the source can apply it to other entries than the recorded ones.
"""

from __future__ import annotations

import ast
import linecache
import math
import types
from collections.abc import Iterator
from typing import Any

import numpy as np

# What begins the name of such a function on a tape; its source follows.
PREFIX = "vectorize:"
_BUILTINS = frozenset({"abs", "bool", "float", "int", "max", "min", "round", "sum"})
_STATEMENTS = ast.Return | ast.If | ast.Assign | ast.Pass
_EXPRESSIONS = (
    ast.BinOp | ast.UnaryOp | ast.BoolOp | ast.Compare | ast.IfExp | ast.Call | ast.Attribute | ast.Name | ast.Constant
)
_PARTS = ast.operator | ast.unaryop | ast.boolop | ast.cmpop | ast.expr_context
_MOST_FUNCTIONS = 6


def vectorized_name(callee: np.vectorize) -> str | None:
    """Under which name a call of a vectorized function stands on the tape.

    Args:
        callee: What `np.vectorize` has made.

    Returns:
        The prefix and a source in which the last function is the one that is applied; None where the function does
        anything but calculate with its arguments, numbers of its module and other such functions.
    """
    function = callee.pyfunc
    if not isinstance(function, types.FunctionType) or callee.signature is not None or callee.excluded:
        return None
    try:
        found = _sources(function, {})
    except (OSError, SyntaxError, ValueError, RecursionError):
        return None
    return None if found is None else PREFIX + "\n".join(found.values())


def _sources(function: types.FunctionType, found: dict[str, str]) -> dict[str, str] | None:
    """By name, the sources of what a function calls and then its own, as definitions without decorators."""
    node = _definition(function)
    if node is None or function.__closure__ or len(found) >= _MOST_FUNCTIONS:
        return None
    name = f"f{function.__code__.co_firstlineno}_{len(node.args.args)}"
    if name in found:
        return found
    arguments = node.args
    if arguments.vararg or arguments.kwarg or arguments.kwonlyargs or arguments.defaults:
        return None
    parameters = [a.arg for a in arguments.args]
    body = [ast.Return(node.body)] if isinstance(node, ast.Lambda) else _without_docstring(node.body)
    local = {*parameters, *(n.id for s in body for n in ast.walk(s) if isinstance(n, ast.Name) and _is_bound(n))}
    numbers: dict[str, Any] = {}
    renamed: dict[str, str] = {}
    for part in (n for statement in body for n in ast.walk(statement)):
        if not isinstance(part, _STATEMENTS | _EXPRESSIONS | _PARTS):
            return None
        if isinstance(part, ast.Attribute) and not isinstance(part.value, ast.Name):
            return None
        if not isinstance(part, ast.Name) or part.id in local or part.id in _BUILTINS:
            continue
        thing = function.__globals__.get(part.id)
        if thing is math or thing is np:
            renamed[part.id] = "math" if thing is math else "np"
        elif type(thing) in {int, float}:
            numbers[part.id] = thing
        elif isinstance(thing, types.FunctionType) and thing is not function and _sources(thing, found) is not None:
            renamed[part.id] = list(found)[-1]
        elif isinstance(thing, types.BuiltinFunctionType | np.ufunc) and getattr(math, part.id, None) is thing:
            renamed[part.id] = f"math.{part.id}"
        else:
            return None
    lines = [ast.unparse(_Renaming(renamed, numbers).visit(statement)) for statement in body]
    whole = "\n".join(lines)
    text = f"def {name}({', '.join(parameters)}):\n" + "\n".join("    " + line for line in whole.splitlines())
    found.pop(name, None)
    found[name] = text
    return found


class _Renaming(ast.NodeTransformer):
    """Puts numbers and the names that replays know in the place of a module's own names."""

    def __init__(self, names: dict[str, str], numbers: dict[str, Any]) -> None:
        self.names, self.numbers = names, numbers

    def visit_Name(self, node: ast.Name) -> ast.expr:
        if node.id in self.numbers:
            return ast.Constant(self.numbers[node.id])
        if node.id in self.names:
            return ast.parse(self.names[node.id], mode="eval").body
        return node


def _is_bound(node: ast.Name) -> bool:
    return isinstance(node.ctx, ast.Store)


def _without_docstring(body: list[ast.stmt]) -> list[ast.stmt]:
    first = body[0]
    text = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str)
    return body[1:] if text else body


def _definition(function: types.FunctionType) -> ast.FunctionDef | ast.Lambda | None:
    """The function's definition in its file; None where several begin in its line."""
    code = function.__code__
    source = "".join(linecache.getlines(code.co_filename))
    found = list(_beginning_at(ast.parse(source), code.co_firstlineno))
    return found[0] if len(found) == 1 else None


def _beginning_at(tree: ast.Module, line: int) -> Iterator[ast.FunctionDef | ast.Lambda]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.Lambda):
            decorators = node.decorator_list if isinstance(node, ast.FunctionDef) else []
            if min([node.lineno, *(d.lineno for d in decorators)]) == line:
                yield node


__all__ = ["PREFIX", "vectorized_name"]
