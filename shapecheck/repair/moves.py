"""Candidates that change the order of statements: an update before its parameter's last use, and the like."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from shapecheck.diagnose.finding import Edit
from shapecheck.repair.candidate import Candidate, Place

_FILLING = frozenset({"append", "appendleft", "insert"})
# So many statements away in the same block.
_FAR = 10


def move_candidates(place: Place) -> Iterator[Candidate]:
    """Statements of the block that write what this one reads, on the other side of it."""
    block = _block(place)
    if block is None or any(len(_on_lines(block, s)) > 1 for s in block):
        return
    position = block.index(place.statement)
    reads = _read(place.statement)
    for number, other in enumerate(block):
        if other is place.statement or abs(number - position) > _FAR or not _written(other) & reads:
            continue
        shown = " ".join(place.text(other).split())
        shown = shown if len(shown) <= 50 else shown[:47] + "..."
        far = 0.05 * abs(number - position)
        if number < position:
            last = max(i for i in range(number, len(block)) if i == position or _read(block[i]) & _written(other))
            for after in dict.fromkeys((position, last)):
                title = f"move `{shown}` below line {block[after].end_lineno}, where the old value is still needed"
                yield _moved(place, other, title, below=block[after], cost=1.0 + far)
        else:
            title = f"move `{shown}` above line {place.statement.lineno}, where its result is needed"
            yield _moved(place, other, title, above=place.statement, cost=1.1 + far)


def kept_before_made(place: Place) -> Iterator[Candidate]:
    """`deltas.append(delta)` behind the statement of its loop that makes the `delta` of this turn."""
    statement, block = place.statement, _block(place)
    made = statement.targets[0] if isinstance(statement, ast.Assign) else None
    if not isinstance(made, ast.Name) or block is None or any(len(_on_lines(block, s)) > 1 for s in block):
        return
    if not isinstance(place.parent(statement), ast.For | ast.While):
        return
    for other in block[: block.index(statement)]:
        if any(isinstance(n, ast.Name) and n.id == made.id for n in _kept(other)):
            title = f"keep `{made.id}` after it is made"
            yield _moved(place, other, title, below=statement, cost=0.4)


def _kept(statement: ast.stmt) -> list[ast.expr]:
    """What a statement puts into a container as it is."""
    if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Subscript):
        return [statement.value]
    call = statement.value if isinstance(statement, ast.Expr) else None
    filling = isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr in _FILLING
    return call.args[-1:] if filling and isinstance(call, ast.Call) else []


def _block(place: Place) -> list[ast.stmt] | None:
    """The statements among which this one stands."""
    parent = place.parent(place.statement)
    for name in ("body", "orelse", "finalbody"):
        block = getattr(parent, name, None)
        if isinstance(block, list) and place.statement in block:
            return block
    return None


def _on_lines(block: list[ast.stmt], statement: ast.stmt) -> list[ast.stmt]:
    return [s for s in block if s.lineno <= (statement.end_lineno or 0) and (s.end_lineno or 0) >= statement.lineno]


def _root(node: ast.expr) -> str:
    """What an assignment writes to: `self.W` for `self.W[i]`."""
    while isinstance(node, ast.Subscript):
        node = node.value
    return ast.unparse(node)


def _written(statement: ast.stmt) -> set[str]:
    if isinstance(statement, ast.Assign):
        targets = list(statement.targets)
    elif isinstance(statement, ast.AugAssign):
        targets = [statement.target]
    else:
        return set()
    parts = [e for t in targets for e in (t.elts if isinstance(t, ast.Tuple | ast.List) else [t])]
    return {_root(part) for part in parts}


def _read(statement: ast.stmt) -> set[str]:
    found = set()
    for node in ast.walk(statement):
        if isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Load):
            found.add(ast.unparse(node))
    return found


def _moved(
    place: Place,
    statement: ast.stmt,
    title: str,
    *,
    cost: float,
    below: ast.stmt | None = None,
    above: ast.stmt | None = None,
) -> Candidate:
    lines = place.source.lines
    first, last = statement.lineno, statement.end_lineno or statement.lineno
    text = "".join(lines[first - 1 : last]).rstrip("\r\n")
    before = len(lines[first - 2].rstrip("\r\n")) + 1 if first > 1 else 1
    gone = Edit(place.path, max(first - 1, 1), before, last, len(lines[last - 1].rstrip("\r\n")) + 1, "")
    if below is not None:
        end = below.end_lineno or below.lineno
        column = len(lines[end - 1].rstrip("\r\n")) + 1
        put = Edit(place.path, end, column, end, column, "\n" + text)
    else:
        assert above is not None
        put = Edit(place.path, above.lineno, 1, above.lineno, 1, text + "\n")
    return Candidate(title, "order", (gone, put), cost + 0.25 * min(place.distance, 8), place.path, first)


__all__ = ["kept_before_made", "move_candidates"]
