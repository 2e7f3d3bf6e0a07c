"""Edits that keep copies of the best weights, and not the arrays that go on changing."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from shapecheck.diagnose.finding import Finding
from shapecheck.repair.candidate import Candidate
from shapecheck.repair.desk import Desk

_PLACES = (ast.Name, ast.Attribute, ast.Subscript)
TITLE = "keep copies of the arrays"


def copies_of_the_best(desk: Desk, finding: Finding) -> Iterator[Candidate]:
    """Copies of an array, of the items of a list or a dictionary, or of what stands in brackets."""
    value = desk.expression(finding.cause)
    if isinstance(value, ast.DictComp | ast.ListComp):
        element = value.value if isinstance(value, ast.DictComp) else value.elt
        yield desk.candidate(TITLE, "copy", 0.3, desk.edit(element, f"{desk.text(element)}.copy()"))
    elif isinstance(value, ast.Tuple | ast.List | ast.Dict):
        elements = value.values if isinstance(value, ast.Dict) else value.elts
        edits = [desk.edit(e, f"{desk.text(e)}.copy()") for e in elements if isinstance(e, _PLACES)]
        if edits:
            yield desk.candidate(TITLE, "copy", 0.3, *edits)
    elif value is not None:
        yield from _of_one(desk, value)


def _of_one(desk: Desk, value: ast.expr) -> Iterator[Candidate]:
    """Copies of what a name stands for, or of what `dict(params)` and `params.copy()` copy the outside of."""
    held: ast.expr = value
    if isinstance(value, ast.Call):
        inner = value.args[:1] or ([value.func.value] if isinstance(value.func, ast.Attribute) else [])
        if not inner:
            return
        held = inner[0]
    elif isinstance(value, ast.Subscript) and isinstance(value.slice, ast.Slice):
        held = value.value
    name = desk.text(held)
    keyed = f"{{key: array.copy() for key, array in {name}.items()}}"
    texts = [f"{name}.copy()", keyed, f"[array.copy() for array in {name}]"]
    for number, text in enumerate(texts):
        if text != desk.text(value):
            yield desk.candidate(TITLE, "copy", 0.3 + 0.1 * number, desk.edit(value, text))


__all__ = ["copies_of_the_best"]
