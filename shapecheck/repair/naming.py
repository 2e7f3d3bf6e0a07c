"""Candidates that mean another thing of the same role: another variable, attribute, key, index, argument or result."""

from __future__ import annotations

import ast
import difflib
from collections.abc import Iterator

from shapecheck.repair.candidate import Candidate, Place
from shapecheck.trace.failure import Seen


def _likeness(first: str, second: str) -> float:
    return difflib.SequenceMatcher(None, first, second).ratio()


def _dear(old: str, new: str, base: float) -> float:
    """Names that look alike are mistaken for one another more often."""
    return base - 0.9 * _likeness(old, new)


def name_candidates(place: Place, node: ast.expr) -> Iterator[Candidate]:
    """Another name of the same kind in the place of one."""
    parent = place.parent(node)
    if isinstance(parent, ast.Call) and parent.func is node:
        return
    yield from _reversed(place, node)
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
        own = place.scope().get(node.id)
        if own is None:
            return
        returned = isinstance(place.statement, ast.Return)
        for name, seen in _rivals(node.id, own, place.locals() if own.literal is None else place.scope()):
            cost = _dear(node.id, name, 2.3 if not returned else 1.6)
            cost = place.judge(own.shape, seen.shape, cost) + (0.5 if place.updates() else 0.0)
            yield place.candidate(f"use `{name}` instead of `{node.id}`", "name", node, name, cost)
    elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load) and isinstance(node.value, ast.Name):
        owner = place.surroundings.seen(place.path, node.value)
        own = place.surroundings.seen(place.path, node)
        if owner is None or own is None:
            return
        for name, seen in _rivals(node.attr, own, dict(owner.attributes)):
            cost = place.judge(own.shape, seen.shape, _dear(node.attr, name, 2.2))
            shown = f"{node.value.id}.{name}"
            yield place.candidate(f"use `{shown}` instead of `{place.text(node)}`", "name", node, shown, cost)


def _reversed(place: Place, node: ast.expr) -> Iterator[Candidate]:
    """A list of arrays from the last to the first, where it is handed back or walked along with another."""
    seen = place.surroundings.seen(place.path, node)
    if seen is None or seen.type != "list" or len({s.shape for _, s in seen.elements}) < 2:
        if seen is None or seen.type != "list" or not any(s.type in {"tuple", "list"} for _, s in seen.elements):
            return
    parent = place.parent(node)
    walked = isinstance(parent, ast.Call) and getattr(parent.func, "id", "") in {"zip", "enumerate"}
    if isinstance(parent, ast.Return) or walked:
        text = place.text(node)
        yield place.candidate(f"take `{text}` from the last to the first", "reversed", node, f"{text}[::-1]", 1.2)


def _rivals(name: str, own: Seen, scope: dict[str, Seen]) -> list[tuple[str, Seen]]:
    """Names that hold the same kind of thing and are not the same thing, the likest first."""
    integer = isinstance(own.literal, int) and not isinstance(own.literal, bool)
    found = []
    for other, seen in scope.items():
        if other == name or (seen.identity == own.identity and not integer):
            continue
        if integer:
            same = isinstance(seen.literal, int) and not isinstance(seen.literal, bool)
        elif own.shape is not None and len(own.shape) > 0:
            same = seen.shape is not None and len(seen.shape) > 0 and seen.shape != own.shape
        else:
            same = own.type == seen.type and own.type in {"list", "tuple", "dict"}
        if same:
            found.append((other, seen))
    found.sort(key=lambda pair: -_likeness(name, pair[0]))
    return found[:10]


def index_candidates(place: Place, node: ast.expr) -> Iterator[Candidate]:
    """A neighbouring index, another key, the other axis."""
    if not isinstance(node, ast.Subscript) or not isinstance(node.ctx, ast.Load):
        return
    index = node.slice
    owner = place.surroundings.seen(place.path, node.value)
    owner_shape = place.shape(node.value)
    listlike = owner is not None and owner.type in {"list", "tuple"}
    if isinstance(index, ast.Constant) and isinstance(index.value, int):
        for other in (index.value + 1, index.value - 1):
            cost = 1.5 if listlike or _of_shape(node) else 2.2
            yield place.candidate(f"use index {other}", "index", index, str(other), cost)
    elif isinstance(index, ast.Name | ast.BinOp | ast.UnaryOp) and (listlike or owner_shape is None):
        yield from _shifted(place, index)
    yield from _key_candidates(place, index, owner)
    yield from _axis_candidates(place, node, owner_shape)


def _of_shape(node: ast.Subscript) -> bool:
    return isinstance(node.value, ast.Attribute) and node.value.attr == "shape"


def _shifted(place: Place, index: ast.expr) -> Iterator[Candidate]:
    text = place.text(index)
    constant = index.right if isinstance(index, ast.BinOp) else None
    if isinstance(constant, ast.Constant) and isinstance(constant.value, int) and isinstance(index, ast.BinOp):
        base = place.text(index.left)
        signed = constant.value if isinstance(index.op, ast.Add) else -constant.value
        for shift in (signed + 1, signed - 1):
            new = base if shift == 0 else f"{base} {'+' if shift > 0 else '-'} {abs(shift)}"
            yield place.candidate(f"use index `{new}`", "index", index, new, 1.2)
        return
    for new in (f"{text} - 1", f"{text} + 1"):
        yield place.candidate(f"use index `{new}`", "index", index, new, 1.3)
    if isinstance(index, ast.UnaryOp):
        yield place.candidate(
            f"use index `{place.text(index.operand)}`", "index", index, place.text(index.operand), 1.9
        )


def _key_candidates(place: Place, index: ast.expr, owner: Seen | None) -> Iterator[Candidate]:
    """`cache["A2"]` for `cache["A1"]`; `"W" + str(l)` for `"W" + str(1)`."""
    if isinstance(index, ast.Constant) and isinstance(index.value, str) and owner is not None:
        keys = [key for key, _ in owner.elements if isinstance(key, str) and key != index.value]
        keys.sort(key=lambda key: -_likeness(str(index.value), key))
        for key in keys[:8]:
            quote = place.text(index)[:1]
            yield place.candidate(
                f"use {quote}{key}{quote}", "key", index, f"{quote}{key}{quote}", _dear(str(index.value), key, 2.0)
            )
        return
    if isinstance(index, ast.Constant):
        return
    for part in ast.walk(index):
        call = place.parent(part)
        inside_str = isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id in {"str", "repr"}
        if not inside_str or not isinstance(part, ast.expr) or (isinstance(call, ast.Call) and part is call.func):
            continue
        if isinstance(part, ast.Constant):
            integers = [
                n for n, s in place.locals().items() if isinstance(s.literal, int) and not isinstance(s.literal, bool)
            ]
            for name in integers[:8]:
                yield place.candidate(f"use `{name}` in the key", "key", part, name, 1.0)
        else:
            yield from _shifted(place, part)


def _axis_candidates(place: Place, node: ast.Subscript, shape: tuple[int, ...] | None) -> Iterator[Candidate]:
    """`X[:, a:b]` for `X[a:b]`, and the like."""
    if shape is None or len(shape) != 2:
        return
    index = node.slice
    owner = place.atom(node.value)
    if isinstance(index, ast.Tuple) and len(index.elts) == 2:
        first, second = index.elts
        if _is_everything(first):
            yield place.candidate("index the rows", "axis-index", node, f"{owner}[{place.text(second)}]", 1.2)
        if _is_everything(second):
            yield place.candidate("index the columns", "axis-index", node, f"{owner}[:, {place.text(first)}]", 1.2)
        if (isinstance(first, ast.Slice) and isinstance(second, ast.Slice)) or _is_everything(first):
            yield place.candidate(f"use all of `{place.text(node.value)}`", "slice", node, place.text(node.value), 1.8)
        return
    square = shape[0] == shape[1] > 1 and isinstance(index, ast.Slice)
    cost = 0.4 if square else 1.2
    yield place.candidate("index the columns", "axis-index", node, f"{owner}[:, {place.text(index)}]", cost)
    if isinstance(index, ast.Slice):
        yield place.candidate(f"use all of `{place.text(node.value)}`", "slice", node, place.text(node.value), 1.8)
    else:
        text = place.text(index)
        if isinstance(index, ast.Name | ast.Constant):
            yield place.candidate("keep the row two-dimensional", "row", node, f"{owner}[{text}:{text} + 1]", 1.6)


def _is_everything(node: ast.expr) -> bool:
    return isinstance(node, ast.Slice) and node.lower is None and node.upper is None and node.step is None


def order_candidates(place: Place, node: ast.expr) -> Iterator[Candidate]:
    """Two arguments, or two targets, in the other order."""
    if isinstance(node, ast.Call) and 2 <= len(node.args) <= 6 and not node.keywords:
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if name in {"dot", "matmul", "outer", "multiply", "isinstance", "print"}:
            return
        for i in range(len(node.args) - 1):
            first, second = node.args[i], node.args[i + 1]
            yield _swap(place, first, second, "swap two arguments", 1.7 if name == "zip" else 2.0)
    if isinstance(node, ast.Tuple) and 2 <= len(node.elts) <= 6:
        store = isinstance(node.ctx, ast.Store)
        returned = isinstance(place.parent(node), ast.Return)
        if store or returned:
            for i in range(len(node.elts) - 1):
                yield _swap(place, node.elts[i], node.elts[i + 1], "swap two of the values", 1.8)


def unpacking_candidates(place: Place) -> Iterator[Candidate]:
    """`a, c, b = f()` where `f` ends in `return a, b, c`: the names in the order of what they are given."""
    statement = place.statement
    if not isinstance(statement, ast.Assign) or not isinstance(statement.targets[0], ast.Tuple | ast.List):
        return
    if not isinstance(statement.value, ast.Call):
        return
    func = statement.value.func
    name = func.attr if isinstance(func, ast.Attribute) else getattr(func, "id", "")
    targets = statement.targets[0].elts
    texts = [place.text(t) for t in targets]
    for module in place.surroundings.modules.values():
        for function in ast.walk(module.tree):
            if not isinstance(function, ast.FunctionDef) or function.name != name:
                continue
            for node in ast.walk(function):
                if isinstance(node, ast.Return) and isinstance(node.value, ast.Tuple):
                    given = [module.source.of(e) for e in node.value.elts]
                    if given != texts and sorted(given) == sorted(texts):
                        edits = tuple(
                            place.edit(t, g) for t, g, old in zip(targets, given, texts, strict=True) if g != old
                        )
                        title = f"take the results in the order in which `{name}` returns them"
                        yield Candidate(title, "order", edits, 0.4, place.path, statement.lineno)


def _swap(place: Place, first: ast.expr, second: ast.expr, title: str, cost: float) -> Candidate:
    edits = (place.edit(first, place.text(second)), place.edit(second, place.text(first)))
    shown = f"{title}: `{place.text(second)}` before `{place.text(first)}`"
    return Candidate(shown, "order", edits, cost + 0.25 * min(place.distance, 8), place.path, edits[0].line)
