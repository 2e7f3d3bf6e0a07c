"""Candidates for penalties of weights: the derivative of a sum of squares for the sum, or where it is left out."""

from __future__ import annotations

import ast
import itertools
from collections.abc import Collection, Iterator, Sequence

import numpy as np

from shapecheck.diagnose.finding import Edit
from shapecheck.diagnose.targets import Target
from shapecheck.diagnose.verdicts import TELLING
from shapecheck.gradients.matching import EXACT, same_direction
from shapecheck.network.parameters import find_parameters
from shapecheck.repair.candidate import Candidate, Place
from shapecheck.repair.insertions import idle_beside
from shapecheck.repair.terms import is_number
from shapecheck.trace.tape import Tape

_PLACES = (ast.Name, ast.Attribute, ast.Subscript)
_MOST_STATEMENTS = 6


def penalty_candidates(place: Place) -> Iterator[Candidate]:
    """`+ c * np.sum(W ** 2)` in a gradient as `+ c * W`."""
    for node in ast.walk(place.statement):
        if isinstance(node, ast.expr) and (weight := _summed_squares(place, node)) is not None:
            text = place.text(weight)
            title = f"use the derivative of the penalty, `{text}`"
            for number, told in enumerate((text, f"2 * {text}")):
                yield place.candidate(title, "term", node, told, 0.3 + 0.1 * number)


def summed_terms(place: Place) -> Iterator[Candidate]:
    """`return c * np.sum(np.sign(W))` as `c * np.sign(W)`, where that is called for what is added to a gradient.

    One number for all entries is the size of a penalty, and no derivative of it.
    """
    called = {_name(n) for n in ast.walk(place.statement) if isinstance(n, ast.Call)}
    functions = (n for n in ast.walk(place.module.tree) if isinstance(n, ast.FunctionDef) and n.name in called)
    for returned in (n for f in functions for n in ast.walk(f) if isinstance(n, ast.Return) and n.value is not None):
        for node in ast.walk(returned):
            if not isinstance(node, ast.Call) or _name(node) not in {"sum", "mean"} or node.keywords:
                continue
            whole = node.args if len(node.args) == 1 else []
            if not node.args and isinstance(node.func, ast.Attribute):
                whole = [node.func.value]
            if whole:
                title = f"leave out the {_name(node)}: every entry has its own"
                yield place.candidate(title, "sum", node, place.atom(whole[0]), 0.4)


def lacks_a_penalty(tape: Tape, targets: Sequence[Target], named: Collection[str]) -> bool:
    """Whether what an expression gave lacks a multiple of some entries of a parameter, and nothing else.

    Args:
        tape: Of the run.
        targets: What expressions should have given.
        named: The parameters whose gradients are wrong.
    """
    weights = [u.old for p in find_parameters(tape) if p.name in named for u in p.updates]
    for result in (r for t in targets if t.site is not None for r in t.results):
        was, wanted = tape.values[result.value].array, np.asarray(result.wanted[0], dtype=float)
        if was is None or np.shape(was) != wanted.shape or wanted.size < TELLING or not np.all(np.isfinite(wanted)):
            continue
        lacking = wanted - np.asarray(was, dtype=float)
        there = np.abs(lacking) > EXACT * float(np.abs(lacking).max(initial=0.0))
        for weight in weights:
            array = tape.values[weight].array
            if array is not None and np.shape(array) == wanted.shape:
                if same_direction(lacking, np.where(there, np.asarray(array, dtype=float), 0.0)):
                    return True
    return False


def penalty_statements(place: Place) -> Iterator[Candidate]:
    """`dW[:, 1:] += c * W[:, 1:]` after the statement that gives `dW`, as it is written for others.

    Where the loss has the penalty, its own texts tell the part and the number: `c / 2 * np.sum(W[:, 1:] ** 2)`.
    """
    statement = place.statement
    if not isinstance(statement, ast.Assign) or len(statement.targets) != 1:
        return
    target = place.text(statement.targets[0])
    told: dict[str, ast.stmt] = {}
    function = place.module.enclosing_function(statement) or place.module.tree
    for other in (n for n in ast.walk(function) if isinstance(n, ast.AugAssign) and isinstance(n.op, ast.Add)):
        # `grad1[:, 1:] += c * W1[:, 1:]` for `grad2`, as `grad1` is written.
        array = other.target.value if isinstance(other.target, ast.Subscript) else other.target
        changed = _as_for(place.text(array), target, other)
        if changed is not None and changed != ast.unparse(other):
            told.setdefault(changed, other)
    for text in _from_the_loss(place, target):
        told.setdefault(text, statement)
    for number, (text, beside) in enumerate(list(told.items())[:_MOST_STATEMENTS]):
        yield _inserted(place, text, beside, 0.3 + 0.1 * number)
    for sibling in (n for n in ast.walk(function) if isinstance(n, ast.Assign) and len(n.targets) == 1):
        # `dW2 = A1.T @ dZ2 + c * W2` for `dW1 = X.T @ dZ1`.
        if isinstance(sibling.value, ast.BinOp) and isinstance(sibling.value.op, ast.Add):
            term = _as_for(place.text(sibling.targets[0]), target, ast.Expr(sibling.value.right))
            if term is not None and term != ast.unparse(sibling.value.right):
                title = f"add the derivative of the penalty: `{term}`"
                yield place.around(statement.value, "", f" + {term}", title, "term", 0.35)


def _as_for(first: str, second: str, statement: ast.stmt) -> str | None:
    """A statement about one gradient as it would be about another, whose name tells how the two differ: by an end."""
    before = _alike(first, second)
    after = _alike(first[before:][::-1], second[before:][::-1])
    old, new = first[before : len(first) - after], second[before : len(second) - after]
    if not old or not new or first == second:
        return None

    class _Renamed(ast.NodeTransformer):
        def visit_Name(self, node: ast.Name) -> ast.Name:
            return ast.Name(_ended(node.id), node.ctx)

        def visit_Attribute(self, node: ast.Attribute) -> ast.Attribute:
            return ast.Attribute(self.visit(node.value), _ended(node.attr), node.ctx)

        def visit_Constant(self, node: ast.Constant) -> ast.Constant:
            return ast.Constant(_ended(node.value)) if isinstance(node.value, str) else node

    def _ended(name: str) -> str:
        return name[: -len(old)] + new if name.endswith(old) else name

    return ast.unparse(_Renamed().visit(ast.parse(ast.unparse(statement))))


def _alike(first: str, second: str) -> int:
    """How many characters two texts begin with alike."""
    apart = (number for number, (one, other) in enumerate(zip(first, second, strict=False)) if one != other)
    return next(apart, min(len(first), len(second)))


def _from_the_loss(place: Place, target: str) -> Iterator[str]:
    """The derivatives of the penalties that the file has, of the weights that a statement's function knows."""
    for node in place.module.expressions():
        weight = _summed_squares(place, node)
        if not isinstance(weight, ast.Subscript) or place.text(weight.value) not in place.scope():
            continue
        part, around = place.text(weight)[len(place.text(weight.value)) :], place.module.statement(node)
        seen = place.scope()
        names = dict.fromkeys(n.id for n in ast.walk(around) if isinstance(n, ast.Name) and n.id in seen)
        rates = [name for name in names if is_number(seen[name].literal)]
        for rate in rates:
            yield f"{target}{part} += {rate} * {place.text(weight)}"
        for rate, count in itertools.permutations(rates, 2):
            yield f"{target}{part} += {rate} / {count} * {place.text(weight)}"


def _inserted(place: Place, text: str, beside: ast.stmt, cost: float) -> Candidate:
    """A statement after another one, or in the place of one that does nothing there."""
    idle = idle_beside(place.module, beside)
    title = f"add the derivative of the penalty: `{text}`"
    if idle is not None:
        return place.candidate(title, "missing statement", idle, text, cost)
    own = place.statement
    after = beside if place.parent(beside) is place.parent(own) and beside.lineno > own.lineno else own
    line = (after.end_lineno or after.lineno) + 1
    indent = " " * after.col_offset
    edit = Edit(place.path, line, 1, line, 1, f"{indent}{text}\n")
    return Candidate(title, "missing statement", (edit,), cost, place.path, line)


def _summed_squares(place: Place, node: ast.expr) -> ast.expr | None:
    """The array of which an expression sums the squares: `np.sum(W ** 2)`, `(W * W).sum()`, `norm(W) ** 2`."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow):
        called = node.left
        if isinstance(called, ast.Call) and _name(called) == "norm" and called.args:
            return called.args[0] if isinstance(called.args[0], _PLACES) else None
        return None
    if not isinstance(node, ast.Call) or _name(node) != "sum" or node.keywords:
        return None
    method = isinstance(node.func, ast.Attribute) and not node.args
    inner = node.func.value if isinstance(node.func, ast.Attribute) and method else next(iter(node.args), None)
    if isinstance(inner, ast.BinOp) and isinstance(inner.op, ast.Pow) and place.text(inner.right) == "2":
        return inner.left if isinstance(inner.left, _PLACES) else None
    if isinstance(inner, ast.BinOp) and isinstance(inner.op, ast.Mult):
        same = place.text(inner.left) == place.text(inner.right)
        return inner.left if same and isinstance(inner.left, _PLACES) else None
    if isinstance(inner, ast.Call) and _name(inner) == "square" and inner.args and isinstance(inner.args[0], _PLACES):
        return inner.args[0]
    return None


def _name(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


__all__ = ["lacks_a_penalty", "penalty_candidates", "penalty_statements", "summed_terms"]
