"""What the source of a function says about what it returns, and about how gradients are applied."""

from __future__ import annotations

import ast
import functools
import inspect
import textwrap
import types
from collections.abc import Iterator
from typing import Any

from shapecheck.verification.names import looks_like_gradient, looks_like_rate, words

Labels = Any  # a name, None, or a list of Labels


@functools.lru_cache(maxsize=512)
def syntax_of(function: types.FunctionType) -> ast.FunctionDef | None:
    """The `def` of a function; None where its source cannot be had."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    except (OSError, TypeError, SyntaxError, IndentationError):
        return None
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and node.name == function.__name__:
            return node
    return None


@functools.lru_cache(maxsize=512)
def _own_nodes(function: ast.FunctionDef) -> tuple[ast.AST, ...]:
    found: list[ast.AST] = []
    pending: list[ast.AST] = list(function.body)
    while pending:
        node = pending.pop(0)
        found.append(node)
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef):
            pending = [*ast.iter_child_nodes(node), *pending]
    return tuple(found)


def return_labels(function: types.FunctionType, value: Any) -> Labels:
    """The names in the `return` statement that made `value`: ["dW2", "db2"] for `return dW2, db2`.

    Args:
        function: The user's function.
        value: What it returned; a `return` of another length cannot have made it.

    Returns:
        A name for one thing, a list (nested like the value) for a tuple or list, None where the source gives no name
        or where two `return` statements disagree.
    """
    syntax = syntax_of(function)
    if syntax is None:
        return None
    found = [
        _labels(node.value, syntax, 0)
        for node in _own_nodes(syntax)
        if isinstance(node, ast.Return) and node.value is not None
    ]
    if isinstance(value, tuple | list):
        fitting = [labels for labels in found if isinstance(labels, list) and len(labels) == len(value)]
        names = [labels for labels in found if isinstance(labels, str)]
        found = fitting or names
    return found[0] if found and all(labels == found[0] for labels in found) else None


def returns_more(function: types.FunctionType, value: Any) -> bool:
    """Whether a `return` beside the one that made `value` gives a tuple: `return scores`, and `return loss, grads`."""
    syntax = syntax_of(function)
    if syntax is None or isinstance(value, tuple | list):
        return False
    return any(isinstance(node, ast.Return) and isinstance(node.value, ast.Tuple) for node in _own_nodes(syntax))


def _labels(node: ast.expr | None, within: ast.FunctionDef, depth: int) -> Labels:
    if isinstance(node, ast.Tuple | ast.List):
        return [_labels(item, within, depth) for item in node.elts]
    if isinstance(node, ast.Name):
        inner = _assigned_sequence(node.id, within, depth) if depth < 3 else None
        return inner or node.id
    if isinstance(node, ast.Attribute):
        return _labels(node.value, within, depth) if node.attr == "T" else node.attr
    if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant) and isinstance(node.slice.value, str):
        return node.slice.value
    if isinstance(node, ast.Call):
        return _label_through_call(node, within, depth)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult | ast.Div):  # dW / m, lr * dW
        sides = [_labels(side, within, depth + 1) for side in (node.left, node.right)]
        marked = [name for name in sides if isinstance(name, str) and looks_like_gradient(name)]
        return marked[0] if len(marked) == 1 else None
    if isinstance(node, ast.UnaryOp):
        return _labels(node.operand, within, depth)
    return None


def _label_through_call(node: ast.Call, within: ast.FunctionDef, depth: int) -> Labels:
    """`np.array(dW)`, `float(db)`, `dW.reshape(...)`, `tuple(grads)`: still the same thing; other calls are not."""
    same = {"array", "asarray", "float", "tuple", "list", "copy", "squeeze", "ravel", "flatten", "reshape"}
    called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    if called not in same:
        return None
    if isinstance(node.func, ast.Attribute) and getattr(node.func.value, "id", "") not in {"np", "numpy"}:
        return _labels(node.func.value, within, depth + 1)
    return _labels(node.args[0], within, depth + 1) if node.args else None


def _assigned_sequence(name: str, within: ast.FunctionDef, depth: int) -> Labels:
    """Labels of `name` where it was assigned a tuple or list of names: `grads = [dW1, db1]`."""
    assigned = [
        node.value
        for node in _own_nodes(within)
        if isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == name for t in node.targets)
    ]
    if len(assigned) == 1 and isinstance(assigned[0], ast.Tuple | ast.List) and assigned[0].elts:
        return [_labels(item, within, depth + 1) for item in assigned[0].elts]
    return None


def item_labels(function: types.FunctionType, name: str) -> list[str | None] | None:
    """Names of the parts of each item of a list `name`: ["dW", "db"] for `name.append((dW, db))`."""
    syntax = syntax_of(function)
    if syntax is None:
        return None
    found: list[Labels] = []
    for node in _own_nodes(syntax):
        value: ast.expr | None = None
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args:
            if getattr(node.func.value, "id", getattr(node.func.value, "attr", "")) == name:
                value = node.args[-1] if node.func.attr in {"append", "insert", "appendleft"} else None
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Subscript):
            target = node.targets[0].value
            if getattr(target, "id", getattr(target, "attr", "")) == name:
                value = node.value
        if isinstance(value, ast.Tuple | ast.List):
            found.append([_labels(item, syntax, 0) for item in value.elts])
    return found[0] if found and all(labels == found[0] for labels in found) else None


def assigned_labels(function: types.FunctionType, name: str) -> Labels:
    """Labels of a tuple, list or dict that a function assigns to `name`: `cache = (x, w, b)` -> ["x", "w", "b"]."""
    syntax = syntax_of(function)
    return None if syntax is None else _assigned_sequence(name, syntax, 0)


def update_signs(function: types.FunctionType, gradients: set[str], parameters: set[str]) -> set[int]:
    """How the code around a function applies its gradients: {-1} for `W -= lr * dW`, {+1} for `W += lr * dW`.

    Args:
        function: The function that computes the gradients; its whole module is read.
        gradients: Names that the gradients go by, `dW1`, `grads`...
        parameters: Names that the parameters go by, `W1`, `weights`...

    Returns:
        The signs met, empty where no update was found; those in the function's own class, where there are some.
    """
    for nodes in (_class_nodes(function), _module_nodes(function)):
        signs = {_update_sign(node, gradients, parameters) for node in nodes} - {0}
        if signs:
            return signs
    return set()


def updates_divide(function: types.FunctionType, gradients: set[str], parameters: set[str]) -> bool:
    """Whether the code around a function divides its gradients when it applies them: `W -= lr / len(batch) * dW`.

    Args:
        function: The function that computes the gradients; its whole module is read.
        gradients: Names that the gradients go by.
        parameters: Names that the parameters go by.
    """
    return any(
        isinstance(inner, ast.Div)
        for node in _module_nodes(function)
        if _update_sign(node, gradients, parameters)
        for inner in ast.walk(node)
    )


def _module_nodes(function: types.FunctionType) -> Iterator[ast.AST]:
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(inspect.getmodule(function) or function)))
    except (OSError, TypeError, SyntaxError):
        return iter(())
    return ast.walk(tree)


def _class_nodes(function: types.FunctionType) -> Iterator[ast.AST]:
    """The code of the class that a method belongs to: another one of the module may do it the other way round."""
    line = function.__code__.co_firstlineno
    around = [
        node
        for node in _module_nodes(function)
        if isinstance(node, ast.ClassDef) and node.lineno <= line <= (node.end_lineno or 0)
    ]
    return ast.walk(around[-1]) if around else iter(())


def _update_sign(node: ast.AST, gradients: set[str], parameters: set[str]) -> int:
    target: ast.expr
    if isinstance(node, ast.AugAssign) and isinstance(node.op, ast.Add | ast.Sub):
        target, step = node.target, node.value
        sign = 1 if isinstance(node.op, ast.Add) else -1
    elif isinstance(node, ast.Assign) and isinstance(node.value, ast.BinOp):
        if not isinstance(node.value.op, ast.Add | ast.Sub):
            return 0
        target, step = node.targets[0], node.value.right
        sign = 1 if isinstance(node.value.op, ast.Add) else -1
        if not _mentions(node.value.left, _names(target)):
            return 0
    else:
        return 0
    if _updates(target, step, gradients, parameters):
        return sign * (-1 if _is_negative(step) else 1)
    return 0


def _updates(target: ast.expr, step: ast.expr, gradients: set[str], parameters: set[str]) -> bool:
    """Whether a parameter is changed by a gradient here, and not a gradient by a part of itself (`dW += ...`)."""
    names = _names(target)
    stepped = _names(step)
    if names & gradients:
        return False
    if stepped & gradients and any(looks_like_rate(name) for name in stepped):
        return True
    return bool(names & parameters) and bool(stepped & gradients)


def _is_negative(step: ast.expr) -> bool:
    while isinstance(step, ast.BinOp) and isinstance(step.op, ast.Mult | ast.Div):
        step = step.left
    return isinstance(step, ast.UnaryOp) and isinstance(step.op, ast.USub)


def _names(node: ast.AST) -> set[str]:
    return {
        n.id if isinstance(n, ast.Name) else n.attr for n in ast.walk(node) if isinstance(n, ast.Name | ast.Attribute)
    } - {"self", "np", "numpy"} | {
        n.value for n in ast.walk(node) if isinstance(n, ast.Constant) and isinstance(n.value, str) and words(n.value)
    }


def _mentions(node: ast.AST, names: set[str]) -> bool:
    return bool(_names(node) & names)


def returned_sequences(function: types.FunctionType) -> list[list[str | None]]:
    """Labels of the tuples inside `return` statements: [["x", "w", "b"]] for `return out, (x, w, b)`."""
    syntax = syntax_of(function)
    found: list[list[str | None]] = []
    for node in _own_nodes(syntax) if syntax is not None else ():
        if isinstance(node, ast.Return) and isinstance(node.value, ast.Tuple):
            for item in node.value.elts:
                labels = _labels(item, syntax, 0) if syntax is not None else None
                if isinstance(labels, list):
                    found.append(labels)
    return found


def plain_assignment(function: types.FunctionType, name: str) -> str | None:
    """The argument that a function keeps under another name: `x` for `cache = x` or for `return out, x`."""
    syntax = syntax_of(function)
    if syntax is None:
        return None
    arguments = {argument.arg for argument in (*syntax.args.args, *syntax.args.kwonlyargs)}
    for node in _own_nodes(syntax):
        if not (isinstance(node, ast.Assign) and isinstance(node.value, ast.Name) and node.value.id in arguments):
            continue
        if any(isinstance(target, ast.Name) and target.id == name for target in node.targets):
            return node.value.id
    for node in _own_nodes(syntax):
        if isinstance(node, ast.Return) and isinstance(node.value, ast.Tuple) and len(node.value.elts) == 2:
            last = node.value.elts[1]
            if isinstance(last, ast.Name) and last.id in arguments:
                return last.id
    return None
