"""Candidates at indices and options: which axis, which half, which entry, which letters, which mode."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from shapecheck.repair.candidate import Candidate, Place

_MODES = ("full", "same", "valid")
_LOOKUPS = frozenset({"where", "nonzero"})
_JOINS = ("concatenate", "vstack", "hstack")


def _called(node: ast.Call) -> str:
    return node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")


def indexing_candidates(place: Place, node: ast.expr) -> Iterator[Candidate]:
    """Other indices and options at one expression."""
    if isinstance(node, ast.Subscript) and not isinstance(node.ctx, ast.Del):
        yield from _subscripts(place, node)
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
        yield from _entries(place, node)
        yield from _with_a_one(place, node)
    if isinstance(node, ast.Call):
        yield from _options(place, node)
    if isinstance(node, ast.Attribute) and node.attr == "shape" and isinstance(place.parent(node), ast.Call):
        yield from _other_shapes(place, node)


def _subscripts(place: Place, node: ast.Subscript) -> Iterator[Candidate]:
    index, owner = node.slice, place.atom(node.value)
    if isinstance(index, ast.Tuple) and len(index.elts) == 2:
        first, second = index.elts
        if not isinstance(first, ast.Slice) and not isinstance(second, ast.Slice):
            edits = (place.edit(first, place.text(second)), place.edit(second, place.text(first)))
            cost = 0.9 + 0.25 * min(place.distance, 8)
            yield Candidate("swap the two indices", "index-order", edits, cost, place.path, edits[0].line)
    if isinstance(index, ast.Slice) and index.step is None and isinstance(node.ctx, ast.Load):
        lower, upper = index.lower, index.upper
        if (lower is None) != (upper is None):
            bound = lower if lower is not None else upper
            assert bound is not None
            text = f":{place.text(bound)}" if lower is not None else f"{place.text(bound)}:"
            yield place.candidate(f"take the other part: `[{text}]`", "slice", node, f"{owner}[{text}]", 1.0)
    shape = place.shape(node.value)
    if shape is not None and len(shape) >= 3 and not isinstance(index, ast.Tuple | ast.Slice):
        yield place.candidate("index the second axis", "axis-index", node, f"{owner}[:, {place.text(index)}]", 1.0)


def _entries(place: Place, node: ast.Name) -> Iterator[Candidate]:
    """`rates[epoch]` for `rates`: one entry of a vector, by the counter of a loop around."""
    shape = place.shape(node)
    if shape is None or len(shape) != 1 or not isinstance(place.parent(node), ast.BinOp | ast.AugAssign):
        return
    for counter in _counters(place, node):
        seen = place.scope().get(counter)
        if seen is not None and isinstance(seen.literal, int) and 0 <= seen.literal < shape[0]:
            cost = 1.1 if place.distance == 0 else 1.6
            new = f"{node.id}[{counter}]"
            yield place.candidate(f"use one entry: `{new}`", "entry", node, new, cost)


def _counters(place: Place, node: ast.AST) -> list[str]:
    found: list[str] = []
    current = place.parent(node)
    while current is not None:
        if isinstance(current, ast.For):
            found += [n.id for n in ast.walk(current.target) if isinstance(n, ast.Name)]
        current = place.parent(current)
    return found


def _with_a_one(place: Place, node: ast.Name) -> Iterator[Candidate]:
    """The constant 1 in front of a sample, or behind it, where the weights have a place for it."""
    shape = place.shape(node)
    parent = place.parent(node)
    fails = {size for operand in place.failing for size in operand}
    if shape is None or not shape or shape[-1] + 1 not in fails or not isinstance(parent, ast.Call | ast.BinOp):
        return
    append, prefix = place.numpy_function("append"), place.numpy()
    text = re.sub(r"\s", "", place.source.text)
    if len(shape) == 1 and append is not None:
        for first, second in (("1", node.id), (node.id, "1")):
            known = f"append({first}," in text or (f",{second})" in text and "append(" in text)
            cost = 0.9 if known else 1.4
            yield place.candidate("add the constant 1", "ones", node, f"{append}({first}, {second})", cost)
    elif len(shape) == 2 and prefix is not None:
        ones = f"{prefix}.ones(({node.id}.shape[0], 1))"
        for first, second in ((ones, node.id), (node.id, ones)):
            new = f"{prefix}.hstack(({first}, {second}))"
            yield place.candidate("add a column of ones", "ones", node, new, 1.2 if "ones(" in text else 1.7)


def _options(place: Place, node: ast.Call) -> Iterator[Candidate]:
    name = _called(node)
    if name in _LOOKUPS and len(node.args) == 1 and not isinstance(place.parent(node), ast.Subscript):
        yield place.candidate("take the indices out of the tuple", "entry", node, f"{place.text(node)}[0]", 0.7)
    if name == "squeeze" and isinstance(node.func, ast.Attribute) and not node.args and not node.keywords:
        inside = place.text(node)[:-1]
        for axis in (1, 0, -1):
            yield place.candidate(
                f"drop axis {axis} only", "squeeze", node, f"{inside}axis={axis})", 1.0 + 0.1 * (axis == -1)
            )
        yield place.candidate("keep the axes of length 1", "squeeze", node, place.text(node.func.value), 1.4)
    for keyword in node.keywords:
        value = keyword.value
        if keyword.arg == "mode" and isinstance(value, ast.Constant) and value.value in _MODES:
            for mode in _MODES:
                if mode != value.value:
                    new = place.text(value).replace(str(value.value), mode)
                    yield place.candidate(f'use mode "{mode}"', "mode", value, new, 0.9)
    if (
        name == "einsum"
        and node.args
        and isinstance(node.args[0], ast.Constant)
        and isinstance(node.args[0].value, str)
    ):
        yield from _letters(place, node.args[0], node.args[0].value)
    if name == "tensordot":
        yield from _axes(place, node)
    if name in {"array", "asarray"} and len(node.args) == 1 and not node.keywords:
        yield from _joined(place, node)


def _letters(place: Place, node: ast.Constant, formula: str) -> Iterator[Candidate]:
    """An einsum formula with one letter changed, or two letters of one operand exchanged."""
    letters = sorted(set(re.findall(r"[a-zA-Z]", formula)))
    quote = place.text(node)[:1]
    for position, old in enumerate(formula):
        if not old.isalpha():
            continue
        for new in letters:
            if new != old:
                changed = formula[:position] + new + formula[position + 1 :]
                yield place.candidate(f"spell it {quote}{changed}{quote}", "einsum", node, quote + changed + quote, 1.1)
    for position in range(len(formula) - 1):
        pair = formula[position : position + 2]
        if pair.isalpha() and pair[0] != pair[1]:
            changed = formula[:position] + pair[::-1] + formula[position + 2 :]
            yield place.candidate(f"spell it {quote}{changed}{quote}", "einsum", node, quote + changed + quote, 1.0)


def _axes(place: Place, node: ast.Call) -> Iterator[Candidate]:
    """Other axes for `tensordot`, one at a time."""
    axes = next((k.value for k in node.keywords if k.arg == "axes"), node.args[2] if len(node.args) > 2 else None)
    if not isinstance(axes, ast.Tuple | ast.List):
        return
    for part, operand in zip(axes.elts, node.args, strict=False):
        shape = place.shape(operand)
        numbers = part.elts if isinstance(part, ast.Tuple | ast.List) else [part]
        for number in numbers:
            if isinstance(number, ast.Constant) and isinstance(number.value, int):
                for other in range(len(shape) if shape is not None else 4):
                    if other != number.value and str(other) not in {place.text(n) for n in numbers}:
                        yield place.candidate(f"sum over axis {other}", "axes", number, str(other), 1.0)
        if len(numbers) == 2:
            edits = (place.edit(numbers[0], place.text(numbers[1])), place.edit(numbers[1], place.text(numbers[0])))
            yield Candidate("sum over the axes in the other order", "axes", edits, 1.2, place.path, edits[0].line)


def _joined(place: Place, node: ast.Call) -> Iterator[Candidate]:
    """A list of arrays of unequal lengths, joined."""
    inner = node.args[0]
    seen = place.surroundings.seen(place.path, inner)
    if seen is None or seen.type not in {"list", "tuple"} or not all(s.shape for _, s in seen.elements):
        return
    parent = place.parent(node)
    call = place.parent(parent) if isinstance(parent, ast.Attribute) and parent.attr in {"ravel", "flatten"} else None
    for name in _JOINS:
        function = place.numpy_function(name)
        if function is None:
            continue
        text = f"{function}({place.text(inner)})"
        cost = 0.8 if name == "concatenate" else 1.3
        yield place.candidate("join the arrays", "ragged", node, text, cost)
        if isinstance(call, ast.Call):
            yield place.candidate("join the arrays", "ragged", call, text, cost - 0.1)


def _other_shapes(place: Place, node: ast.Attribute) -> Iterator[Candidate]:
    """The shape of another array with as many entries, for `reshape`."""
    for name, seen in place.locals().items():
        if seen.shape is not None and len(seen.shape) >= 2 and name != place.text(node.value):
            yield place.candidate(f"use the shape of `{name}`", "reshape", node, f"{name}.shape", 1.3)


def shape_attribute_candidates(place: Place, node: ast.expr) -> Iterator[Candidate]:
    """`x.reshape(self.h.shape)` for `x.reshape(self.shape)`: arrays on the object that have as many entries."""
    parent = place.parent(node)
    if not (isinstance(parent, ast.Call) and _called(parent) == "reshape" and node in parent.args):
        return
    receiver = parent.func.value if isinstance(parent.func, ast.Attribute) else node
    shape = place.shape(receiver)
    if shape is None or node is receiver:
        return
    size = _entries_of(shape)
    arrays = {n: s.shape for n, s in place.locals().items() if s.shape}
    for name, seen in place.scope().items():
        arrays.update({f"{name}.{a}": inner.shape for a, inner in seen.attributes if inner.shape})
    for name, other in arrays.items():
        if other and len(other) > 1 and _entries_of(other) == size and other != shape:
            yield place.candidate(f"reshape it like `{name}`", "reshape", node, f"{name}.shape", 1.0)


def _entries_of(shape: tuple[int, ...]) -> int:
    size = 1
    for length in shape:
        size *= length
    return size
