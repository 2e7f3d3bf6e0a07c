"""Candidates at products: another transpose, order or grouping, matrix product or element by element."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from shapecheck.repair.candidate import Candidate, Place
from shapecheck.trace.tape import Shape

_MATRIX = frozenset({"dot", "matmul", "inner"})
_ELEMENTWISE = frozenset({"multiply"})


@dataclass(frozen=True)
class Product:
    """A product in one of its spellings: `style` is `@`, `*`, `method`, or the called function's text."""

    node: ast.expr
    left: ast.expr
    right: ast.expr
    style: str
    matrix: bool


def as_product(place: Place, node: ast.expr) -> Product | None:
    """The product that a node is, if it is one."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.MatMult | ast.Mult):
        matrix = isinstance(node.op, ast.MatMult)
        return Product(node, node.left, node.right, "@" if matrix else "*", matrix)
    if not isinstance(node, ast.Call) or node.keywords or any(isinstance(a, ast.Starred) for a in node.args):
        return None
    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    if isinstance(node.func, ast.Attribute) and name == "dot" and len(node.args) == 1:
        return Product(node, node.func.value, node.args[0], "method", matrix=True)
    if len(node.args) == 2 and name in _MATRIX | _ELEMENTWISE | {"outer"}:
        return Product(node, node.args[0], node.args[1], place.text(node.func), matrix=name in _MATRIX)
    return None


def product_shape(left: Shape, right: Shape) -> Shape | None:
    """Shape of `left @ right` by the rules of `np.dot`; None where they do not fit."""
    if not left or not right:
        return left or right
    inner = right[-2] if len(right) > 1 else right[0]
    if left[-1] != inner:
        return None
    return left[:-1] + (right[:-2] + right[-1:] if len(right) > 1 else ())


def broadcast_shape(left: Shape, right: Shape) -> Shape | None:
    """Shape of an elementwise operation; None where the operands do not fit, or where both would have to grow."""
    try:
        result = np.broadcast_shapes(left, right)
    except ValueError:
        return None
    return None if result not in {left, right} else result


def transposed(place: Place, node: ast.expr) -> str:
    """The text of the node's transpose: takes a `.T` off rather than put a second one on."""
    if isinstance(node, ast.Attribute) and node.attr == "T":
        return place.text(node.value)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "transpose":
        if not node.args:
            return place.text(node.func.value)
        if len(node.args) == 1 and isinstance(node.func.value, ast.Name):
            return place.text(node.args[0])
    return place.atom(node) + ".T"


def _render_matrix(place: Place, style: str, left: str, right: str) -> str:
    if style == "method":
        return f"{_bracket(left)}.dot({right})"
    function = style if style.rpartition(".")[2] in _MATRIX else None
    if style == "@" or (function is None and " @ " in place.source.text):
        return f"{_bracket(left)} @ {_bracket(right)}"
    function = function or place.numpy_function("dot")
    return f"{function}({left}, {right})" if function else f"{_bracket(left)}.dot({right})"


def _bracket(text: str) -> str:
    try:
        node = ast.parse(text.strip(), mode="eval").body
    except SyntaxError:
        return text
    plain = (ast.Name, ast.Call, ast.Attribute, ast.Subscript, ast.Constant)
    return text if isinstance(node, plain) else f"({text})"


def _oriented(place: Place, node: ast.expr) -> list[tuple[str, Shape | None, int]]:
    """An operand as it is and transposed: (text, shape, how many transposes were changed)."""
    shape = place.shape(node)
    forms = [(place.text(node), shape, 0)]
    if shape is None or len(shape) == 2:
        forms.append((transposed(place, node), shape[::-1] if shape is not None else None, 1))
    return forms


def unmultiplied(place: Place, node: ast.expr) -> Iterator[Candidate]:
    """One operand of a matrix product alone: a Jacobian may be in the other one already.

    `output - target` is the derivative of a cross-entropy by the scores, and goes through no softmax any more.
    """
    product, shape = as_product(place, node), place.shape(node)
    operands = [product.left, product.right] if product is not None and product.matrix else []
    if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "einsum" and len(node.args) == 3:
        operands = node.args[1:]
    for kept, dropped in zip(operands, reversed(operands), strict=True):
        if shape and place.shape(kept) == shape:
            shown = place.text(dropped)
            title = f"leave out `{shown if len(shown) <= 40 else 'the other factor'}`"
            yield place.candidate(title, "factor", node, place.text(kept), 1.3)


def product_candidates(place: Place, node: ast.expr) -> Iterator[Candidate]:
    """Other ways to multiply the same two operands."""
    product = as_product(place, node)
    if product is None:
        return
    before = place.shape(node)
    lefts, rights = _oriented(place, product.left), _oriented(place, product.right)
    scalar = any(form[1] == () for form in (lefts[0], rights[0]))
    literal = any(isinstance(side, ast.Constant) for side in (product.left, product.right))
    if scalar or literal:
        return
    for left_text, left, left_turns in lefts:
        for right_text, right, right_turns in rights:
            turns = left_turns + right_turns
            yield from _matrix_forms(place, product, before, (left_text, left), (right_text, right), turns)
            if turns <= 1:
                yield from _elementwise_form(place, product, before, (left_text, left), (right_text, right), turns)
    yield from _outer_forms(place, product, before)


def _matrix_forms(
    place: Place,
    product: Product,
    before: Shape | None,
    left: tuple[str, Shape | None],
    right: tuple[str, Shape | None],
    turns: int,
) -> Iterator[Candidate]:
    base = 0.0 if product.matrix else 0.6
    for swapped, (first, second) in ((False, (left, right)), (True, (right, left))):
        if product.matrix and not swapped and turns == 0:
            continue
        after = None
        if first[1] is not None and second[1] is not None:
            after = product_shape(first[1], second[1])
            if after is None or after == before:
                continue
        cost = base + 0.9 * turns + (0.7 if swapped else 0.0) + (0.3 if not turns else 0.0)
        if product.matrix and swapped and turns == 2:
            continue  # the transpose of the whole, offered elsewhere
        title = _title(product, first[0], second[0], turns, swapped)
        text = _render_matrix(place, product.style, first[0], second[0])
        kind = "product" if product.matrix else "elementwise-to-matrix"
        yield place.candidate(title, kind, product.node, text, place.judge(before, after, cost))


def _title(product: Product, left: str, right: str, turns: int, swapped: bool) -> str:
    if not product.matrix:
        return f"use the matrix product of `{left}` and `{right}`"
    if swapped and not turns:
        return "swap the operands of the product"
    if swapped:
        return f"multiply `{left}` by `{right}`, in this order"
    return f"multiply `{left}` by `{right}`"


def _elementwise_form(
    place: Place,
    product: Product,
    before: Shape | None,
    left: tuple[str, Shape | None],
    right: tuple[str, Shape | None],
    turns: int,
) -> Iterator[Candidate]:
    if not product.matrix and turns == 0:
        function = place.numpy_function("multiply")
        if function is not None and any("matrix" in place.kind(n) for n in (product.left, product.right)):
            text = f"{function}({left[0]}, {right[0]})"
            yield place.candidate("multiply element by element", "matrix-to-elementwise", product.node, text, 0.4)
        return
    after = None
    if left[1] is not None and right[1] is not None:
        after = broadcast_shape(left[1], right[1])
        if after is None or after == before:
            return
    text = f"{_bracket(left[0])} * {_bracket(right[0])}"
    if product.style.rpartition(".")[2] in _ELEMENTWISE:
        text = f"{product.style}({left[0]}, {right[0]})"
    title = f"multiply `{left[0]}` and `{right[0]}` element by element"
    cost = (0.8 if product.matrix else 0.2) + 0.9 * turns
    kind = "matrix-to-elementwise" if product.matrix else "elementwise-transpose"
    yield place.candidate(title, kind, product.node, text, place.judge(before, after, cost))


def _outer_forms(place: Place, product: Product, before: Shape | None) -> Iterator[Candidate]:
    left, right = place.shape(product.left), place.shape(product.right)
    function = place.numpy_function("outer")
    if left is None or right is None or function is None or len(left) != 1 or len(right) != 1:
        return
    sides = ((product.left, left), (product.right, right))
    for first, second in (sides, sides[::-1]):
        after = first[1] + second[1]
        if after == before:
            continue
        text = f"{function}({place.text(first[0])}, {place.text(second[0])})"
        title = f"take the outer product of `{place.text(first[0])}` and `{place.text(second[0])}`"
        yield place.candidate(title, "outer", product.node, text, place.judge(before, after, 1.2))


def _untransposed(place: Place, node: ast.expr) -> str:
    """A vector without its `.T`, which does nothing."""
    return place.text(node.value) if isinstance(node, ast.Attribute) and node.attr == "T" else place.text(node)


def regroup_candidates(place: Place, node: ast.expr) -> Iterator[Candidate]:
    """The same operands and operators, grouped the other way: `a * b.dot(c)` as `(a * b).dot(c)`."""
    if not isinstance(node, ast.BinOp):
        return
    text, atom = place.text, place.atom
    symbol = _symbol(node.op)
    if symbol is None:
        return
    first = node.right
    while isinstance(first, ast.BinOp):
        first = first.left
    chain = _dot_chain(first)
    if chain is not None:
        rest = place.source.slice(*_between(place, chain, node.right))
        grouped = f"({text(node.left)} {symbol} {text(chain)}){rest}"
        yield place.candidate("group the product differently", "regroup", node, grouped, 1.0)
    inner = node.left
    if isinstance(inner, ast.BinOp) and _symbol(inner.op) is not None and not _is_factor_only(place, node, inner):
        regrouped = f"{atom(inner.left)} {_symbol(inner.op)} ({text(inner.right)} {symbol} {text(node.right)})"
        yield place.candidate("group the expression differently", "regroup", node, regrouped, 1.2)
    inner = node.right
    if isinstance(inner, ast.BinOp) and _symbol(inner.op) is not None:
        regrouped = f"({text(node.left)} {symbol} {text(inner.left)}) {_symbol(inner.op)} {atom(inner.right)}"
        yield place.candidate("group the expression differently", "regroup", node, regrouped, 1.2)
    product = as_product(place, node.left)
    if product is not None and product.matrix and symbol in {"+", "-", "*", "/"} and product.style != "@":
        grouped = _render_matrix(
            place, product.style, text(product.left), f"{text(product.right)} {symbol} {text(node.right)}"
        )
        yield place.candidate(f"apply `{symbol}` before the product", "regroup", node, grouped, 1.3)


def _is_factor_only(place: Place, node: ast.BinOp, inner: ast.BinOp) -> bool:
    """Whether regrouping `X / n + c` would make a mere multiple of `X` of it, which then agrees with everything."""
    if not isinstance(node.op, ast.Add | ast.Sub) or not isinstance(inner.op, ast.Mult | ast.Div):
        return False
    return place.shape(inner.right) == () == place.shape(node.right) and bool(place.shape(inner.left))


def _symbol(operator: ast.operator) -> str | None:
    symbols = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.MatMult: "@"}
    return symbols.get(type(operator))


def _dot_chain(node: ast.expr) -> ast.expr | None:
    """The receiver at the start of `x.dot(y).dot(z)`."""
    found = None
    while isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "dot":
        found = node = node.func.value
    return found if not (isinstance(found, ast.Name) and found.id in {"np", "numpy"}) else None


def _between(place: Place, start: ast.expr, whole: ast.expr) -> tuple[int, int, int, int]:
    _, _, line, column = place.source.place(start)
    _, _, end_line, end_column = place.source.place(whole)
    return line, column, end_line, end_column


def operand_candidates(place: Place, node: ast.expr) -> Iterator[Candidate]:
    """A matrix product in which one operand is another array in scope; only where the wanted shape is known."""
    product = as_product(place, node)
    before = place.shape(node)
    if product is None or before is None or before not in place.wanted:
        return
    if () in {place.shape(product.left), place.shape(product.right)}:
        return
    goal = place.wanted[before]
    arrays = {n: s.shape for n, s in place.locals().items() if s.shape is not None and 1 <= len(s.shape) <= 2}
    used = {place.text(product.left), place.text(product.right)}
    used |= {transposed(place, product.left), transposed(place, product.right)}
    for kept in (product.left, product.right):
        for kept_text, kept_shape, kept_turns in _oriented(place, kept):
            for name, shape in list(arrays.items())[:24]:
                if name in used or shape is None or kept_shape is None:
                    continue
                forms = [(name, shape, 0)] + ([(f"{name}.T", shape[::-1], 1)] if len(shape) == 2 else [])
                for text, new_shape, turns in forms:
                    for first, second in (
                        ((text, new_shape), (kept_text, kept_shape)),
                        ((kept_text, kept_shape), (text, new_shape)),
                    ):
                        if not new_shape or product_shape(first[1], second[1]) != goal:
                            continue
                        rendered = _render_matrix(place, product.style, first[0], second[0])
                        cost = 1.0 + 0.2 * (turns + kept_turns)
                        title = f"multiply `{first[0]}` by `{second[0]}`"
                        yield place.candidate(title, "operand", node, rendered, cost)
