"""Terms of a derivative that are easily left out: what a mean, a variance or a second path of the forward pass adds.

Through `x - mean(x)` a derivative loses its own mean; through a division by the standard deviation it loses what of it
points along the normalised values (Ioffe and Szegedy 2015, section 3; Ba, Kiros and Hinton 2016). Up to factors, batch
and layer normalisation need `d - mean(d) - xn * mean(d * xn)`. A value that is used twice (a state that goes through a
gate and beside it) has the sum of two derivatives, the second often a product of two arrays entry by entry. The
cross-entropy of two classes is a sum of two logarithms, and its derivative one of two quotients.
"""

from __future__ import annotations

import ast
import itertools
import math
from collections.abc import Iterator
from typing import TypeGuard

from shapecheck.repair.candidate import Candidate, Place
from shapecheck.repair.terms import arrays_in_scope, in_reach, likeness, nearest, single_numbers, spreads

_MOST_ARRAYS = 8
_MOST_PAIRED = 5
_MOST_FACTORS = 12
_MOST_CHAINED = 9
_MOST_SIBLINGS = 12


def path_candidates(place: Place, node: ast.expr) -> Iterator[Candidate]:
    """A whole sum with the product of two arrays added, entry by entry, or of one and what a gate leaves: `1 - z`.

    Args:
        place: The statement.
        node: An expression in it.
    """
    shape = place.shape(node)
    if not shape or not _is_whole_sum(place, node):
        return
    own = place.text(node)
    alike = [text for text, seen in nearest(place).items() if seen.shape == shape and text != own][:_MOST_FACTORS]
    for position, first in enumerate(alike):
        for second in alike[position:]:
            terms = {f"{first} * {second}": 2.0}
            if first != second:
                terms |= {f"{first} * (1 - {second})": 2.2, f"{second} * (1 - {first})": 2.2}
            for term, cost in terms.items():
                yield place.candidate(f"add `{term}`, which is left out", "term", node, f"{own} + {term}", cost)


def chain_candidates(place: Place, node: ast.expr) -> Iterator[Candidate]:
    """A whole sum with the product of three arrays added or taken off: a path through two operations, `dz * eps * std`.

    With a half and with two, which exponents leave behind: the slope of `exp(x / 2)` is `exp(x / 2) / 2`.

    Args:
        place: The statement.
        node: An expression in it.
    """
    shape = place.shape(node)
    if not shape or not _is_whole_sum(place, node):
        return
    own = place.text(node)
    alike = [text for text, seen in nearest(place).items() if seen.shape == shape and text != own][:_MOST_CHAINED]
    for factors in itertools.combinations(alike, 3):
        product = " * ".join(factors)
        for term, cost in ((product, 2.8), (f"0.5 * {product}", 2.9), (f"2 * {product}", 2.9)):
            yield place.candidate(f"add `{term}`, which is left out", "term", node, f"{own} + {term}", cost)
            yield place.candidate(f"subtract `{term}`, which is left out", "term", node, f"{own} - {term}", cost + 0.1)


def sibling_candidates(place: Place, node: ast.expr) -> Iterator[Candidate]:
    """A sum of products with one more like them: `Wf.T @ df + Wi.T @ di` lacks what the third gate brings.

    Args:
        place: The statement.
        node: A whole expression.
    """
    if not isinstance(node, ast.BinOp) or not isinstance(node.op, ast.Add) or not _is_whole_sum(place, node):
        return
    whole, at_hand = place.text(node), nearest(place)
    there = {place.text(n) for n in ast.walk(node) if _is_plain(n)}
    tried: set[tuple[object, ...]] = set()
    for addend in _added(node):
        named = [n for n in _named_in(addend) if place.text(n) in at_hand]
        shapes = tuple(at_hand[place.text(n)].shape for n in named)
        if len(named) != 2 or shapes in tried:
            continue
        tried.add(shapes)
        alike = ({t for t, s in at_hand.items() if s.shape == shape} - there for shape in shapes)
        # What is named like the one that it stands for comes first: `Wo` for `Wf`.
        pairs = zip(alike, map(place.text, named), strict=True)
        first, second = (sorted(texts, key=lambda t: (-likeness(own, t), t)) for texts, own in pairs)
        for one in first[:_MOST_SIBLINGS]:
            for other in second[:_MOST_SIBLINGS]:
                changes = {place.text(named[0]): one, place.text(named[1]): other}
                term = ast.unparse(_Renaming(changes).visit(ast.parse(place.text(addend).strip(), mode="eval")))
                title = f"add `{term}`, which is left out"
                yield place.candidate(title, "term", node, f"{whole} + {term}", 2.0)


def _added(node: ast.expr) -> list[ast.expr]:
    """The addends of a sum."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return [*_added(node.left), *_added(node.right)]
    return [node]


def _named_in(node: ast.AST) -> list[ast.expr]:
    """The longest expressions within another that only name something: `self.W` of `self.W.T`, as arrays go."""
    if _is_plain(node) and not (isinstance(node, ast.Attribute) and node.attr == "T"):
        return [node]
    return [one for child in ast.iter_child_nodes(node) for one in _named_in(child)]


class _Renaming(ast.NodeTransformer):
    """Exchanges expressions that name something, by their texts."""

    def __init__(self, changes: dict[str, str]) -> None:
        self.changes = {ast.unparse(ast.parse(old, mode="eval")): new for old, new in changes.items()}

    def visit(self, node: ast.AST) -> ast.AST:
        if _is_plain(node) and (new := self.changes.get(ast.unparse(node))) is not None:
            return ast.parse(new, mode="eval").body
        return self.generic_visit(node)


def centring_candidates(place: Place, node: ast.expr) -> Iterator[Candidate]:
    """A whole sum with its own mean, or a mean or sum of other arrays, subtracted.

    Args:
        place: The statement.
        node: An expression in it.
    """
    shape = place.shape(node)
    if shape is None or len(shape) < 2 or not _is_whole_sum(place, node):
        return
    own, atom = place.text(node), place.atom(node)
    alike = [text for text, seen in arrays_in_scope(place).items() if seen.shape == shape and text != own]
    alike = sorted(alike, key=lambda text: not text.isidentifier())[:_MOST_ARRAYS]
    for axis in (a for a in range(len(shape)) if shape[a] > 1):
        mean = _reduced(place, "mean", own, atom, axis)
        yield place.candidate(f"take off the mean over axis {axis}", "term", node, f"{own} - {mean}", 2.0)
        for text in alike[:_MOST_PAIRED]:
            along = f"{text} * {_reduced(place, 'mean', f'{atom} * {text}', f'({atom} * {text})', axis)}"
            title = f"take off what the mean and the variance over axis {axis} give back"
            yield place.candidate(title, "term", node, f"{own} - {mean} - {along}", 2.5)
        for name in ("sum", "mean"):
            for text in alike:
                term = _reduced(place, name, text, text, axis)
                yield place.candidate(f"subtract `{term}`, which is left out", "term", node, f"{own} - {term}", 2.3)
            for text in alike[:_MOST_PAIRED]:
                for other in alike[:_MOST_PAIRED]:
                    if other != text:
                        product = f"{text} * {other}"
                        term = f"{other} * {_reduced(place, name, product, f'({product})', axis)}"
                        title = f"subtract `{term}`, which is left out"
                        yield place.candidate(title, "term", node, f"{own} - {term}", 2.7)


def jacobian_candidates(place: Place, node: ast.expr) -> Iterator[Candidate]:
    """`s * (g - sum(s * g))` for a product `s * g`, the half of what goes back through a softmax, or `g * slope(s)`.

    Args:
        place: The statement.
        node: An expression in it.
    """
    shape, factors, total = place.shape(node), _factors(node), place.numpy_function("sum")
    if not shape or len(factors) < 2 or total is None or any(place.shape(f) != shape for f in factors):
        return
    for factor in factors:
        for s in dict.fromkeys(ast.unparse(e) for e in ast.walk(factor) if _is_plain(e) and place.shape(e) == shape):
            slope = {s, f"1 - {s}", f"1.0 - {s}", ast.unparse(factor)}
            rest = [place.atom(f) for f in factors if ast.unparse(f) not in slope]
            if not rest:
                continue
            other = " * ".join(rest)
            for axis in range(len(shape)):
                along = f", axis={axis}, keepdims=True" if len(shape) > 1 else ""
                term = f"{total}({s} * {other}{along})"
                title = f"subtract `{term}`, which a softmax's derivative has besides"
                yield place.candidate(title, "jacobian", node, f"{s} * ({other} - {term})", 2.0)


def softmax_candidates(place: Place, node: ast.expr) -> Iterator[Candidate]:
    """`s * (g - sum(s * g))` for an adjoint `g` that is handed on as it is, past a softmax.

    Args:
        place: The statement.
        node: The whole expression.
    """
    copied = isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "copy"
    kept = node.func.value if copied and isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) else node
    shape, total = place.shape(node), place.numpy_function("sum")
    if not shape or total is None or not _is_plain(kept):
        return
    g = place.text(kept)
    alike = [text for text, seen in nearest(place).items() if seen.shape == shape and text != g][:_MOST_FACTORS]
    for s in alike:
        for axis in reversed(range(len(shape))):
            along = f", axis={axis}, keepdims=True" if len(shape) > 1 else ""
            text = f"{s} * ({g} - {total}({s} * {g}{along}))"
            yield place.candidate(f"go back through the softmax `{s}`", "jacobian", node, text, 1.9)


def _is_plain(node: ast.AST) -> TypeGuard[ast.expr]:
    """Whether an expression only names something that is there."""
    return isinstance(node, ast.Name | ast.Attribute | ast.Subscript)


def _factors(node: ast.expr) -> list[ast.expr]:
    """The factors of a product, and of those that it is made from."""
    factors = _two_factors(node)
    return [node] if factors is None else [one for factor in factors for one in _factors(factor)]


def exponential_candidates(place: Place, node: ast.expr) -> Iterator[Candidate]:
    """The slope of an exponential, from its argument or from its value, for a number of `np.where(x > 0, 1, a)`.

    `a * (exp(x) - 1)` has the slope `a * exp(x)`, its value and `a` (Clevert, Unterthiner, Hochreiter 2016).

    Args:
        place: The statement.
        node: An expression in it.
    """
    exponential, least = place.numpy_function("exp"), place.numpy_function("minimum")
    choice = isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "where" and len(node.args) == 3
    condition = node.args[0] if choice and isinstance(node, ast.Call) else None
    if not isinstance(condition, ast.Compare) or exponential is None or not isinstance(node, ast.Call):
        return
    x = place.text(condition.left)
    for branch in node.args[1:]:
        constant = branch.value if isinstance(branch, ast.Constant) else None
        if constant is None and place.shape(branch) != ():
            continue
        own, slope = place.atom(branch) if constant is None else place.text(branch), f"{exponential}({least}({x}, 0))"
        for text in (slope if constant == 1 else f"{own} * {slope}", f"{own} + {x}"):
            title = f"use the slope of an exponential, `{text}`"
            yield place.candidate(title, "slope", branch, text, 1.6)


def _two_factors(node: ast.expr) -> tuple[ast.expr, ast.expr] | None:
    """The operands of a product, entry by entry, of two; None where it is none."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
        return node.left, node.right
    if isinstance(node, ast.Call) and len(node.args) == 2 and getattr(node.func, "attr", "") == "multiply":
        return node.args[0], node.args[1]
    return None


def label_candidates(place: Place, node: ast.expr) -> Iterator[Candidate]:
    """A softmax's outputs with the targets subtracted, which are given as the numbers of the classes.

    The derivative of the cross-entropy by the scores is `p - onehot(y)` (Bishop 2006, section 5.2).

    Args:
        place: The statement.
        node: An expression in it.
    """
    shape, eye = place.shape(node), place.numpy_function("eye")
    if shape is None or eye is None or not isinstance(node, ast.Name | ast.Attribute | ast.Call | ast.Subscript):
        return
    own, atom = place.text(node), place.atom(node)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "copy":
        atom = place.atom(node.args[0] if node.args else node.func.value)  # it is as long as what it is a copy of
    for text, seen in nearest(place).items():
        whole = len(shape) == 2 and seen.shape is not None and (seen.dtype or "")[:3] in {"int", "uin"}
        rows = [f"{eye}({atom}.shape[1])[{text}]"] if seen.shape == shape[:1] else []
        columns = [f"{eye}({atom}.shape[0])[{text}].T"] if seen.shape == shape[1:] else []
        for targets in (*rows, *columns) if whole else ():
            title = f"subtract the targets `{text}`, one-hot"
            yield place.candidate(title, "target", node, f"{own} - {targets}", 1.8)
    # Of one sample: a row of the codes as it is, or as a column.
    parts = {1: "[{0}]", 2: "[:, [{0}]]" if shape[-1:] == (1,) else "[[{0}]]"}
    classes = math.prod(shape)
    if len(shape) in parts and classes == max(shape, default=0):
        axis = shape.index(classes)
        items = {text: seen for text, seen in place.looked.items() if "[" in text and "(" not in text}
        for name, seen in {**place.scope(), **items}.items():
            if isinstance(seen.literal, int) and not isinstance(seen.literal, bool) and 0 <= seen.literal < classes:
                codes = f"{eye}({atom}.shape[{axis}]){parts[len(shape)].format(name)}"
                yield place.candidate(f"subtract the target `{name}`, one-hot", "target", node, f"{own} - {codes}", 2.0)


def offset_candidates(place: Place, node: ast.expr) -> Iterator[Candidate]:
    """A layer's product with a bias added, which is as large as one of its rows or columns, or a number.

    Args:
        place: The statement.
        node: An expression in it.
    """
    shape = place.shape(node)
    if not isinstance(node, ast.BinOp | ast.Call) or shape is None:
        return
    alike = [
        t for t, seen in nearest(place).items() if seen.shape and seen.shape != shape and spreads(seen.shape, shape)
    ]
    for text in (*alike[:_MOST_FACTORS], *single_numbers(place)):
        yield place.around(node, "", f" + {text}", f"add `{text}`, which is left out", "term", 1.9)


def quotient_candidates(place: Place, node: ast.expr) -> Iterator[Candidate]:
    """A quotient with its mirror image: the cross-entropy of two classes has `-y / a + (1 - y) / (1 - a)`.

    Args:
        place: The statement.
        node: An expression in it.
    """
    parts = _quotient(node)
    if parts is None or place.shape(node) in {None, ()}:
        return
    mirrored = [_complement(place, part) for part in parts]
    if isinstance(node, ast.Call):
        term = f"{place.text(node.func)}({', '.join(mirrored)})"
    else:
        term = " / ".join(f"({part})" if " " in part else part for part in mirrored)
    own = place.text(node)
    if term not in place.text(place.statement):
        for sign in "-+":
            title = f"{'subtract' if sign == '-' else 'add'} `{term}`, which is left out"
            yield place.candidate(title, "term", node, f"{own} {sign} {term}", 1.6)


def _quotient(node: ast.expr) -> tuple[ast.expr, ast.expr] | None:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
        return node.left, node.right
    divides = isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and len(node.args) == 2
    if divides and node.func.attr in {"divide", "true_divide"} and not node.keywords:  # type: ignore[attr-defined]
        return node.args[0], node.args[1]  # type: ignore[attr-defined]
    return None


def _complement(place: Place, node: ast.expr) -> str:
    """`1 - a` for `a`, and `a` for `1 - a`."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Sub) and isinstance(node.left, ast.Constant):
        if node.left.value == 1:
            return place.text(node.right)
    return f"1 - {place.atom(node)}"


def difference_candidates(place: Place, node: ast.expr) -> Iterator[Candidate]:
    """The difference of a value and another of its size, either way round: of an output and its target.

    Args:
        place: The statement.
        node: An expression in it.
    """
    shape = place.shape(node)
    turned = node.operand if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub) else None
    if shape is None or not isinstance(turned or node, ast.Name | ast.Attribute | ast.Subscript | ast.Call):
        return
    own, atom = place.text(node), place.atom(turned or node)
    held = place.look(own)
    if held is not None and type(held.literal) is int:
        return  # a size is no output
    if math.prod(shape) == 1:
        scope = in_reach(place).items()
        others = [text for text, seen in scope if seen.shape == () or isinstance(seen.literal, float)]
        others += [text for text, seen in nearest(place).items() if seen.shape and math.prod(seen.shape) == 1]
    else:
        others = [text for text, seen in nearest(place).items() if seen.shape == shape]
    others = [*_same_part_of_others(place, node), *others]
    for text in [text for text in dict.fromkeys(others) if text != own][:_MOST_FACTORS]:
        if math.prod(shape) == 1 and turned is None:
            yield place.candidate(f"subtract `{text}`", "target", node, f"{own} - {text}", 1.8)
        yield place.candidate(f"take `{atom}` off `{text}`", "target", node, f"{text} - {atom}", 2.5)


def _same_part_of_others(place: Place, node: ast.expr) -> list[str]:
    """The part that an expression takes of an array, of the other arrays that are as large: `target[t]` for `y[t]`."""
    if not isinstance(node, ast.Subscript) or not (shape := place.shape(node.value)):
        return []
    own, part = place.text(node.value), place.text(node)[len(place.text(node.value)) :]
    alike = [text for text, seen in nearest(place).items() if seen.shape == shape and text != own]
    return [text + part for text in alike if "[" not in text]


def _is_whole_sum(place: Place, node: ast.expr) -> bool:
    """Whether an expression is a sum, or may become one, and no part of another."""
    parent = place.parent(node)
    inner = isinstance(parent, ast.BinOp) and isinstance(parent.op, ast.Add | ast.Sub)
    return isinstance(node, ast.BinOp | ast.Name) and not inner


def _reduced(place: Place, name: str, text: str, atom: str, axis: int) -> str:
    keep = ", keepdims=True" if axis else ""
    function = place.numpy_function(name)
    return f"{function}({text}, axis={axis}{keep})" if function else f"{atom}.{name}(axis={axis}{keep})"


__all__ = [
    "centring_candidates",
    "chain_candidates",
    "difference_candidates",
    "exponential_candidates",
    "jacobian_candidates",
    "label_candidates",
    "offset_candidates",
    "path_candidates",
    "quotient_candidates",
    "sibling_candidates",
    "softmax_candidates",
]
