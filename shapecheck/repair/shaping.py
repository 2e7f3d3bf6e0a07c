"""Candidates that change an array's shape where it is used or made: transpose, sum, column or row, slice."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from shapecheck.repair.candidate import Candidate, Place
from shapecheck.repair.products import transposed
from shapecheck.trace.operations import DRAWS
from shapecheck.trace.tape import Shape

_MADE = DRAWS | {"zeros", "ones", "eye", "permutation"}


def _eligible(place: Place, node: ast.expr) -> bool:
    if isinstance(node, ast.Constant | ast.Tuple | ast.List | ast.Starred | ast.Lambda | ast.Slice | ast.Compare):
        return False
    if not isinstance(getattr(node, "ctx", ast.Load()), ast.Load):
        return False
    parent = place.parent(node)
    if isinstance(parent, ast.Attribute):
        return False  # a callee, or a `.T` that is toggled as a whole
    return not (isinstance(parent, ast.Call) and parent.func is node)


def shaping_candidates(place: Place, node: ast.expr) -> Iterator[Candidate]:
    """The node's value in another shape."""
    if not _eligible(place, node):
        return
    shape = place.shape(node)
    if shape is None or len(shape) == 0:
        return
    name = place.text(node)
    shown = name if len(name) <= 40 else "this value"
    used = _handed_over(place, node) + (0.4 if place.updates() else 0.0)
    for title, kind, text, after, cost in _forms(place, node, shape, shown):
        if kind in {"sum", "slice"} and _is_data(place, node):
            continue
        yield place.candidate(title, kind, node, text, place.judge(shape, after, cost) + used)


def _handed_over(place: Place, node: ast.expr) -> float:
    """What it costs more to turn a value just where it is handed to a function, and not where it was made."""
    parent = place.parent(node)
    function = place.module.enclosing_function(place.statement)
    given = {a.arg for a in function.args.args} if function is not None else set()
    if (
        isinstance(node, ast.Name)
        and node.id in given
        and isinstance(parent, ast.BinOp)
        and not isinstance(parent.op, ast.MatMult)
    ):
        return 0.4
    if not isinstance(parent, ast.Call) or node not in parent.args or not isinstance(node, ast.Name | ast.Attribute):
        return 0.0
    called = place.text(parent.func)
    return 0.0 if called.partition(".")[0] == place.numpy() or called.endswith((".dot", ".append")) else 0.35


def _is_data(place: Place, node: ast.expr) -> bool:
    """Whether an expression draws or states numbers: nobody means to add those up, or to drop some."""
    if isinstance(node, ast.Call):
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        return name in _MADE or (name == "array" and bool(node.args) and isinstance(node.args[0], ast.List))
    return isinstance(node, ast.BinOp) and (_is_data(place, node.left) or _is_data(place, node.right))


def _forms(
    place: Place, node: ast.expr, shape: Shape, shown: str
) -> Iterator[tuple[str, str, str, Shape | None, float]]:
    atom = place.atom(node)
    whole = isinstance(place.parent(node), ast.Assign | ast.Return | ast.AugAssign)
    if len(shape) == 2:
        rows, columns = shape
        turned = transposed(place, node)
        untie = isinstance(node, ast.Attribute) and node.attr == "T"
        verb = "do not transpose" if untie else "transpose"
        target = place.text(node.value) if untie and isinstance(node, ast.Attribute) else shown
        yield f"{verb} `{target}`", "transpose", turned, (columns, rows), 0.9
        total = place.numpy_function("sum")
        for axis, kept in ((0, (1, columns)), (1, (rows, 1))):
            dropped = (columns,) if axis == 0 else (rows,)
            for keep, after in ((True, kept), (False, dropped)):
                option = ", keepdims=True" if keep else ""
                inner = place.text(node)
                text = f"{total}({inner}, axis={axis}{option})" if total else f"{atom}.sum(axis={axis}{option})"
                title = f"sum `{shown}` over axis {axis}" + (", keeping it" if keep else "")
                asked = place.wanted.get(shape) == after
                yield (
                    title,
                    "sum",
                    text,
                    after,
                    (1.3 if whole or isinstance(node, ast.Name) else 1.7) + 0.5 * (not asked),
                )
        if 1 in shape:
            yield f"flatten `{shown}`", "flatten", f"{atom}.ravel()", (rows * columns,), 1.9
        for text, after in (
            (f"{atom}[:, 1:]", (rows, columns - 1)),
            (f"{atom}[1:]", (rows - 1, columns)),
            (f"{atom}[:, :-1]", (rows, columns - 1)),
            (f"{atom}[:-1]", (rows - 1, columns)),
        ):
            if min(after) > 0:
                edge = "first" if "1:" in text else "last"
                which = f"{edge} {'column' if ', ' in text else 'row'}"
                yield f"leave out the {which} of `{shown}`", "slice", text, after, 1.9
    elif len(shape) == 1:
        size = shape[0]
        yield f"make `{shown}` a column", "column", f"{atom}.reshape(-1, 1)", (size, 1), 1.3
        yield f"make `{shown}` a row", "row", f"{atom}.reshape(1, -1)", (1, size), 1.4
        if size > 1:
            yield f"leave out the first entry of `{shown}`", "slice", f"{atom}[1:]", (size - 1,), 2.2
            yield f"leave out the last entry of `{shown}`", "slice", f"{atom}[:-1]", (size - 1,), 2.3
    else:
        count = shape[0]
        rest = 1
        for size in shape[1:]:
            rest *= size
        yield f"flatten each sample of `{shown}`", "flatten", f"{atom}.reshape({count}, -1)", (count, rest), 1.8
        if shape[-1] > 0:
            yield (
                f"flatten `{shown}`",
                "flatten",
                f"{atom}.reshape(-1, {shape[-1]})",
                (count * rest // shape[-1], shape[-1]),
                2.0,
            )
        swapped = (*shape[:-2], shape[-1], shape[-2])
        yield f"swap the last two axes of `{shown}`", "transpose", f"{atom}.swapaxes(-1, -2)", swapped, 1.2
        yield f"drop the axes of length 1 of `{shown}`", "flatten", f"{atom}.squeeze()", None, 2.0
