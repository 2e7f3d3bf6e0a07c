"""Items of lists and dictionaries (`self.W[l]`, `cache["A" + str(l - 1)]`) that may be meant: texts, and no more.

Whether there is such an item where a statement stands is for others to find out.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from shapecheck.repair.candidate import Place

_MOST_COUNTERS, _MOST_CONTAINERS = 2, 10
_GOING_OVER = frozenset({"zip", "enumerate", "reversed"})
_FILLING = frozenset({"append", "insert"})


def items_as_written(place: Place) -> Iterator[str]:
    """Items of containers as the file writes them (`cache["A" + str(l - 1)]`, `self.W[i]`), and their neighbours."""
    written: dict[str, ast.Subscript] = {}
    for node in place.module.expressions():
        if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name | ast.Attribute | ast.Subscript):
            constant = isinstance(node.slice, ast.Constant | ast.Slice | ast.Tuple | ast.UnaryOp)
            nested = isinstance(node.value, ast.Subscript) and isinstance(node.value.slice, ast.Name | ast.BinOp)
            if nested or (not constant and isinstance(node.slice, ast.BinOp | ast.JoinedStr | ast.Name)):
                written.setdefault(place.text(node), node)
    yield from written
    for text, node in written.items():
        for index in (n for n in ast.walk(node.slice) if isinstance(n, ast.Name) and _counts(place, n)):
            counted: str = index.id
            own: ast.expr = index
            around: ast.AST | None = place.parent(index)
            if isinstance(around, ast.UnaryOp) and isinstance(around.op, ast.USub):  # from the end: `W[-l + 1]`
                counted, own = f"-{index.id}", around
                around = place.parent(around)
            shifted = isinstance(around, ast.BinOp) and isinstance(around.right, ast.Constant)
            for shift in ("",) if shifted else (" + 1", " - 1"):
                old = around if shifted and around is not None else own
                new = _replaced(place, node, old, f"{counted}{shift}")
                if new != text:
                    yield new
        yield from _of_other_names(place, node)


def items_by_counter(place: Place) -> Iterator[str]:
    """Items of what the file takes items of, goes over or fills, by this function's own counters: `W[l]` beside `z[l]`.

    Elsewhere the same lists may be gone through in another way: `for W, b in zip(self.W, self.b)`.
    """
    function = place.module.enclosing_function(place.statement)
    counters: dict[str, None] = {}
    containers: dict[str, None] = dict.fromkeys(_given_for_nothing(function))
    for node in place.module.expressions():
        if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name | ast.Attribute):
            containers[place.text(node.value)] = None
            if place.module.enclosing_function(place.module.statement(node)) is function:
                names = (n for n in ast.walk(node.slice) if isinstance(n, ast.Name))
                counters.update(dict.fromkeys(n.id for n in names if _is_counter(place, n)))
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _GOING_OVER:
            gone_over = (a for a in node.args if isinstance(a, ast.Attribute | ast.Name))
            containers.update(dict.fromkeys(place.text(a) for a in gone_over))
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _FILLING:
            if isinstance(node.func.value, ast.Attribute | ast.Name):
                containers[place.text(node.func.value)] = None
    for counter in list(counters)[:_MOST_COUNTERS]:
        for container in list(containers)[:_MOST_CONTAINERS]:
            yield from (f"{container}[{counter}{shift}]" for shift in ("", " - 1", " + 1") if container != counter)


def _given_for_nothing(function: ast.AST | None) -> list[str]:
    """The arguments that a function never reads: what it lacks may be an item of one."""
    if not isinstance(function, ast.FunctionDef):
        return []
    read = {n.id for n in ast.walk(function) if isinstance(n, ast.Name)}
    return [
        a.arg for a in (*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs) if a.arg not in read
    ]


def items_as_stored(place: Place) -> Iterator[str]:
    """The same part of other arrays as the statement assigns to: `g[:, k]` beside `dW[:, k] = ...`."""
    statement = place.statement
    target = statement.targets[0] if isinstance(statement, ast.Assign) else getattr(statement, "target", None)
    if not isinstance(target, ast.Subscript):
        return
    index = place.text(target)[len(place.text(target.value)) :]
    for name, seen in list(place.scope().items()):
        if len(seen.shape or ()) > 1 and name != place.text(target.value):
            yield f"{name}{index}"


def _is_counter(place: Place, node: ast.Name) -> bool:
    """Whether a name in an index goes over whole numbers."""
    if not _counts(place, node):
        return False
    seen = place.scope().get(node.id)
    if not place.looked and (seen is None or seen.literal is None):
        return True  # before anybody has looked, what a name holds is a guess
    return seen is not None and isinstance(seen.literal, int) and not isinstance(seen.literal, bool)


def _of_other_names(place: Place, node: ast.Subscript) -> Iterator[str]:
    """Items of a dictionary by another name with the same number: `g["db" + str(l)]` beside `g["dW" + str(l)]`."""
    first = node.slice.left if isinstance(node.slice, ast.BinOp) and isinstance(node.slice.op, ast.Add) else None
    if not isinstance(first, ast.Constant) or not isinstance(first.value, str):
        return
    container = place.look(place.text(node.value))
    if container is None:
        return
    keys = [key for key, _ in container.elements if isinstance(key, str) and key[-1:].isdecimal()]
    for name in dict.fromkeys(key.rstrip("0123456789") for key in keys):
        if name != first.value:
            yield _replaced(place, node, first, f'"{name}"')


def _counts(place: Place, name: ast.Name) -> bool:
    """Whether a name may be a counter: it is no function that is called."""
    call = place.parent(name)
    return not (isinstance(call, ast.Call) and call.func is name)


def _replaced(place: Place, node: ast.expr, part: ast.AST, text: str) -> str:
    """The text of an expression of one line with a part of it replaced."""
    line, column, end_line, _ = place.source.place(node)
    first, start, last, end = place.source.place(part)
    whole = place.text(node)
    if line != end_line or first != line or last != line:
        return whole
    return whole[: start - column] + text + whole[end - column :]


__all__ = ["items_as_stored", "items_as_written", "items_by_counter"]
