"""Candidates for whole statements: mistakes of dataflow that no change of one expression mends."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from shapecheck.repair.candidate import Candidate, Place
from shapecheck.repair.products import as_product, transposed


def statement_candidates(place: Place) -> Iterator[Candidate]:
    """Other ways to write a suspicious statement."""
    yield from _entry_by_entry(place)
    yield from _scattered(place)
    yield from _contracted_jacobian(place)
    yield from _part_only(place)
    yield from _one_for_each(place)
    yield from _left_out(place)
    if place.distance <= 2:
        yield from _other_order(place)


def _indent(place: Place, statement: ast.stmt) -> str:
    return place.source.lines[statement.lineno - 1][: statement.col_offset]


def _lines(place: Place, *lines: str) -> str:
    return f"\n{_indent(place, place.statement)}".join(lines)


def _statement(place: Place, title: str, kind: str, text: str, cost: float) -> Candidate:
    return place.candidate(title, kind, place.statement, text, cost)


def _entry_by_entry(place: Place) -> Iterator[Candidate]:
    """`if z > 0: return z else: return 0 * z` for numbers, as `np.where` for arrays."""
    where = place.numpy_function("where")
    if where is None:
        return
    for node in ast.walk(place.statement):
        if isinstance(node, ast.IfExp) and isinstance(node.test, ast.Compare):
            chosen = f"{where}({place.text(node.test)}, {place.text(node.body)}, {place.text(node.orelse)})"
            yield place.candidate("decide entry by entry", "where", node, chosen, 0.6)
    statement = place.statement
    if not isinstance(statement, ast.If) or len(statement.body) != 1:
        return
    orelse = statement.orelse or _following(place, statement)[:1]
    if len(orelse) != 1:
        return
    first, second = statement.body[0], orelse[0]
    text: str | None = None
    if isinstance(first, ast.Return) and isinstance(second, ast.Return) and first.value and second.value:
        text = f"return {where}({place.text(statement.test)}, {place.text(first.value)}, {place.text(second.value)})"
    elif isinstance(first, ast.Assign) and isinstance(second, ast.Assign):
        target = place.text(first.targets[0])
        if target == place.text(second.targets[0]):
            values = f"{place.text(first.value)}, {place.text(second.value)}"
            text = f"{target} = {where}({place.text(statement.test)}, {values})"
    if text is not None:
        edit = place.edit(statement, text)
        yield Candidate("decide entry by entry", "where", (edit,), 0.6, place.path, edit.line)


def _following(place: Place, statement: ast.stmt) -> list[ast.stmt]:
    """The statements after one in its block."""
    block = _block(place, statement)
    return block[block.index(statement) + 1 :] if statement in block else []


def _block(place: Place, statement: ast.stmt) -> list[ast.stmt]:
    parent = place.parent(statement)
    for name in ("body", "orelse", "finalbody"):
        block = getattr(parent, name, None)
        if isinstance(block, list) and statement in block:
            return block
    return []


def _scattered(place: Place) -> Iterator[Candidate]:
    """The gradient of rows that were looked up: added into the rows, instead of multiplied by their numbers."""
    statement = place.statement
    add_at, zeros = place.numpy_function("add"), place.numpy_function("zeros_like")
    if not isinstance(statement, ast.Assign | ast.AugAssign) or add_at is None or zeros is None:
        return
    for node in ast.walk(statement.value):
        product = as_product(place, node) if isinstance(node, ast.expr) else None
        if product is None or not product.matrix:
            continue
        index = transposed(place, product.left)
        looked_up = place.look(index)
        if (
            looked_up is None
            or looked_up.dtype is None
            or looked_up.dtype[:3] not in {"int", "uin"}
            or not looked_up.shape
        ):
            continue
        gradient = place.shape(product.right)
        text = place.text(product.right)
        if gradient is not None and len(gradient) != len(looked_up.shape) + 1:
            text = f"{place.atom(product.right)}.reshape({index}.shape + (-1,))"
        for table in _tables(place):
            yield from _scatter(place, node, table, index, text)


def _tables(place: Place) -> list[str]:
    """Arrays of which rows are looked up somewhere in the file: `W` of `W[ids]`."""
    found: list[str] = []
    for node in ast.walk(place.module.tree):
        if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name | ast.Attribute):
            index = place.surroundings.seen(place.path, node.slice)
            whole = index is not None and index.dtype is not None and index.dtype[:3] in {"int", "uin"} and index.shape
            text = place.text(node.value)
            known = place.look(text)
            if known is not None and known.shape is not None and len(known.shape) == 2 and text not in found:
                if (whole or index is None) and known.dtype is not None and known.dtype[:5] == "float":
                    found.append(text)
    return found[:4]


def _scatter(place: Place, product: ast.AST, table: str, index: str, gradient: str) -> Iterator[Candidate]:
    statement = place.statement
    title = f"add the gradient into the rows of `{table}` that were looked up"
    if isinstance(statement, ast.Assign) and product is statement.value and len(statement.targets) == 1:
        target = place.text(statement.targets[0])
        lines = (
            f"{target} = {place.numpy()}.zeros_like({table})",
            f"{place.numpy()}.add.at({target}, {index}, {gradient})",
        )
        yield _statement(place, title, "scatter", _lines(place, *lines), 0.7)
    elif isinstance(statement, ast.AugAssign) and isinstance(statement.op, ast.Sub | ast.Add):
        if place.text(statement.target) == table:
            whole, part = place.text(statement.value), place.text(product)
            sign = "-" if isinstance(statement.op, ast.Sub) else ""
            step = f"{sign}({whole.replace(part, gradient, 1)})"
            yield _statement(place, title, "scatter", f"{place.numpy()}.add.at({table}, {index}, {step})", 0.7)


def _contracted_jacobian(place: Place) -> Iterator[Candidate]:
    """`diagflat(s) - s s^T` of a whole batch, which is never multiplied with what comes from above."""
    statement = place.statement
    if not isinstance(statement, ast.Return | ast.Assign) or not isinstance(statement.value, ast.BinOp):
        return
    value = statement.value
    if not isinstance(value.op, ast.Sub) or not isinstance(value.left, ast.Call) or not value.left.args:
        return
    name = value.left.func.attr if isinstance(value.left.func, ast.Attribute) else getattr(value.left.func, "id", "")
    function = place.module.enclosing_function(statement)
    total = place.numpy_function("sum")
    if name not in {"diagflat", "diag"} or function is None or total is None:
        return
    s = place.text(value.left.args[0])
    removed = _reshaping(place, statement, s)
    for upstream in [a.arg for a in function.args.args if a.arg not in {"self", "cls", s}]:
        for axis in (0, 1):
            text = f"{s} * ({upstream} - {total}({upstream} * {s}, axis={axis}, keepdims=True))"
            edits = [place.edit(value, text)]
            if removed is not None:
                line, _, end_line, _ = place.source.place(removed)
                edits.insert(0, type(edits[0])(place.path, line, 1, end_line + 1, 1, ""))
            unused = not any(
                isinstance(n, ast.Name) and n.id == upstream for n in ast.walk(ast.Module(function.body, []))
            )
            title = f"multiply the slope of the softmax with `{upstream}`, sample by sample"
            cost = (0.6 if unused else 1.2) + 0.25 * min(place.distance, 8) + 0.1 * axis
            yield Candidate(title, "jacobian", tuple(edits), cost, place.path, edits[0].line)


def _reshaping(place: Place, statement: ast.stmt, name: str) -> ast.stmt | None:
    """The statement just before that makes a column of a name."""
    block = _block(place, statement)
    before = block[block.index(statement) - 1] if statement in block and block.index(statement) else None
    if (
        isinstance(before, ast.Assign)
        and place.text(before.targets[0]) == name
        and "reshape" in place.text(before.value)
    ):
        return before
    return None


def _part_only(place: Place) -> Iterator[Candidate]:
    """`G + c * W[:, 1:]`, where the second term belongs to some of the columns only."""
    statement = place.statement
    left: ast.expr
    right: ast.expr
    if isinstance(statement, ast.AugAssign) and isinstance(statement.op, ast.Add | ast.Sub):
        left, right = statement.target, statement.value
    elif isinstance(statement, ast.Assign) and isinstance(statement.value, ast.BinOp) and len(statement.targets) == 1:
        if not isinstance(statement.value.op, ast.Add | ast.Sub):
            return
        left, right = statement.value.left, statement.value.right
    else:
        return
    pairs = [(left, right)]
    if (
        isinstance(statement, ast.Assign)
        and isinstance(statement.value, ast.BinOp)
        and isinstance(statement.value.op, ast.Add)
    ):
        pairs.append((right, left))
    operator = statement.op if isinstance(statement, ast.AugAssign) else statement.value.op  # type: ignore[attr-defined]
    symbol = "-=" if isinstance(operator, ast.Sub) else "+="
    for whole, part in pairs:
        shape, smaller = place.shape(whole), place.shape(part)
        for node in ast.walk(part):
            if not isinstance(node, ast.Subscript) or not shape or not smaller or len(shape) != len(smaller):
                continue
            index = place.text(node.slice)
            if ":" not in index or sum(a != b for a, b in zip(shape, smaller, strict=True)) != 1:
                continue
            title = f"add `{place.text(part)}` to the part that it belongs to"
            if isinstance(statement, ast.AugAssign):
                text = f"{place.atom(statement.target)}[{index}] {symbol} {place.text(part)}"
            else:
                target = place.text(statement.targets[0])
                start = place.text(whole) + (
                    ".copy()" if isinstance(whole, ast.Name | ast.Attribute | ast.Subscript) else ""
                )
                text = _lines(place, f"{target} = {start}", f"{target}[{index}] {symbol} {place.text(part)}")
            yield _statement(place, title, "part", text, 0.5)


def _one_for_each(place: Place) -> Iterator[Candidate]:
    """`[zeros_like(W[0])] * len(W)`: one for each, each of its own shape."""
    for node in ast.walk(place.statement):
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult) and isinstance(node.left, ast.List):
            if len(node.left.elts) != 1:
                continue
            element = node.left.elts[0]
            for inner in ast.walk(element):
                if isinstance(inner, ast.Subscript) and isinstance(inner.slice, ast.Constant):
                    made = place.text(element).replace(place.text(inner), "item")
                    text = f"[{made} for item in {place.text(inner.value)}]"
                    yield place.candidate("make one for each, of its own shape", "each", node, text, 0.6)
        if isinstance(node, ast.ListComp) and len(node.generators) == 1:
            generator = node.generators[0]
            for inner in ast.walk(node.elt):
                fixed = isinstance(inner, ast.Subscript) and isinstance(inner.slice, ast.Constant)
                if fixed and isinstance(generator.target, ast.Name) and isinstance(inner, ast.Subscript):
                    if place.text(inner.value) == place.text(generator.iter):
                        text = generator.target.id
                        yield place.candidate(f"use `{text}`, which differs each time", "each", inner, text, 0.8)


def _left_out(place: Place) -> Iterator[Candidate]:
    """Values that were computed and are never used, joined with the others."""
    unused = [n for n in place.unused() if (seen := place.scope().get(n)) is None or seen.shape][:4]
    if not unused:
        return
    for node in ast.walk(place.statement):
        if not isinstance(node, ast.Call) or not node.args or not isinstance(node.args[0], ast.List | ast.Tuple):
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if name not in {"concatenate", "hstack", "append", "vstack"}:
            continue
        parts = [place.text(e) for e in node.args[0].elts]
        flat = any(".ravel()" in part or ".flatten()" in part for part in parts)
        added = [f"{u}.ravel()" if flat else u for u in unused]
        orders = []
        if len(parts) == len(added):
            orders += [[t for pair in zip(parts, new, strict=True) for t in pair] for new in (added, added[::-1])]
        orders += [parts + added, parts + added[::-1]] if len(added) > 1 else [parts + added]
        opening, closing = ("[", "]") if isinstance(node.args[0], ast.List) else ("(", ")")
        for number, order in enumerate(orders):
            title = "join " + ", ".join(f"`{u}`" for u in unused) + " too"
            text = opening + ", ".join(order) + closing
            yield place.candidate(title, "joined", node.args[0], text, 0.6 + 0.1 * number)


def _other_order(place: Place) -> Iterator[Candidate]:
    """A statement before or after its neighbour."""
    statement = place.statement
    block = _block(place, statement)
    if statement not in block:
        return
    position = block.index(statement)
    simple = (ast.Assign, ast.AugAssign, ast.Expr)
    for other in (position - 1, position - 2, position + 1):
        if 0 <= other < len(block) and isinstance(block[other], simple) and isinstance(statement, simple):
            first, second = sorted((statement, block[other]), key=lambda s: s.lineno)
            if re.search(r"\bprint\(", place.text(first) + place.text(second)):
                continue
            between = block[block.index(first) + 1 : block.index(second)]
            moved = [*between, second, first]
            text = _lines(place, *[place.text(s) for s in moved])
            line, column, _, _ = place.source.place(first)
            _, _, end_line, end_column = place.source.place(second)
            edit = type(place.edit(first, ""))(place.path, line, column, end_line, end_column, text)
            cost = 1.7 + 0.25 * min(place.distance, 8)
            yield Candidate("do it after the next statement", "statement-order", (edit,), cost, place.path, line)
