"""What could be the rate of a step that is not there: numbers that nobody reads, and the rates of other steps."""

from __future__ import annotations

import ast
from collections.abc import Collection

from shapecheck.repair.desk import Desk

# Where the program has no number that waits to be the rate: so large at first, as long as the loss falls.
RATES = ("0.1", "0.01", "0.001")
_MOST = 5


def rates(desk: Desk, node: ast.AST, numbers: Collection[str]) -> list[str]:
    """Numbers that wait to be the rate, those first that the function is given; then some to begin with.

    Args:
        desk: Of the file.
        node: Where the rate is wanted.
        numbers: The expressions that hold a number there.
    """
    function = desk.module.enclosing_function(node)
    here = _waiting(desk, function or desk.module.tree)
    given = [a.arg for a in (*function.args.args, *function.args.kwonlyargs)] if function is not None else []
    waiting = [name for name in given if name in here and name != "self"]
    waiting += [name for name in here if name not in given]
    waiting += _stepping(desk, function or desk.module.tree)
    if function is not None:
        waiting += _waiting(desk, desk.module.tree, own=False)
        waiting += _attributes(desk) if "self" in given else []
    return [*(name for name in dict.fromkeys(waiting) if _is_a_number(name, numbers)), *RATES][:_MOST]


def _waiting(desk: Desk, scope: ast.AST, *, own: bool = True) -> list[str]:
    """Names that a function is given or sets to a fraction, and nobody reads."""
    names = [n for n in ast.walk(scope if own else desk.module.tree) if isinstance(n, ast.Name)]
    read = {n.id for n in names if isinstance(n.ctx, ast.Load)}
    stored = [n for n in names if isinstance(n.ctx, ast.Store) and _is_fraction(desk, n)]
    stored = stored if own else [n for n in stored if desk.module.enclosing_function(n) is None]
    arguments = ast.walk(scope.args) if isinstance(scope, ast.FunctionDef) else ()
    given = [a.arg for a in arguments if isinstance(a, ast.arg)]
    return [name for name in dict.fromkeys((*given, *(n.id for n in stored))) if name not in read]


def _stepping(desk: Desk, scope: ast.AST) -> list[str]:
    """What other arrays are stepped with there: `rate` of `b -= rate * db`, `eta / n` of `b = b - eta / n * db`."""
    steps = [n.value for n in ast.walk(scope) if isinstance(n, ast.AugAssign) and isinstance(n.op, ast.Sub | ast.Add)]
    steps += [n.right for n in ast.walk(scope) if isinstance(n, ast.BinOp) and isinstance(n.op, ast.Sub)]
    steps += [n.args[-1] for n in ast.walk(scope) if isinstance(n, ast.Call) and desk.text(n.func).endswith(".at")]
    factors = [n.left for n in steps if isinstance(n, ast.BinOp) and isinstance(n.op, ast.Mult)]
    return [desk.text(n) for n in factors]


def _is_a_number(text: str, numbers: Collection[str]) -> bool:
    """Whether an expression is made of numbers that are at hand, and lengths."""
    node = ast.parse(text, mode="eval").body
    if isinstance(node, ast.BinOp):
        return all(_is_a_number(ast.unparse(side), numbers) for side in (node.left, node.right))
    if isinstance(node, ast.Call):
        return isinstance(node.func, ast.Name) and node.func.id == "len"
    return text in numbers or (isinstance(node, ast.Constant) and type(node.value) in {int, float})


def _attributes(desk: Desk) -> list[str]:
    """Attributes of `self` that are set and never read."""
    nodes = [n for n in ast.walk(desk.module.tree) if isinstance(n, ast.Attribute)]
    read = {n.attr for n in nodes if isinstance(n.ctx, ast.Load)}
    return [f"self.{n.attr}" for n in nodes if n.attr not in read and desk.text(n.value) == "self"]


def _is_fraction(desk: Desk, name: ast.Name) -> bool:
    statement = desk.module.parents.get(name)
    value = statement.value if isinstance(statement, ast.Assign) else None
    return isinstance(value, ast.Constant) and isinstance(value.value, float)


__all__ = ["RATES", "rates"]
