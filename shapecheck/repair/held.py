"""A statement left out that makes anew what is held already: a dropout mask that the backward pass draws again."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from shapecheck.repair.candidate import Candidate, Place
from shapecheck.repair.desk import Desk


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


__all__ = ["unmade"]
