"""Edits that put inputs and targets into one order, where each had its own or only the inputs were shuffled."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator

from shapecheck.diagnose.finding import Finding
from shapecheck.diagnose.mirrored_sums import MIRRORED
from shapecheck.diagnose.mixed_samples import MIXED
from shapecheck.diagnose.pairs import UNREAD_TWIN
from shapecheck.repair.candidate import Candidate
from shapecheck.repair.desk import Desk

_MOST_TARGETS = 3


def one_order(desk: Desk, finding: Finding) -> Iterator[Candidate]:
    """The edits for inputs and targets that were put into different orders.

    Args:
        desk: The file of the finding's cause.
        finding: Its cause is one of the two expressions, or the only one; the other is on its trail.
    """
    if finding.title == MIRRORED:
        call = desk.expression(finding.cause)
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute):
            text = f"{desk.text(call.func.value)}.insert(0, {desk.text(call.args[0])})"
            yield desk.candidate("put each before the others", "order of samples", 0.4, desk.edit(call, text))
        return
    if finding.title == MIXED:
        yield from _transposed(desk, finding)
        return
    if any(s.note == UNREAD_TWIN for s in finding.trail):
        yield from _from_the_twin(desk, finding)
        return
    spans = [finding.cause, *(s.span for s in finding.trail)]
    nodes = sorted((n for s in spans[:2] if (n := desk.expression(s)) is not None), key=lambda n: n.lineno)
    if len(nodes) == 1:
        yield from _targets_too(desk, nodes[0])
    if len(nodes) != 2:
        return
    first, second = nodes
    if isinstance(first, ast.Call) and isinstance(second, ast.Call):
        yield from _one_permutation(desk, first, second)
    if isinstance(first, ast.Subscript) and isinstance(second, ast.Subscript):
        for kept, changed in ((first, second), (second, first)):
            if isinstance(kept.slice, ast.Name) or _is_the_shorter(desk, kept, changed):
                edit = desk.edit(changed.slice, desk.text(kept.slice))
                yield desk.candidate("use one order for both", "order of samples", 0.4, edit)
        statement = desk.module.statement(first)
        index = desk.text(first.slice)
        edits = (
            desk.before(statement, f"order = {index}"),
            desk.edit(first.slice, "order"),
            desk.edit(second.slice, "order"),
        )
        yield desk.candidate("draw one order for both", "order of samples", 0.7, *edits)


def _is_the_shorter(desk: Desk, kept: ast.Subscript, changed: ast.Subscript) -> bool:
    """Whether two batches are cut out by the same names, and the second has more to it: a number that is too much."""
    names = [{n.id for n in ast.walk(node.slice) if isinstance(n, ast.Name)} for node in (kept, changed)]
    return bool(names[0]) and names[0] == names[1] and len(desk.text(kept.slice)) < len(desk.text(changed.slice))


def _transposed(desk: Desk, finding: Finding) -> Iterator[Candidate]:
    """`X.reshape(m, -1).T` for `X.reshape(-1, m)`: the sizes in the order in which the samples lie."""
    call = desk.expression(finding.cause)
    if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute) or call.keywords:
        return
    of_numpy = desk.text(call.func.value) == desk.numpy()
    sizes = list(call.args[1:] if of_numpy else call.args)
    if len(sizes) == 1 and isinstance(sizes[0], ast.Tuple | ast.List):
        sizes = list(sizes[0].elts)
    if len(sizes) == 2:
        turned = f"{desk.text(sizes[1])}, {desk.text(sizes[0])}"
        given = f"{desk.text(call.args[0])}, ({turned})" if of_numpy else turned
        edit = desk.edit(call, f"{desk.text(call.func)}({given}).T")
        yield desk.candidate("transpose, and leave each sample whole", "axis order", 0.4, edit)


def _from_the_twin(desk: Desk, finding: Finding) -> Iterator[Candidate]:
    """`targets[rows]` as `shuffled[rows]`, where `shuffled = targets[order]` stands beside the inputs' order."""
    taken, twin = desk.expression(finding.cause), desk.expression(finding.trail[0].span)
    name = _name_of(desk, twin) if twin is not None else None
    if isinstance(taken, ast.Subscript) and name is not None:
        title = f"take the rows of `{name}`, which are in the inputs' order"
        yield desk.candidate(title, "order of samples", 0.4, desk.edit(taken.value, name))


def _name_of(desk: Desk, node: ast.expr) -> str | None:
    """What an assignment calls what an expression gives, also as one of several."""
    parent = desk.module.parents.get(node)
    statement = desk.module.parents.get(parent) if isinstance(parent, ast.Tuple) else parent
    if not isinstance(statement, ast.Assign):
        return None
    target = statement.targets[0]
    if isinstance(parent, ast.Tuple):
        if not isinstance(target, ast.Tuple) or len(target.elts) != len(parent.elts):
            return None
        target = target.elts[parent.elts.index(node)]
    return desk.text(target) if isinstance(target, ast.Name | ast.Attribute) else None


def _one_permutation(desk: Desk, first: ast.Call, second: ast.Call) -> Iterator[Candidate]:
    """Two calls of `shuffle` as one permutation."""
    statements = [desk.module.statement(first), desk.module.statement(second)]
    if not all(isinstance(s, ast.Expr) for s in statements) or not _is_shuffle(first) or not second.args:
        return
    other = desk.text(second.args[0])
    text = _permuted(desk, first, statements[0])
    edits = (desk.edit(statements[0], text), desk.edit(statements[1], f"{other}[:] = {other}[order]"))
    yield desk.candidate("draw one order for both", "order of samples", 0.5, *edits)


def _is_shuffle(call: ast.Call) -> bool:
    return isinstance(call.func, ast.Attribute) and call.func.attr == "shuffle" and bool(call.args)


def _permuted(desk: Desk, shuffle: ast.Call, statement: ast.stmt, *others: str) -> str:
    """A call of `shuffle` as an order that is drawn and used, for other arrays as well."""
    assert isinstance(shuffle.func, ast.Attribute)
    one = desk.text(shuffle.args[0])
    lines = [f"order = {desk.text(shuffle.func.value)}.permutation(len({one}))"]
    lines += [f"{name}[:] = {name}[order]" for name in (one, *others)]
    return f"\n{desk.indent(statement)}".join(lines)


def _targets_too(desk: Desk, node: ast.expr) -> Iterator[Candidate]:
    """The order of the inputs for what is used beside them as well."""
    statement = desk.module.statement(node)
    if isinstance(node, ast.Call) and _is_shuffle(node) and isinstance(statement, ast.Expr):
        for number, name in enumerate(_companions(desk, desk.text(node.args[0]), statement)):
            edit = desk.edit(statement, _permuted(desk, node, statement, name))
            yield desk.candidate(f"put `{name}` into the same order", "order of samples", 0.5 + 0.1 * number, edit)
    if isinstance(node, ast.Subscript):
        inputs = desk.text(node.value)
        index = desk.text(node.slice)
        drawn = {n.id for n in ast.walk(node.slice) if isinstance(n, ast.Name)}
        yield from _renamed_only(desk, statement, index)
        names = [name for name in _companions(desk, inputs, statement) if name not in drawn]
        for number, name in enumerate(names):
            cost = 0.5 + 0.1 * number
            for other in _selections(desk, name, statement):
                edit = desk.edit(other.slice, index)
                title = f"take the rows of `{name}` in the same order"
                yield desk.candidate(title, "order of samples", cost, edit)
            target = statement.targets[0] if isinstance(statement, ast.Assign) else None
            if target is not None and desk.text(target) == inputs:
                edit = desk.after(statement, f"{name} = {name}[{index}]")
                yield desk.candidate(f"put `{name}` into the same order", "order of samples", cost + 0.05, edit)
            elif not list(_selections(desk, name, statement, nested=False)):
                yield from _ordered_beside(desk, statement, name, index, cost + 0.1)


def _renamed_only(desk: Desk, statement: ast.stmt, index: str) -> Iterator[Candidate]:
    """`t = targets` beside `x = inputs[order]`: as `t = targets[order]`."""
    block = desk.block(statement)
    place = block.index(statement) if statement in block else 0
    for other in block[max(0, place - 2) : place + 3]:
        plain = isinstance(other, ast.Assign) and isinstance(other.value, ast.Name | ast.Attribute)
        if plain and isinstance(other, ast.Assign) and isinstance(other.targets[0], ast.Name):
            name = desk.text(other.value)
            edit = desk.edit(other.value, f"{name}[{index}]")
            yield desk.candidate(f"put `{name}` into the same order", "order of samples", 0.4, edit)


def _ordered_beside(desk: Desk, statement: ast.stmt, name: str, index: str, cost: float) -> Iterator[Candidate]:
    """An array in the order of the inputs, which the rest of the block uses instead."""
    block = desk.block(statement)
    following = block[block.index(statement) + 1 :] if statement in block else []
    own = f"{name.rpartition('.')[2]}_in_order"
    reads = [
        n
        for other in following
        for n in ast.walk(other)
        if isinstance(n, ast.Name | ast.Attribute) and desk.text(n) == name and isinstance(n.ctx, ast.Load)
    ]
    edits = [desk.after(statement, f"{own} = {name}[{index}]"), *(desk.edit(n, own) for n in reads)]
    if reads:
        yield desk.candidate(f"put `{name}` into the same order", "order of samples", cost, *edits)


def _companions(desk: Desk, inputs: str, statement: ast.stmt) -> list[str]:
    """The names that stand beside the inputs in the same statements, the likeliest first: they may be the targets."""
    function = desk.module.enclosing_function(statement)
    found: Counter[str] = Counter()
    parts_of = [n for n in ast.walk(function or desk.module.tree) if isinstance(n, ast.Subscript)]
    same = {desk.text(n.slice) for n in parts_of if desk.text(n.value) == inputs}
    # Parted in the same way, as a training set and a test set are: `X[:n]` and `y[:n]`.
    found.update(_array(desk, n.value) for n in parts_of if desk.text(n.slice) in same)
    for other in ast.walk(function or desk.module.tree):
        if not isinstance(other, ast.stmt) or isinstance(other, ast.FunctionDef | ast.ClassDef | ast.For | ast.While):
            continue
        for parent in [n for n in ast.walk(other) if isinstance(n, ast.Call | ast.Tuple)]:
            parts = parent.args if isinstance(parent, ast.Call) else parent.elts
            owners = [_array(desk, part) for part in parts]
            if inputs in owners:
                found.update(o for o in owners if o and o != inputs)
    block = desk.block(statement)
    near = block[max(0, block.index(statement) - 2) : block.index(statement) + 3] if statement in block else []
    for other in near:
        found.update(_array(desk, n.value) for n in ast.walk(other) if isinstance(n, ast.Subscript))
    called = {n.func.id for n in ast.walk(desk.module.tree) if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)}
    return [n for n, _ in found.most_common() if n and n != inputs and n not in called][:_MOST_TARGETS]


def _array(desk: Desk, node: ast.expr) -> str:
    """The array that an expression is, or is some rows of; empty for anything else."""
    while isinstance(node, ast.Subscript):
        node = node.value
    return desk.text(node) if isinstance(node, ast.Name | ast.Attribute) else ""


def _selections(desk: Desk, name: str, statement: ast.stmt, *, nested: bool = True) -> Iterator[ast.Subscript]:
    """Where rows of an array are taken, near a statement."""
    for other in desk.block(statement):
        if not nested and isinstance(other, ast.For | ast.While):
            continue
        for node in ast.walk(other):
            if isinstance(node, ast.Subscript) and desk.text(node.value) == name and isinstance(node.ctx, ast.Load):
                yield node


__all__ = ["one_order"]
