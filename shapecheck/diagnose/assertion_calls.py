"""Shapes that a called assertion refuses: `assertEqual(x.shape, ...)`, NumPy's `assert_allclose`, `assert_shapes`."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from shapecheck.diagnose.finding import Operand, Shape, Span
from shapecheck.trace.failure import Failure, Seen
from shapecheck.trace.sites import Kind, Site, SourceText

_ATTRIBUTES = frozenset({"shape", "size", "ndim"})
_NUMPYS = re.compile(r"\(shapes \(.*\), \(.*\) mismatch\)")
_OURS = re.compile(r"^`(.*)` has shape \(.*\), which does not fit ", re.DOTALL)


def refuses_shapes(failure: Failure, site: Site | None) -> bool:
    """Whether what failed is a call that asserts shapes."""
    if site is None or site.kind is not Kind.CALL:
        return False
    if failure.exception == "ShapeMismatchError":
        return site.operator == "assert_shapes" and bool(_OURS.match(failure.message))
    if failure.exception != "AssertionError":
        return False
    return bool(_NUMPYS.search(failure.message)) or any(True for _ in _shape_arguments(site))


def refused(failure: Failure, site: Site, source: SourceText) -> list[Operand]:
    """The arrays that it was given, the one at fault first where that is known."""
    seen = dict(failure.operands)
    nodes = {slot.role: slot.node for slot in site.slots}
    ours = _OURS.match(failure.message)
    found = []
    for role, node in nodes.items():
        if role not in seen or not role.isdigit():
            continue
        shape = _shape(node, seen[role], whole=ours is not None or bool(_NUMPYS.search(failure.message)))
        if shape is None:
            continue
        place = Span(source.path, *source.place(node), source.of(node))
        text = place.source.removesuffix(".shape")
        if ours is None or text == ours[1]:
            found.append(Operand(text, shape, None, place))
    return found[:2]


def arrays_of(failure: Failure, site: Site) -> list[Seen]:
    """The arrays themselves, where they are arguments."""
    ours = _OURS.match(failure.message)
    nodes = {slot.role: slot.node for slot in site.slots}
    given = [(ast.unparse(nodes[role]), seen) for role, seen in failure.operands if role in nodes and seen.shape]
    if ours is None:
        return [seen for _, seen in given]
    wanted = ast.unparse(ast.parse(ours[1], mode="eval").body)
    return [seen for text, seen in given if text == wanted]


def _shape_arguments(site: Site) -> Iterator[ast.Attribute]:
    for slot in site.slots:
        if slot.role.isdigit() and isinstance(slot.node, ast.Attribute) and slot.node.attr in _ATTRIBUTES:
            yield slot.node


def _shape(node: ast.expr, seen: Seen, *, whole: bool) -> Shape | None:
    """The shape that an argument is, or that it has."""
    if isinstance(seen.literal, tuple) and all(isinstance(size, int) for size in seen.literal):
        return seen.literal
    return seen.shape if whole and seen.shape is not None and not isinstance(node, ast.Constant) else None
