"""Factors that were left out whole: what a slope, a mask, a number or an error has to be multiplied by."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations

from shapecheck.repair.candidate import Candidate, Place
from shapecheck.repair.terms import (
    Term,
    arrays_in_scope,
    as_columns,
    calls,
    calls_of_two,
    is_number,
    multiplied,
    nearest,
    outer_products,
    parts,
    products,
    reductions,
    scaled,
    shares,
    spreads,
)
from shapecheck.trace.tape import Shape

_MOST_ARRAYS = 30
_MOST_CARRIED = 4
_MOST_UPSTREAM = 30
_MOST_SPREAD = 8
_MOST_NEAR = 10
_MOST_SLOPES_AT = 12
_MOST_SIGNED = 4
_MOST_MASKS = 6
_MOST_BESIDE = 4
_MOST_ERRORS = 8


def grown(place: Place, whole: ast.expr, wanted: Shape | None) -> Iterator[Candidate]:
    """A number, a mask by itself, or what is too small, multiplied with what gives it the shape that is wanted."""
    written = isinstance(whole, ast.Constant) and is_number(whole.value)
    shape = () if written else place.shape(whole)
    if not wanted or shape is None:
        return
    if shape not in {(), wanted}:
        yield from _in_products(place, whole, shape, wanted)
    if shape == wanted and not isinstance(whole, ast.Compare):
        return
    if not spreads(shape, wanted):
        return
    arrays = sorted(arrays_in_scope(place).items(), key=lambda pair: not pair[0].isidentifier())
    alike = [Term(text) for text, seen in arrays if seen.shape == wanted]
    if shape not in {(), wanted} and len(wanted) == 2:
        alike += [Term(f"{text}.T", 0.1) for text, seen in arrays if seen.shape == wanted[::-1] != wanted]
    made = (*parts(place, wanted), *reductions(place, wanted), *products(place, wanted), *calls(place, wanted))
    for term in (*alike[:_MOST_ARRAYS], *made, *outer_products(place, wanted)):
        title = f"multiply by `{term.text}`"
        yield place.around(whole, "", f" * {_factor(term.text)}", title, "missing factor", 1.6 + term.cost)


def _in_products(place: Place, whole: ast.expr, shape: Shape, wanted: Shape) -> Iterator[Candidate]:
    """What is no array of the shape that is wanted, in a matrix product or an outer product that is."""
    for before, after, told in multiplied(place, whole, shape, wanted):
        yield place.around(whole, before, after, f"multiply by `{told}`", "missing factor", 1.6)


def with_upstream(place: Place, whole: ast.expr, wanted: Shape | None) -> Iterator[Candidate]:
    """All that a backward pass multiplies a slope by, where it is left out: an adjoint, a weight, what is carried."""
    if not wanted or place.shape(whole) != wanted:
        return
    turns = place.loop() is not None
    carried = [t for t, seen in nearest(place).items() if turns and seen.shape == wanted and t.isidentifier()]
    made = products(place, wanted, _MOST_UPSTREAM, of_parts=True)
    beside = [t for t, seen in nearest(place).items() if seen.shape == wanted and t not in place.text(whole)]
    beside = beside[:_MOST_BESIDE]  # a mask, through which the derivative goes as well
    for term in calls_of_two(place, wanted):
        title = f"multiply by `{term.text}`, which is left out"
        yield place.around(whole, "", f" * {term.text}", title, "missing factor", 1.6 + term.cost)
    for term in (*made, *scaled(place, wanted, _MOST_UPSTREAM)):
        title = f"multiply by `{term.text}`, which is left out"
        yield place.around(whole, f"{_factor(term.text)} * ", "", title, "missing factor", 1.9 + term.cost)
        for text in beside:
            title = f"multiply by `{term.text}` and `{text}`, which are left out"
            yield place.around(whole, f"{_factor(term.text)} * {text} * ", "", title, "missing factor", 2.1 + term.cost)
        for text in carried[:_MOST_CARRIED]:
            total = f"{term.text} + {text}"
            title = f"multiply by `{total}`, which is left out"
            yield place.around(whole, f"({total}) * ", "", title, "missing factor", 2.0 + term.cost)


def with_mask(place: Place, whole: ast.expr, wanted: Shape | None) -> Iterator[Candidate]:
    """A mask and the share that it keeps, both left out: `dh * mask / keep` for `dh`, or `dh * mask / (1 - rate)`."""
    if not wanted or place.shape(whole) != wanted or isinstance(whole, ast.Compare):
        return
    kept, own = shares(place), place.text(whole)
    alike = [(text, seen) for text, seen in nearest(place).items() if seen.shape == wanted and text not in own]
    alike.sort(key=lambda pair: (pair[1].dtype or "").startswith("float"))
    for text, seen in alike[:_MOST_MASKS] if kept else ():
        dear = 0.3 if (seen.dtype or "").startswith("float") else 0.0
        for share in kept:
            title = f"multiply by `{text} / {share}`, which is left out"
            yield place.around(whole, "", f" * {text} / {share}", title, "missing factor", 1.8 + dear)


def with_error(place: Place, whole: ast.expr, wanted: Shape | None) -> Iterator[Candidate]:
    """The error that a slope at the output lacks: `(out - target) * slope` for `slope`."""
    if not wanted or place.shape(whole) != wanted:
        return
    near = [text for text, seen in nearest(place).items() if seen.shape == wanted][:_MOST_ERRORS]
    near += [text for text in as_columns(place, wanted) if text not in near]
    for number, first in enumerate(near):
        for second in near[number + 1 :]:
            for error in (f"{first} - {second}", f"{second} - {first}"):
                title = f"multiply by `{error}`, which is left out"
                yield place.around(whole, f"({error}) * ", "", title, "missing factor", 2.0)


def at_upstream(place: Place, whole: ast.expr, wanted: Shape | None) -> Iterator[Candidate]:
    """A slope that is taken at the adjoint, in place of being multiplied by it: `f'(z) * da` for `f'(da)`."""
    if not wanted or place.shape(whole) != wanted or isinstance(whole, ast.Name | ast.Attribute):
        return
    simple = [n for n in ast.walk(whole) if isinstance(n, ast.Name | ast.Attribute | ast.Subscript)]
    inside: dict[str, list[ast.expr]] = {}
    for node in simple:
        if node is not whole and place.shape(node) == wanted and isinstance(node.ctx, ast.Load):
            inside.setdefault(place.text(node), []).append(node)
    others = [text for text, seen in nearest(place).items() if seen.shape == wanted]
    for own, nodes in inside.items():
        if all(_is_factor(place, whole, node) for node in nodes):
            continue
        for text in [t for t in others if t != own][:_MOST_SLOPES_AT]:
            title = f"take the slope at `{text}`, and multiply by `{own}`"
            edits = tuple(place.edit(node, text) for node in nodes)
            around = place.around(whole, "", f" * {own}", title, "slope", 2.0)
            yield replace(around, edits=(*edits, *around.edits))


def _is_factor(place: Place, whole: ast.expr, node: ast.AST) -> bool:
    """Whether an expression is a sum of products, in which a node is a factor already."""
    while node is not whole:
        around = place.parent(node)
        sums = ast.Add | ast.Sub | ast.Mult | ast.Div | ast.MatMult
        if not (isinstance(around, ast.BinOp) and isinstance(around.op, sums)) and not isinstance(around, ast.UnaryOp):
            return False
        node = around
    return True


def spread(place: Place, node: ast.expr) -> Iterator[Candidate]:
    """A node times, or by, a row or a column that is used nearby and spreads over it: `cos[:, None] * v` for `v`.

    What is summed up may spread over the other factor itself: `(patch * d).sum(axis=0)` for `patch.sum(axis=0)`.
    """
    shape = place.shape(node)
    if not shape or isinstance(node, ast.Compare):
        return
    found: dict[str, None] = {}
    reduced = is_reduced(place, node)
    for text, seen in nearest(place).items():
        own = seen.shape or ()
        if own and own != shape and spreads(own, shape):
            found[text] = None
        if len(own) == 1 and len(shape) == 2 and own[0] == shape[0]:
            found[f"{text}[:, None]"] = None
        if reduced and own != shape and _go_together(shape, own):
            yield place.around(node, "", f" * {text}", f"multiply by `{text}`", "missing factor", 1.9)
    for text in list(found)[:_MOST_SPREAD]:
        yield place.around(node, f"{text} * ", "", f"multiply by `{text}`", "missing factor", 2.0)
        yield place.around(node, "", f" / {text}", f"divide by `{text}`", "missing factor", 2.1)


def _go_together(first: Shape, second: Shape) -> bool:
    """Whether arrays of several axes meet entry by entry, and one of them spreads over the other."""
    alike = len(first) == len(second) > 1
    return alike and all(1 in pair or pair[0] == pair[1] for pair in zip(first, second, strict=True))


def is_reduced(place: Place, node: ast.expr) -> bool:
    """Whether a sum or a mean is taken of a node: it is this one that may be another."""
    parent = place.parent(node)
    name = parent.attr if isinstance(parent, ast.Attribute) else ""
    if isinstance(parent, ast.Call) and node in parent.args:
        name = place.text(parent.func).rpartition(".")[2]
    return name in {"sum", "mean"}


def is_taken(place: Place, node: ast.expr, around: ast.Call) -> bool:
    """Whether a node is what `where` takes for some of the entries."""
    return node in around.args[1:] and place.text(around.func).rpartition(".")[2] == "where"


def with_two(place: Place, node: ast.expr) -> Iterator[Candidate]:
    """A slope that is added to something, times two of the nearest arrays: `dh * o * (1 - a ** 2)` beside gates."""
    shape, around = place.shape(node), place.parent(node)
    ones = [n for n in ast.walk(node) if isinstance(n, ast.Constant) and n.value == 1]
    if not shape or not ones or not isinstance(around, ast.BinOp) or not isinstance(around.op, ast.Add):
        return
    alike = [text for text, seen in nearest(place).items() if seen.shape == shape and text.isidentifier()]
    used = {n.id for n in ast.walk(around) if isinstance(n, ast.Name)}
    for first, second in combinations([text for text in alike if text not in used][:_MOST_NEAR], 2):
        title = f"multiply by `{first} * {second}`, which is left out"
        yield place.around(node, f"{first} * {second} * ", "", title, "missing factor", 2.1)


def with_sign(place: Place, node: ast.expr, wanted: Shape | None) -> Iterator[Candidate]:
    """A number, or an array, times the sign of what the program takes the size of: `delta * sign(e)` is Huber's slope.

    Args:
        place: The statement.
        node: An expression in it.
        wanted: The shape that the whole is to have.
    """
    sign, shape = place.numpy_function("sign"), place.shape(node)
    written = isinstance(node, ast.Constant) and is_number(node.value) and not isinstance(node.value, bool)
    if sign is None or not wanted or (not written and shape not in {None, (), wanted}):
        return
    sizes = [place.text(n.args[0]) for n in place.module.expressions() if isinstance(n, ast.Call) and _is_size(n)]
    if not sizes or any(isinstance(n, ast.Compare) or _is_size(n) for n in (node, place.parent(node))):
        return
    scope = arrays_in_scope(place)
    alike = [text for text in nearest(place) if scope.get(text) is not None and scope[text].shape == wanted]
    for text in dict.fromkeys([t for t in sizes if t in scope and scope[t].shape == wanted] + alike[:_MOST_SIGNED]):
        cost = 1.6 if text in sizes else 2.0
        if isinstance(node, ast.Constant) and node.value == 1:
            yield place.candidate(f"use the sign of `{text}`", "missing factor", node, f"{sign}({text})", cost)
        else:
            title = f"multiply by the sign of `{text}`"
            yield place.around(node, "", f" * {sign}({text})", title, "missing factor", cost)


def _is_size(node: ast.AST | None) -> bool:
    """Whether an expression takes the absolute value of one thing."""
    if not isinstance(node, ast.Call) or len(node.args) != 1:
        return False
    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    return name in {"abs", "absolute", "fabs"}


def _factor(text: str) -> str:
    return f"({text})" if isinstance(ast.parse(text, mode="eval").body, ast.BinOp) else text


__all__ = [
    "at_upstream",
    "grown",
    "is_reduced",
    "is_taken",
    "spread",
    "with_mask",
    "with_sign",
    "with_two",
    "with_upstream",
]
