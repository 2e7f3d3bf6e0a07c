"""What an edit reads from the turn of a loop before: in the first turn that is zero, and has to be said.

Backpropagation through time adds to a state's derivative what the next step hands back (Werbos 1990); going backwards
that is left by the turn before, and there is none before the first.
"""

from __future__ import annotations

import ast
import re
from dataclasses import replace

from shapecheck.diagnose.finding import Edit
from shapecheck.repair.candidate import Candidate, Place
from shapecheck.repair.terms import arrays_in_scope

_NAME = re.compile(r"(?<![\w.])[A-Za-z_]\w*")


def begun(place: Place, candidate: Candidate) -> Candidate:
    """A candidate, with zeros put before the loop for what it reads of the turn before.

    Args:
        place: The statement that it edits.
        candidate: Its edits; given back as it is where they read nothing of the kind.
    """
    loop = place.loop()
    if loop is None:
        return candidate
    read = {name for edit in candidate.edits for name in _NAME.findall(edit.replacement)}
    assigned = _assigned(loop)
    line = place.statement.lineno
    carried = sorted(name for name in read & assigned.keys() if min(assigned[name]) > line)
    carried = [name for name in carried if not _is_set_before(place, loop, name)]
    edits = [edit for name in carried if (edit := _zeros(place, loop, name, set(assigned))) is not None]
    if not edits or len(edits) < len(carried):
        return candidate
    names = " and ".join(f"`{name}`" for name in carried)
    title = f"{candidate.title}, and begin with zeros for {names}"
    return replace(candidate, title=title, edits=(*candidate.edits, *edits), cost=candidate.cost + 0.2)


def _assigned(loop: ast.For | ast.While) -> dict[str, list[int]]:
    """The names that a loop's body gives values to, with the lines."""
    found: dict[str, list[int]] = {}
    for statement in loop.body:
        for node in ast.walk(statement):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                found.setdefault(node.id, []).append(node.lineno)
    return found


def _is_set_before(place: Place, loop: ast.For | ast.While, name: str) -> bool:
    """Whether the name has a value before the loop: from a statement in front of it, or as an argument."""
    node: ast.AST = loop
    while not isinstance(node, ast.Module | ast.FunctionDef | ast.AsyncFunctionDef):
        parent = place.parent(node)
        if parent is None:
            return False
        blocks = (getattr(parent, field, None) for field in ("body", "orelse", "finalbody"))
        block = next((b for b in blocks if isinstance(b, list) and node in b), [])
        stores = (n for s in block[: block.index(node)] for n in ast.walk(s)) if block else ()
        if any(isinstance(n, ast.Name) and n.id == name and isinstance(n.ctx, ast.Store) for n in stores):
            return True
        node = parent
    given = ast.walk(node.args) if not isinstance(node, ast.Module) else ()
    return any(isinstance(n, ast.arg) and n.arg == name for n in given)


def _zeros(place: Place, loop: ast.For | ast.While, name: str, changing: set[str]) -> Edit | None:
    seen = (place.names or place.scope()).get(name)
    zeros, like = place.numpy_function("zeros"), place.numpy_function("zeros_like")
    if seen is None or not seen.shape or zeros is None or like is None:
        return None
    alike = [t for t, s in arrays_in_scope(place).items() if s.shape == seen.shape and t not in changing]
    plain = [t for t in alike if t.replace(".", "").isidentifier() and t.partition(".")[0] not in changing]
    value = f"{like}({plain[0]})" if plain else f"{zeros}({seen.shape})"
    indent = place.source.lines[loop.lineno - 1][: loop.col_offset]
    return Edit(place.path, loop.lineno, 1, loop.lineno, 1, f"{indent}{name} = {value}\n")


__all__ = ["begun"]
