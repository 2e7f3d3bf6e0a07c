"""Candidates at sizes: other numbers in the places where arrays and layers are made."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from shapecheck.repair.candidate import Candidate, Place


def size_argument_candidates(place: Place, node: ast.Call, name: str) -> Iterator[Candidate]:
    """Another number for a size that is handed to the user's own functions and classes: `Layer(n_in, 6)`."""
    if not isinstance(node.func, ast.Name) or not _is_users(place, name):
        return
    for argument in node.args:
        if isinstance(argument, ast.Name | ast.Constant | ast.Attribute | ast.Subscript | ast.BinOp):
            value = _number(place, argument)
            if isinstance(value, int) and not isinstance(value, bool) and value in _failing_sizes(place):
                yield from other_sizes(place, argument, 1.2)
    values = [_number(place, argument) for argument in node.args]
    for i in range(len(values) - 1):
        if (values[i], values[i + 1]) in place.clashes() or (
            {values[i], values[i + 1]} <= _failing_sizes(place) and values[i] != values[i + 1]
        ):
            first, second = node.args[i], node.args[i + 1]
            edits = (place.edit(first, place.text(second)), place.edit(second, place.text(first)))
            cost = 1.0 + 0.25 * min(place.distance, 8)
            title = f"swap the sizes: `{place.text(second)}` before `{place.text(first)}`"
            yield Candidate(title, "order", edits, cost, place.path, edits[0].line)


def _is_users(place: Place, name: str) -> bool:
    kinds = (ast.FunctionDef, ast.ClassDef)
    return any(
        isinstance(node, kinds) and node.name == name
        for module in place.surroundings.modules.values()
        for node in module.tree.body
    )


def _failing_sizes(place: Place) -> set[object]:
    """The lengths of the axes of the failing expression's operands."""
    return {size for shape in place.failing for size in shape}


def more_axes(place: Place, size: ast.expr, name: str) -> Iterator[Candidate]:
    """A column or a row in the place of a vector."""
    if "shape" in place.text(size):
        return
    text = place.text(size)
    bare = name in {"rand", "randn"}
    for first, second, title in ((text, "1", "a column"), ("1", text, "a row")):
        new = f"{first}, {second}" if bare else f"({first}, {second})"
        target: ast.AST = size
        parent = place.parent(size)
        if isinstance(parent, ast.Tuple):
            target = parent
        yield place.candidate(f"create it as {title}", "column", target, new, 0.8)


def other_sizes(place: Place, size: ast.expr, cost: float) -> Iterator[Candidate]:
    """Another number in scope in the place of a size, one more, and one less."""
    text = place.text(size)
    value = _number(place, size)
    fails = _failing_sizes(place)
    for name, other in whole_numbers(place):
        if name != text and other != value:
            # A size that does not fit, exchanged for the one that would, is what the failure asks for.
            asked = 0.6 if fails and not {value, other} <= fails else 0.0
            # A 1 is meant: one output, one column.
            asked = -0.8 if value != 1 and (value, other) in place.clashes() else asked + 0.6 * (value == 1)
            derived = 0.2 if ".shape[" in name else 0.0
            title = f"use `{name}` for the size `{text}`"
            yield place.candidate(title, "size", size, name, cost + 0.2 + asked + derived)
    if isinstance(size, ast.BinOp) and isinstance(size.right, ast.Constant) and size.right.value == 1:
        yield place.candidate(f"use the size `{place.text(size.left)}`", "size", size, place.text(size.left), cost)
    elif not isinstance(size, ast.UnaryOp):
        yield place.candidate(f"make it one larger: `{text} + 1`", "size", size, f"{text} + 1", cost + 0.5)
        yield place.candidate(f"make it one smaller: `{text} - 1`", "size", size, f"{text} - 1", cost + 0.7)
    if isinstance(size, ast.Subscript) and isinstance(size.slice, ast.Constant | ast.Name | ast.BinOp):
        owner = place.text(size.value)
        index = place.text(size.slice)
        options: tuple[str, ...] = (
            ("0", "1") if isinstance(size.slice, ast.Constant) else (f"{index} - 1", f"{index} + 1")
        )
        if isinstance(size.slice, ast.BinOp):
            options = (place.text(size.slice.left),)
        for option in options:
            if option != index:
                new = f"{owner}[{option}]"
                yield place.candidate(f"use `{new}` for the size `{text}`", "size", size, new, cost)


def _number(place: Place, node: ast.expr) -> object:
    seen = place.surroundings.seen(place.path, node)
    if seen is not None:
        return seen.literal
    return node.value if isinstance(node, ast.Constant) else None


def whole_numbers(place: Place) -> list[tuple[str, int]]:
    """Names and attributes in scope that hold small positive integers, and the sizes of arrays."""
    found: list[tuple[str, int]] = []
    for name, seen in place.scope().items():
        if isinstance(seen.literal, int) and not isinstance(seen.literal, bool) and 0 < seen.literal < 100_000:
            found.append((name, seen.literal))
        if name == "self":
            for attribute, inner in seen.attributes:
                if isinstance(inner.literal, int) and not isinstance(inner.literal, bool) and inner.literal > 0:
                    found.append((f"self.{attribute}", inner.literal))
    function = place.module.enclosing_function(place.statement)
    if function is not None:
        known = {name for name, _ in found}
        known |= {"self", "cls", *place.scope()}
        found += [(argument.arg, -1) for argument in function.args.args if argument.arg not in known]
    for name, seen in place.locals().items():
        if seen.shape is not None and len(seen.shape) == 2 and len(found) < 24:
            found += [(f"{name}.shape[0]", seen.shape[0]), (f"{name}.shape[1]", seen.shape[1])]
    return found[:24]
