"""Candidates that leave every shape as it is: another slope, factor, sign or value of the same shape, a copy."""

from __future__ import annotations

import ast
import difflib
from collections.abc import Iterator

from shapecheck.repair.candidate import Candidate, Place
from shapecheck.trace.failure import Seen
from shapecheck.trace.tape import Shape


def calculus_candidates(place: Place, node: ast.expr) -> Iterator[Candidate]:
    """What could be meant where the shapes fit and the gradient is wrong."""
    if not isinstance(getattr(node, "ctx", ast.Load()), ast.Load):
        return
    yield from _slope_candidates(place, node)
    yield from _factor_candidates(place, node)
    yield from _sign_candidates(place, node)
    yield from _rival_candidates(place, node)
    yield from _function_candidates(place, node)
    yield from _copy_candidates(place, node)
    yield from _counter_candidates(place, node)


# -- slopes of activations -------------------------------------------------------------------------------------------


def slope_of(node: ast.expr) -> tuple[str, ast.expr] | None:
    """(activation, its value) where an expression is the slope of an activation in terms of its value."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
        for value, rest in ((node.left, node.right), (node.right, node.left)):
            if _one_minus(rest) is not None and ast.dump(_one_minus(rest) or rest) == ast.dump(value):
                return "sigmoid", value
    squared = _square(_one_minus(node))
    if squared is not None:
        return "tanh", squared
    if isinstance(node, ast.Compare) and len(node.ops) == 1 and isinstance(node.ops[0], ast.Gt | ast.GtE):
        right = node.comparators[0]
        if isinstance(right, ast.Constant) and right.value == 0:
            return "relu", node.left
    return None


def _one_minus(node: ast.expr) -> ast.expr | None:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Sub) and isinstance(node.left, ast.Constant):
        return node.right if node.left.value == 1 else None
    return None


def _square(node: ast.expr | None) -> ast.expr | None:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow):
        return node.left if isinstance(node.right, ast.Constant) and node.right.value == 2 else None
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult) and ast.dump(node.left) == ast.dump(node.right):
        return node.left
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args:
        two = len(node.args) == 2 and isinstance(node.args[1], ast.Constant) and node.args[1].value == 2
        if node.func.attr == "square" or (node.func.attr == "power" and two):
            return node.args[0]
    return None


def slopes_at(value: str) -> dict[str, str]:
    """What each activation's slope is called, and its text, in terms of the activation's value."""
    return {
        f"the slope of a sigmoid, `{value} * (1 - {value})`": f"{value} * (1 - {value})",
        f"the slope of tanh, `1 - {value} ** 2`": f"(1 - {value} ** 2)",
        f"the slope of relu, `{value} > 0`": f"({value} > 0)",
    }


def _slope_candidates(place: Place, node: ast.expr) -> Iterator[Candidate]:
    known = slope_of(node)
    if known is not None:
        name, value = known
        for title, text in slopes_at(place.atom(value)).items():
            if name not in title:
                yield place.candidate(f"use {title}", "slope", node, text, 0.8)
        for other in _same_shape(place, value)[:6]:
            for title, text in slopes_at(other).items():
                yield place.candidate(f"use {title}", "slope", node, text, 1.2 if name in title else 1.6)
        return
    yield from _chained_slopes(place, node)
    shape = place.shape(node)
    if shape and _is_whole(place, node):
        for other in _arrays_of_shape(place, shape)[:6]:
            seen = place.look(other)
            if other in place.text(node).split() or (seen is not None and seen.dtype == "bool"):
                continue  # a mask is multiplied by as it is
            for title, text in slopes_at(other).items():
                new = f"{place.atom(node)} * {text}"
                yield place.candidate(f"multiply by {title}", "missing slope", node, new, 1.7)


def _whole_jacobian(place: Place, node: ast.expr, s: str, g: str) -> Iterator[Candidate]:
    """`s * (g - sum(g * s))` for `g * s * (1 - s)`, which is right for a sigmoid and not for a softmax."""
    total, shape = place.numpy_function("sum"), place.shape(node)
    for axis in reversed(range(len(shape or ()))) if total is not None else ():
        text = f"{s} * ({g} - {total}({g} * {s}, axis={axis}, keepdims=True))"
        title = f"use the whole Jacobian of the softmax `{s}`, not its diagonal alone"
        yield place.candidate(title, "jacobian", node, text, 1.4)


def _chained_slopes(place: Place, node: ast.expr) -> Iterator[Candidate]:
    """`x * a * (1 - a)`, where the slope is no expression of its own."""
    if isinstance(place.parent(node), ast.BinOp) and isinstance(getattr(place.parent(node), "op", None), ast.Mult):
        return
    factors = _factors(node)
    if len(factors) < 3:
        return
    for i, factor in enumerate(factors):
        value = _one_minus(factor)
        if value is None:
            continue
        same = [j for j, f in enumerate(factors) if j != i and ast.dump(f) == ast.dump(value)]
        if same:
            rest = " * ".join(place.atom(f) for j, f in enumerate(factors) if j not in {i, same[0]})
            yield from _whole_jacobian(place, node, place.atom(value), rest)
            s = place.atom(value)
            yield place.candidate(f"leave out the slope `{s} * (1 - {s})`", "slope left out", node, rest, 0.7)
            for title, text in slopes_at(place.atom(value)).items():
                if "sigmoid" not in title:
                    yield place.candidate(f"use {title}", "slope", node, f"{rest} * {text}", 0.8)


def _factors(node: ast.expr) -> list[ast.expr]:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
        return [*_factors(node.left), *_factors(node.right)]
    return [node]


def _is_whole(place: Place, node: ast.expr) -> bool:
    """Whether the node is all that a statement assigns or returns, or one of a tuple of such."""
    parent = place.parent(node)
    if isinstance(parent, ast.Tuple):
        parent = place.parent(parent)
    return isinstance(parent, ast.Assign | ast.AugAssign | ast.Return | ast.AnnAssign)


# -- factors and signs -----------------------------------------------------------------------------------------------


def _factor_candidates(place: Place, node: ast.expr) -> Iterator[Candidate]:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult | ast.Div):
        sides = [(node.left, node.right)] + ([(node.right, node.left)] if isinstance(node.op, ast.Mult) else [])
        for kept, dropped in sides:
            scalar = place.shape(dropped) == () or _is_number(dropped)
            shown = place.text(dropped)
            verb = "do not divide by" if isinstance(node.op, ast.Div) else "leave out the factor"
            if len(shown) <= 40:
                cost = 1.0 if scalar else 1.7
                yield place.candidate(f"{verb} `{shown}`", "factor", node, place.text(kept), cost)
    if _is_whole(place, node) and place.shape(node) not in {None, ()}:
        for name in _counts(place)[:6]:
            cost = 1.5 if name.isidentifier() else 1.6
            yield place.candidate(f"divide by `{name}`", "factor", node, f"{place.atom(node)} / {name}", cost)
        yield place.candidate("multiply by 2", "factor", node, f"2 * {place.atom(node)}", 2.2)


def _is_number(node: ast.expr) -> bool:
    parts = [n for n in ast.walk(node) if isinstance(n, ast.expr)]
    return all(isinstance(n, ast.Constant | ast.BinOp | ast.UnaryOp) for n in parts)


def _counts(place: Place) -> list[str]:
    found = [n for n, s in place.locals().items() if isinstance(s.literal, int) and not isinstance(s.literal, bool)]
    found = [n for n in found if (place.locals()[n].literal or 0) > 1]
    for name, seen in place.locals().items():
        if seen.shape is not None and len(seen.shape) == 2 and len(found) < 6:
            found += [f"{name}.shape[0]", f"{name}.shape[1]"]
    return found


def _sign_candidates(place: Place, node: ast.expr) -> Iterator[Candidate]:
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub) and place.shape(node) != ():
        yield place.candidate("turn the sign round", "sign", node, place.text(node.operand), 1.2)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Sub) and place.shape(node) not in {None, ()}:
        left, right = place.text(node.left), place.atom(node.right)
        turned = f"{place.text(node.right)} - {left if isinstance(node.left, ast.Constant) else place.atom(node.left)}"
        title = f"subtract the other way round: `{turned}`"
        yield place.candidate(title, "sign", node, turned, 1.3)
        yield place.candidate("add instead of subtracting", "sign", node, f"{left} + {right}", 1.6)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add) and place.shape(node) not in {None, ()}:
        left, right = place.text(node.left), place.atom(node.right)
        yield place.candidate("subtract instead of adding", "sign", node, f"{left} - {right}", 1.6)
    if _is_whole(place, node) and place.shape(node) not in {None, ()} and not isinstance(node, ast.UnaryOp):
        yield place.candidate("turn the sign round", "sign", node, f"-{place.atom(node)}", 1.5)


# -- other values, functions, copies ---------------------------------------------------------------------------------


def _arrays_of_shape(place: Place, shape: Shape) -> list[str]:
    """Expressions in scope that hold an array of a shape: names, attributes of self, items of dictionaries."""
    found = [name for name, seen in place.locals().items() if seen.shape == shape]
    scope = place.scope()
    owner = scope.get("self")
    containers: list[tuple[str, Seen]] = [(n, s) for n, s in scope.items() if s.type == "dict"]
    if owner is not None:
        found += [f"self.{name}" for name, seen in owner.attributes if seen.shape == shape]
        containers += [(f"self.{name}", seen) for name, seen in owner.attributes if seen.type == "dict"]
    for name, seen in containers:
        found += [f"{name}[{key!r}]" for key, e in seen.elements if e.shape == shape and isinstance(key, str)]
    return found


def _same_shape(place: Place, node: ast.expr) -> list[str]:
    shape = place.shape(node)
    if not shape:
        return []
    own = place.text(node)
    others = [name for name in _arrays_of_shape(place, shape) if name != own]
    others.sort(key=lambda name: -difflib.SequenceMatcher(None, own, name).ratio())
    return others


def _rival_candidates(place: Place, node: ast.expr) -> Iterator[Candidate]:
    if not isinstance(node, ast.Name | ast.Attribute | ast.Subscript):
        return
    parent = place.parent(node)
    if isinstance(parent, ast.Attribute) and parent.attr not in {"T", "shape"}:
        return
    own = place.text(node)
    for other in _same_shape(place, node)[:8]:
        cost = 2.0 - 0.8 * difflib.SequenceMatcher(None, own, other).ratio()
        yield place.candidate(f"use `{other}` instead of `{own}`", "name", node, other, cost)
    if isinstance(node, ast.Name) and _is_factor(place, node):
        for integer, seen in place.locals().items():
            same_kind = isinstance(seen.literal, int) and isinstance(
                getattr(place.scope().get(node.id), "literal", None), int
            )
            if same_kind and integer != node.id:
                yield place.candidate(f"use `{integer}` instead of `{own}`", "name", node, integer, 2.0)


def _is_factor(place: Place, node: ast.expr) -> bool:
    return isinstance(place.parent(node), ast.BinOp)


def _function_candidates(place: Place, node: ast.expr) -> Iterator[Candidate]:
    """Another of the module's functions of the same kind: `relu_prime` for `sigmoid_prime`."""
    if not isinstance(node, ast.Call):
        return
    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    defined = {n.name: n for n in ast.walk(place.module.tree) if isinstance(n, ast.FunctionDef)}
    if name not in defined:
        return
    count = len(defined[name].args.args)
    for other, function in defined.items():
        if other == name or len(function.args.args) != count or other.startswith("__"):
            continue
        alike = difflib.SequenceMatcher(None, name, other).ratio()
        if alike < 0.3:
            continue
        target = place.text(node.func)
        yield place.candidate(
            f"call `{other}` instead of `{name}`",
            "function",
            node.func,
            target[: -len(name)] + other,
            2.0 - 0.8 * alike,
        )


def _copy_candidates(place: Place, node: ast.expr) -> Iterator[Candidate]:
    """A copy where the same array goes into a list, a cache or another name."""
    parent = place.parent(node)
    kept = isinstance(parent, ast.Call) and isinstance(parent.func, ast.Attribute) and parent.func.attr == "append"
    kept = kept or (
        isinstance(parent, ast.Assign | ast.Tuple | ast.Dict) and isinstance(node, ast.Name | ast.Attribute)
    )
    passed = isinstance(parent, ast.Call) and parent.func is not node
    if (kept or passed) and isinstance(node, ast.Name | ast.Attribute | ast.Subscript) and place.shape(node):
        yield place.candidate(
            f"keep a copy of `{place.text(node)}`", "copy", node, f"{place.atom(node)}.copy()", 1.3 if kept else 1.8
        )


def _counter_candidates(place: Place, node: ast.expr) -> Iterator[Candidate]:
    """Another loop counter, one more or one less, in an index or in a key built of one: `"dA" + str(l + 1)`."""
    parent = place.parent(node)
    in_key = isinstance(parent, ast.Call) and isinstance(parent.func, ast.Name) and parent.func.id == "str"
    in_index = isinstance(parent, ast.Subscript) and parent.slice is node
    formats = isinstance(parent, ast.BinOp) and isinstance(parent.op, ast.Mod) and parent.right is node
    if not (in_key or in_index or formats) or isinstance(node, ast.Slice | ast.Tuple):
        return
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return
    own = place.text(node)
    counters = [n for n, s in place.locals().items() if isinstance(s.literal, int) and not isinstance(s.literal, bool)]
    used = {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}
    for name in counters[:6]:
        for text in (name, f"{name} + 1", f"{name} - 1"):
            if text != own:
                new = f"({text})" if formats and text != name else text
                cost = 1.3 if name in used else 1.6
                yield place.candidate(f"use `{text}` instead of `{own}`", "index", node, new, cost)
