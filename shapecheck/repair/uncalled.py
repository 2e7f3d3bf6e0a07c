"""Calls of what a file defines and nowhere calls: a gradient that nobody asks for is missing where it should be."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from shapecheck.repair.candidate import Place

_MOST = 4


def uncalled(place: Place) -> list[str]:
    """Calls of the module's functions that nobody calls, given what is called here as their parameters are."""
    return list(_calls(place))[:_MOST]


def _calls(place: Place) -> Iterator[str]:
    tree, here = place.module.tree, set(place.scope())
    read = {n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)}
    for node in tree.body if isinstance(tree, ast.Module) else ():
        if not isinstance(node, ast.FunctionDef) or node.name in read or not _hands_back(node):
            continue
        arguments = node.args
        required = arguments.args[: len(arguments.args) - len(arguments.defaults)]
        names = [a.arg for a in (*arguments.posonlyargs, *required)]
        if names and here.issuperset(names) and not any(d is None for d in arguments.kw_defaults):
            yield f"{node.name}({', '.join(names)})"


def _hands_back(function: ast.FunctionDef) -> bool:
    return any(isinstance(n, ast.Return) and n.value is not None for n in ast.walk(function))


__all__ = ["uncalled"]
