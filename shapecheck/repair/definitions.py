"""Where the names that an expression uses were given their values, just before it in the same function."""

from __future__ import annotations

import ast
from dataclasses import dataclass

from shapecheck.repair.surroundings import Module

_MOST_DEFINITIONS = 4


@dataclass(frozen=True)
class Definition:
    """Where a name that an expression uses was given its value, in the same function: `slope = self.slopes[l]`."""

    value: ast.expr
    uses: tuple[ast.Name, ...]


def definitions(module: Module, node: ast.expr) -> list[Definition]:
    """The definitions, just before it in the same block or around it, of the names that an expression uses."""
    statement = module.statement(node)
    found: dict[str, ast.expr] = {}
    current: ast.AST = statement
    while not isinstance(current, ast.Module | ast.FunctionDef | ast.AsyncFunctionDef):
        parent = module.parents[current]
        for name in ("body", "orelse"):
            block = getattr(parent, name, None)
            if isinstance(block, list) and current in block:
                for earlier in reversed(block[: block.index(current)]):
                    target = earlier.targets[0] if isinstance(earlier, ast.Assign) else None
                    if isinstance(earlier, ast.Assign) and isinstance(target, ast.Name):
                        found.setdefault(target.id, earlier.value)
        current = parent
    names = [n for n in ast.walk(node) if isinstance(n, ast.Name)]
    used = dict.fromkeys(n.id for n in names if n.id in found)
    return [Definition(found[u], tuple(n for n in names if n.id == u)) for u in used][:_MOST_DEFINITIONS]


__all__ = ["Definition", "definitions"]
