"""Rows that are all one object: `[[0.0] * n] * m` holds a single list, `[np.zeros(n)] * m` a single array, m times.

What is put into one of them is in all.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from shapecheck.diagnose.course import Course, quoted
from shapecheck.diagnose.finding import Finding, TrailStep
from shapecheck.diagnose.trail import node_span
from shapecheck.trace.sites import SourceText

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)


def one_list(course: Course) -> list[Finding]:
    """Lists that hold one row several times and are written into, row by row, while the program ran."""
    written = {(site.path, site.line) for site in map(course.tape.sites.__getitem__, range(len(course.tape.sites)))}
    arrays = _array_calls(course)
    found = []
    for path, source in course.trace.sources.items():
        try:
            tree = ast.parse(source.text)
        except (SyntaxError, ValueError):
            continue
        rows: dict[tuple[ast.BinOp, str], dict[str, ast.stmt]] = {}
        for name, made, row in _lists_of_one_row(tree):
            is_array = isinstance(row, ast.Call)
            if is_array and (path, *source.place(row)) not in arrays:
                continue
            stores = [store for store in _row_stores(tree, name, is_array) if (path, store.lineno) in written]
            if stores:
                rows.setdefault((made, "array" if is_array else "list"), {})[ast.unparse(name)] = stores[0]
        found += [_finding(source, made, stores, kind) for (made, kind), stores in rows.items()]
    return found


def _array_calls(course: Course) -> set[tuple[str, int, int, int, int]]:
    """Where the program called what gave an array."""
    tape = course.tape
    made = (tape.sites[o.site] for o in tape.operations if o.site is not None and tape.values[o.result].shape)
    calls = (site for site in made if isinstance(site.node, ast.Call))
    return {(s.path, s.line, s.column, s.end_line, s.end_column) for s in calls}


def _lists_of_one_row(tree: ast.Module) -> Iterator[tuple[ast.expr, ast.BinOp, ast.expr]]:
    """(what it is assigned to, the expression, the row) of each list that holds one row several times."""
    handed: dict[str, tuple[ast.BinOp, ast.expr]] = {}
    for function in (n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef)):
        for node in ast.walk(function):
            if isinstance(node, ast.Return) and (made := _of_one_row(node.value)) is not None:
                handed[function.name] = made
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and len(node.targets) == 1:
            called = node.value.func if isinstance(node.value, ast.Call) else None
            name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
            made = _of_one_row(node.value) or handed.get(name)
            if made is not None:
                yield node.targets[0], *made


def _of_one_row(node: ast.expr | None) -> tuple[ast.BinOp, ast.expr] | None:
    """The expression, and the row, if it puts one and the same list or array into a list more than once."""
    if not isinstance(node, ast.BinOp) or not isinstance(node.op, ast.Mult):
        return None
    for outer, count in ((node.left, node.right), (node.right, node.left)):
        if isinstance(outer, ast.List) and len(outer.elts) == 1 and not isinstance(count, ast.List):
            once = isinstance(count, ast.Constant) and count.value in {0, 1}
            row = outer.elts[0]
            return (node, row) if (isinstance(row, ast.Call) or _is_list(row)) and not once else None
    return None


def _is_list(node: ast.expr) -> bool:
    repeated = isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult)
    parts = (node.left, node.right) if isinstance(node, ast.BinOp) and repeated else (node,)
    return any(isinstance(part, ast.List | ast.ListComp) for part in parts)


def _row_stores(tree: ast.Module, name: ast.expr, is_array: bool) -> list[ast.stmt]:
    """The statements that put a number into a row; none where rows are exchanged for others as well.

    An array is changed in place by `rows[k] += ...` as well.
    """
    said, scope = ast.unparse(name), _scope(tree, name)
    stores: list[ast.stmt] = []
    for node in ast.walk(scope):
        targets = node.targets if isinstance(node, ast.Assign) else []
        targets = [node.target] if isinstance(node, ast.AugAssign) else targets
        for target in targets:
            if not isinstance(target, ast.Subscript):
                continue
            if ast.unparse(target.value) == said:
                if not is_array or not isinstance(node, ast.AugAssign):
                    return []
                stores.append(node)
            row = target.value
            if isinstance(row, ast.Subscript) and ast.unparse(row.value) == said and isinstance(node, ast.stmt):
                stores.append(node)
    return stores


def _scope(tree: ast.Module, name: ast.expr) -> ast.AST:
    """Where a name means the same: its function; for an attribute, the whole file."""
    if not isinstance(name, ast.Name):
        return tree
    around = [f for f in ast.walk(tree) if isinstance(f, _FUNCTIONS) and any(n is name for n in ast.walk(f))]
    return around[-1] if around else tree


def _finding(source: SourceText, made: ast.BinOp, stores: dict[str, ast.stmt], kind: str) -> Finding:
    names, text = list(stores), " ".join(source.slice(*source.place(made)).split())
    cause, rows = node_span(source, made), "rows" if kind == "list" else "items"
    return Finding(
        code="SC404",
        severity="error",
        title=f"the {rows} of {quoted(names)} are all one {kind}",
        message=f"`{text}` makes one {kind} and lists it several times: what is put into one is in all of them; make "
        f"{'a list' if kind == 'list' else 'an array'} of its own for each",
        location=cause,
        cause=cause,
        parameters=tuple(names),
        trail=tuple(TrailStep(node_span(source, store), "here it is written into") for store in stores.values()),
    )


__all__ = ["one_list"]
