"""What is drawn anew though the forward pass has drawn it: a mask of dropout that the backward pass makes again.

Where it is held, the statement that makes it anew is left out; where it is not, the forward pass keeps it.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from shapecheck.repair.candidate import Candidate, Place
from shapecheck.repair.desk import Desk
from shapecheck.trace.operations import DRAWS


def unmade(place: Place) -> Iterator[Candidate]:
    """The assignment of an attribute or an item left out, so that what another one has left there is read."""
    statement = place.statement
    if not isinstance(statement, ast.Assign) or len(statement.targets) != 1:
        return
    target = statement.targets[0]
    desk = Desk(place.module, place.path)
    if not isinstance(target, ast.Attribute | ast.Subscript) or len(desk.block(statement)) < 2:
        return
    name = desk.text(target)
    others = (s for s in ast.walk(desk.module.tree) if isinstance(s, ast.Assign) and s is not statement)
    if any(desk.text(t) == name for other in others for t in other.targets):
        title = f"leave this out: `{name}` holds what is meant"
        yield desk.candidate(title, "delete", 1.2, desk.whole(statement))


def drawn_once(place: Place) -> Iterator[Candidate]:
    """What is drawn under a name for the second time before a statement reads it, left out: the first is kept."""
    desk = Desk(place.module, place.path)
    read = {n.id for n in ast.walk(place.statement) if isinstance(n, ast.Name)}
    drawn: dict[str, ast.Assign] = {}
    for name, statement in _draws(desk.module.enclosing_function(place.statement) or desk.module.tree):
        if name in read and statement.lineno < place.statement.lineno:
            if name in drawn and len(desk.block(statement)) > 1:
                title = f"leave this out: `{name}` holds what the forward pass has drawn"
                yield desk.candidate(title, "delete", 0.8, desk.whole(statement))
            drawn[name] = statement


def kept_when_drawn(place: Place) -> Iterator[Candidate]:
    """What another method of the object has drawn under a name of its own, kept, and read where it is drawn anew."""
    desk = Desk(place.module, place.path)
    method = desk.module.enclosing_function(place.statement)
    own = _receiver(desk, method)
    if method is None or not own:
        return
    read = {n.id for n in ast.walk(place.statement) if isinstance(n, ast.Name)}
    around = desk.module.parents[method]
    taken = {n.attr for n in ast.walk(around) if isinstance(n, ast.Attribute)}
    others = [f for f in getattr(around, "body", ()) if f is not method and _receiver(desk, f)]
    for name, again in _draws(method):
        if again is not place.statement and name not in read:
            continue
        for other in others:
            for kept, first in _draws(other):
                if kept not in taken:
                    edits = (
                        desk.edit(again.value, f"{own}.{kept}"),
                        desk.after(first, f"{_receiver(desk, other)}.{kept} = {kept}"),
                    )
                    yield desk.candidate(f"keep the `{kept}` of the forward pass", "keep", 1.1, *edits)


def _receiver(desk: Desk, function: ast.AST | None) -> str:
    """What a method calls its object; empty for what is no method."""
    if not isinstance(function, ast.FunctionDef) or not isinstance(desk.module.parents.get(function), ast.ClassDef):
        return ""
    return function.args.args[0].arg if function.args.args and not function.decorator_list else ""


def _draws(function: ast.AST) -> Iterator[tuple[str, ast.Assign]]:
    """The names that a function gives to what it draws at random."""
    for node in ast.walk(function):
        if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            calls = (n.func for n in ast.walk(node.value) if isinstance(n, ast.Call))
            if any(isinstance(f, ast.Attribute) and f.attr in DRAWS for f in calls):
                yield node.targets[0].id, node


__all__ = ["drawn_once", "kept_when_drawn", "unmade"]
