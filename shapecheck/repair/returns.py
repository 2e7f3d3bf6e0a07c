"""Candidates at what a function hands back: another result, the last of a list that it filled, a result it dropped."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from shapecheck.repair.candidate import Candidate, Place
from shapecheck.trace.failure import Seen

_NO_RESULT = frozenset("print append extend insert seed update clear pop sort shuffle fill".split())


def return_candidates(place: Place, node: ast.expr) -> Iterator[Candidate]:
    """The last array of a list in scope in the place of a returned name."""
    statement = place.statement
    if not isinstance(statement, ast.Return) or statement.value is None:
        return
    returned = statement.value
    if node is not returned:
        return
    unchanged = isinstance(returned, ast.Name) and _hands_back_its_input(place, returned.id)
    # A function that computes something and hands back its own input is suspicious however far away it is.
    near = 0.7 - 0.25 * min(place.distance, 8) if unchanged else 1.5
    for text in _lists_of_arrays(place):
        title = f"return `{text}[-1]`, the last of what was kept"
        cost = near if _is_filled(place, text) else near + 0.9
        yield place.candidate(title, "return", returned, f"{text}[-1]", cost)
    if isinstance(returned, ast.Name):
        yield from _dropped_results(place, returned.id)


def _hands_back_its_input(place: Place, name: str) -> bool:
    """Whether the function returns a parameter of its own, or a name that only ever held one."""
    function = place.module.enclosing_function(place.statement)
    if function is None:
        return False
    parameters = {a.arg for a in function.args.args}
    values = [
        node.value
        for node in ast.walk(function)
        if isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == name for t in node.targets)
    ]
    if any(isinstance(node, ast.AugAssign) and ast.unparse(node.target) == name for node in ast.walk(function)):
        return False
    return all(isinstance(v, ast.Name) and v.id in parameters for v in values) and (bool(values) or name in parameters)


def _lists_of_arrays(place: Place) -> list[str]:
    found = [name for name, seen in place.locals().items() if _holds_arrays(seen)]
    owner = place.scope().get("self")
    if owner is not None:
        used = ast.unparse(place.module.enclosing_function(place.statement) or place.statement)
        found += [f"self.{name}" for name, seen in owner.attributes if _holds_arrays(seen) and f"self.{name}" in used]
    return found[:8]


def _is_filled(place: Place, text: str) -> bool:
    """Whether the function itself puts arrays into the list."""
    function = place.module.enclosing_function(place.statement)
    for node in ast.walk(function) if function is not None else ():
        if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store) and ast.unparse(node.value) == text:
            return True
        if isinstance(node, ast.Call) and ast.unparse(node.func) == f"{text}.append":
            return True
    return False


def _holds_arrays(seen: Seen) -> bool:
    shapes = [element.shape for _, element in seen.elements]
    return seen.type == "list" and bool(shapes) and all(shape for shape in shapes)


def _dropped_results(place: Place, name: str) -> Iterator[Candidate]:
    """A call whose result nobody took: give it to the returned name, and to the list that its first value went to."""
    function = place.module.enclosing_function(place.statement)
    if function is None:
        return
    for statement in ast.walk(function):
        if not isinstance(statement, ast.Expr) or not isinstance(statement.value, ast.Call):
            continue
        func = statement.value.func
        called = func.attr if isinstance(func, ast.Attribute) else getattr(func, "id", "")
        if called in _NO_RESULT:
            continue
        call = place.text(statement.value)
        yield place.candidate(f"keep the result of `{call}`", "result", statement.value, f"{name} = {call}", 1.1)
        kept = _first_stored(function, name)
        counter = _loop_counter(place, statement)
        if kept is not None and counter is not None:
            text = f"{name} = {kept}[{counter} + 1] = {call}"
            title = f"keep the result of `{call}` for the next layer"
            yield place.candidate(title, "result", statement.value, text, 0.9)


def _first_stored(function: ast.AST, name: str) -> str | None:
    """`xs` where the function starts with `xs[0] = name`."""
    for node in ast.walk(function):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Subscript):
            target = node.targets[0]
            first = isinstance(target.slice, ast.Constant) and target.slice.value == 0
            if first and isinstance(node.value, ast.Name) and node.value.id == name:
                return ast.unparse(target.value)
    return None


def _loop_counter(place: Place, statement: ast.stmt) -> str | None:
    node: ast.AST | None = place.module.parents.get(statement)
    while node is not None and not isinstance(node, ast.FunctionDef):
        if isinstance(node, ast.For):
            target = node.target.elts[0] if isinstance(node.target, ast.Tuple) and node.target.elts else node.target
            iterates = ast.unparse(node.iter)
            if isinstance(target, ast.Name) and iterates.startswith(("range(", "enumerate(")):
                return target.id
        node = place.module.parents.get(node)
    return None
