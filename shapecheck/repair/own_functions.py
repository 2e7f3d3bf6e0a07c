"""The program's own functions that compute something: what a slope, or the derivative of a loss, may be called by."""

from __future__ import annotations

import ast

from shapecheck.repair.candidate import Place

_MOST_HELD = 4


def functions(place: Place, arity: int) -> list[str]:
    """The module's functions of so many arguments; methods are called on `self`."""
    found = []
    for node in ast.walk(place.module.tree):
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("__") and _is_formula(node):
            names = [a.arg for a in node.args.args]
            owner = isinstance(place.parent(node), ast.ClassDef)
            if owner and names[:1] == ["self"]:
                if len(names) - 1 == arity:
                    found.append(f"self.{node.name}")
            elif len(names) == arity:
                found.append(node.name)
    return [*_held(place)[:_MOST_HELD], *found[:12]] if arity == 1 else found[:12]


def _held(place: Place) -> list[str]:
    """What may hold a function: names that are stored here and never read, and what else the file calls.

    Activations and their slopes are often handed over, or kept in a list: `self.slope(z)`, `slopes[l](z)`.
    """
    methods = {n.name for n in ast.walk(place.module.tree) if isinstance(n, ast.FunctionDef)}
    function = place.module.enclosing_function(place.statement)
    found = dict.fromkeys(place.unused() if function is not None else ())
    for node in place.module.expressions():
        callee = node.func if isinstance(node, ast.Call) and len(node.args) == 1 and not node.keywords else None
        is_kept = isinstance(callee, ast.Subscript)
        if isinstance(callee, ast.Attribute) and isinstance(callee.value, ast.Name):
            is_kept = callee.value.id == "self" and callee.attr not in methods
        if is_kept and callee is not None:
            found[place.text(callee)] = None
    return list(found)


def _is_formula(function: ast.FunctionDef) -> bool:
    """Whether a function just computes something: no loop, a result, few statements, and nothing that it keeps."""
    nodes = list(ast.walk(function))
    if any(isinstance(n, ast.Attribute) and isinstance(n.ctx, ast.Store) for n in nodes):
        return False
    returns = any(isinstance(n, ast.Return) and n.value is not None for n in nodes)
    loops = any(isinstance(n, ast.For | ast.While | ast.With | ast.Try | ast.Yield | ast.Global) for n in nodes)
    return returns and not loops and sum(isinstance(n, ast.stmt) for n in nodes) <= 12


def unread(place: Place) -> list[str]:
    """Names that the function around a place is given, or stores, and never reads: one may hold a function."""
    function = place.module.enclosing_function(place.statement)
    if function is None:
        return place.unused()
    read = {n.id for n in ast.walk(function) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)}
    given = [a.arg for a in (*function.args.args, *function.args.kwonlyargs) if a.arg != "self"]
    return [*(name for name in given if name not in read), *place.unused()]


def methods_of_others(place: Place, arity: int) -> list[str]:
    """Methods that just compute something of what is at hand: `self.loss.slope`, `Squares.slope`."""
    classes = {n.name: n for n in place.module.parents if isinstance(n, ast.ClassDef)}
    holders: dict[str, str] = {}
    function = place.module.enclosing_function(place.statement)
    local = {n.id for n in ast.walk(function) if isinstance(n, ast.Name)} if function is not None else place.scope()
    for name, seen in place.scope().items():
        if name not in local:
            continue
        if name != "self":
            holders[name] = seen.type
        holders |= {f"{name}.{attribute}": one.type for attribute, one in seen.attributes}
    found = []
    for holder, kind in (*holders.items(), *((name, name) for name in classes)):
        for method in classes[kind].body if kind in classes else ():
            if not isinstance(method, ast.FunctionDef) or method.name.startswith("__") or not _is_formula(method):
                continue
            names = [a.arg for a in method.args.args]
            bound = names[:1] == ["self"]
            if len(names) - bound == arity and not (bound and holder in classes):
                found.append(f"{holder}.{method.name}")
    return found


__all__ = ["functions", "methods_of_others", "unread"]
