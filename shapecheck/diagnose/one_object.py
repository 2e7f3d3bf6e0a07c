"""Layers that are all one object: `[Dense(8, 8)] * 3` makes a single layer, and lists it three times.

Whoever shares weights on purpose keeps what each pass needs apart, and has the right gradients: of those nothing is
said. Here the last pass writes over what the earlier ones left for their way back.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from shapecheck.diagnose.course import Course, quoted, shown
from shapecheck.diagnose.finding import Finding, Span
from shapecheck.trace.operations import MATRIX_PRODUCTS

ONE_OBJECT = "these layers are all one object"


def one_object(course: Course) -> list[Finding]:
    """Such lists, where a weight is applied to its own result and the gradients are wrong."""
    known = list(_lists_of_one(course))
    names = {name for _, _, attributes in known for name in attributes}
    again = [p.name for p in course.parameters if p.name in names and _is_applied_again(course, p.version(0))]
    if not again or course.verdict.verdict != "wrong":
        return []
    found = []
    for cause, made, attributes in known:
        if not attributes.isdisjoint(again):
            message = (
                f"`{shown(cause.source)}` makes one `{made}` and lists it several times: its weights "
                f"({quoted(list(dict.fromkeys(again)))}) are applied to their own result, and each pass writes over "
                "what the one before kept; make an object for each"
            )
            concerned = tuple(dict.fromkeys(p.name for p in course.parameters))
            found.append(Finding("SC404", "error", ONE_OBJECT, message, cause, cause, parameters=concerned))
    return found


def _lists_of_one(course: Course) -> Iterator[tuple[Span, str, set[str]]]:
    """(the expression, the class, its attributes) of lists that hold one object of the user's several times."""
    for source in course.trace.sources.values():
        tree = source.tree
        if tree is None:
            continue
        classes = {n.name: n for n in ast.walk(tree) if isinstance(n, ast.ClassDef)}
        for node in ast.walk(tree):
            if not isinstance(node, ast.BinOp) or not isinstance(node.op, ast.Mult):
                continue
            for listed in (node.left, node.right):
                made = listed.elts[0] if isinstance(listed, ast.List) and len(listed.elts) == 1 else None
                name = getattr(made.func, "id", "") if isinstance(made, ast.Call) else ""
                if name in classes:
                    yield Span(source.path, *source.place(node), source.of(node)), name, _attributes(classes[name])


def _attributes(definition: ast.ClassDef) -> set[str]:
    nodes = (n for n in ast.walk(definition) if isinstance(n, ast.Attribute) and isinstance(n.ctx, ast.Store))
    return {ast.unparse(n) for n in nodes}


def _is_applied_again(course: Course, weight: int) -> bool:
    """Whether one expression multiplies by a weight what it has given itself with the same weight."""
    products = [o for o in course.users.get(weight, ()) if o.function in MATRIX_PRODUCTS]
    for first in products:
        later = [o for o in products if o.site == first.site and o.number > first.number]
        if later and first.result in course.replay.ancestors([later[0].result]):
            return True
    return False


__all__ = ["ONE_OBJECT", "one_object"]
