"""A statement left out that makes anew what is held already: a dropout mask that the backward pass draws again."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from shapecheck.repair.candidate import Candidate, Place
from shapecheck.repair.desk import Desk


def unmade(place: Place) -> Iterator[Candidate]:
    """The assignment of an attribute or an item left out, so that what it held before is read."""
    statement = place.statement
    if not isinstance(statement, ast.Assign) or len(statement.targets) != 1:
        return
    target = statement.targets[0]
    desk = Desk(place.module, place.path)
    if isinstance(target, ast.Attribute | ast.Subscript) and len(desk.block(statement)) > 1:
        title = f"leave this out: `{desk.text(target)}` holds what is meant"
        yield desk.candidate(title, "delete", 1.2, desk.whole(statement))


__all__ = ["unmade"]
