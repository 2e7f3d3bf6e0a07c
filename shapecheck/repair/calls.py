"""Candidates at calls: reductions, reshapes, stacking, sizes at creation, scalar functions, `out=` by accident."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from itertools import permutations

from shapecheck.repair.candidate import Candidate, Place
from shapecheck.repair.sizes import more_axes, other_sizes, size_argument_candidates
from shapecheck.trace.operations import DRAWS

_REDUCTIONS = frozenset({"sum", "mean", "max", "min", "std", "var", "prod", "average", "amax", "amin"})
# A list that some are given is what they draw from, and no size.
_CREATORS = (DRAWS - {"choice", "dirichlet", "multinomial", "multivariate_normal"}) | {"zeros", "ones", "empty", "full"}
_STACKS = ("vstack", "hstack", "column_stack", "concatenate", "stack")
_SCALAR = {"max": "maximum", "min": "minimum", "pow": "power"}


def _called(node: ast.Call) -> str:
    return node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")


def call_candidates(place: Place, node: ast.expr) -> Iterator[Candidate]:
    """Other arguments, or another function, for a call."""
    if isinstance(node, ast.Attribute) and node.attr == "shape":
        yield from _shape_candidates(place, node)
    if not isinstance(node, ast.Call):
        return
    name = _called(node)
    if name in _REDUCTIONS:
        yield from _reduction_candidates(place, node)
    if name == "reshape":
        yield from _reshape_candidates(place, node)
    if name in {*_STACKS, "append"}:
        yield from _stack_candidates(place, node, name)
    if name in _CREATORS:
        yield from _creation_candidates(place, node, name)
    if name == "len" and len(node.args) == 1:
        text = place.atom(node.args[0])
        yield place.candidate(
            f"count the columns of `{place.text(node.args[0])}`", "count", node, f"{text}.shape[1]", 1.6
        )
    yield from _scalar_candidates(place, node, name)
    yield from _accident_candidates(place, node, name)
    if name not in _CREATORS:
        yield from size_argument_candidates(place, node, name)
    if name in {"matrix", "mat", "asmatrix"}:
        array = place.numpy_function("array")
        if array is not None:
            yield place.candidate("use a plain array", "matrix", node.func, array, 0.8)
    if name == "array" and node.args and not node.keywords:
        yield place.candidate("keep the list", "ragged", node, place.text(node.args[0]), 1.0)
        text = f"{place.text(node.func)}({place.text(node.args[0])}, dtype=object)"
        yield place.candidate("make it an array of objects", "ragged", node, text, 1.6)
    if name == "transpose" and isinstance(node.func, ast.Attribute) and len(node.args) >= 3:
        yield from _permuted(place, node)


def _shape_candidates(place: Place, node: ast.Attribute) -> Iterator[Candidate]:
    """A tuple where a number belongs."""
    parent = place.parent(node)
    if isinstance(parent, ast.Subscript | ast.Attribute | ast.Compare | ast.Call) and not (
        isinstance(parent, ast.Call) and _called(parent) in {"float", "int", "sqrt"}
    ):
        return
    if isinstance(parent, ast.Assign) and isinstance(parent.targets[0], ast.Tuple):
        return
    shape = place.shape(node.value)
    for axis in range(len(shape) if shape is not None else 2):
        cost = 0.8 - 0.2 * place.source.text.count(f".shape[{axis}]") / max(1, place.source.text.count(".shape["))
        yield place.candidate(f"use the size of axis {axis}", "count", node, f"{place.text(node)}[{axis}]", cost)


def _keyword(node: ast.Call, name: str) -> ast.keyword | None:
    return next((k for k in node.keywords if k.arg == name), None)


def _axis_of(node: ast.Call) -> ast.expr | None:
    keyword = _keyword(node, "axis")
    if keyword is not None:
        return keyword.value
    position = _axis_position(node)
    return node.args[position] if len(node.args) > position else None


def _axis_position(node: ast.Call) -> int:
    """Which argument of a reduction is the axis: the second of `np.sum(x, 0)`, the first of `x.sum(0)`."""
    owner = node.func.value if isinstance(node.func, ast.Attribute) else None
    return 1 if owner is None or (isinstance(owner, ast.Name) and owner.id in {"np", "numpy"}) else 0


def _reduction_candidates(place: Place, node: ast.Call) -> Iterator[Candidate]:
    text = place.text(node)
    axis = _axis_of(node)
    keep = _keyword(node, "keepdims")
    inside = text[: text.rindex(")")].rstrip().rstrip(",")
    comma = "" if inside.endswith("(") else ", "
    kept = keep is not None
    if axis is None:
        for value in _axes(place, node):
            title, option = f"reduce over axis {value}", f"axis={value}"
            if isinstance(value, tuple):
                title = f"reduce over the axes {', '.join(map(str, value))}"
            yield place.candidate(title, "axis", node, f"{inside}{comma}{option})", 1.1)
            if not kept:
                full = f"{inside}{comma}{option}, keepdims=True)"
                yield place.candidate(f"{title}, keeping it", "axis", node, full, 1.0)
        return
    if isinstance(axis, ast.Constant) and isinstance(axis.value, int):
        for value in {0, 1, -1} - {axis.value}:
            edit = place.edit(axis, str(value))
            cost = 0.8 + 0.25 * min(place.distance, 8) + (0.4 if value == -1 else 0)
            yield Candidate(f"reduce over axis {value}", "axis", (edit,), cost, place.path, edit.line)
            if not kept:
                keeping = place.edit(node, _replaced(place, node, axis, str(value), ", keepdims=True"))
                title = f"reduce over axis {value}, keeping it"
                yield Candidate(title, "axis", (keeping,), cost + 0.4, place.path, edit.line)
    if not kept:
        yield place.candidate("keep the reduced axis", "keepdims", node, f"{inside}, keepdims=True)", 0.6)
    elif isinstance(keep, ast.keyword) and isinstance(keep.value, ast.Constant):
        flipped = str(not keep.value.value)
        title = "drop the reduced axis" if keep.value.value else "keep the reduced axis"
        yield place.candidate(title, "keepdims", keep.value, flipped, 0.8)


def _axes(place: Place, node: ast.Call) -> list[int | tuple[int, ...]]:
    """The axes over which a reduction may run that is not told any; of three and more axes all but one, too."""
    is_method = _axis_position(node) == 0
    array = node.func.value if is_method and isinstance(node.func, ast.Attribute) else next(iter(node.args), None)
    shape = place.shape(array) if array is not None else None
    rank = len(shape) if shape is not None and len(shape) > 1 else 2
    several = [tuple(a for a in range(rank) if a != kept) for kept in range(rank)] if rank > 2 else []
    return [*range(rank), *several]


def _replaced(place: Place, node: ast.Call, part: ast.expr, new: str, tail: str) -> str:
    """The call's text with one argument replaced and something added before the closing bracket."""
    line, column, _, _ = place.source.place(node)
    first, start, last, end = place.source.place(part)
    _, _, end_line, end_column = place.source.place(node)
    head = place.source.slice(line, column, first, start)
    rest = place.source.slice(last, end, end_line, end_column)
    return head + new + rest[: rest.rindex(")")].rstrip().rstrip(",") + tail + ")"


def _sizes(node: ast.Call) -> list[ast.expr]:
    args = list(node.args)
    if len(args) == 1 and isinstance(args[0], ast.Tuple | ast.List):
        return list(args[0].elts)
    return args


def _reshape_candidates(place: Place, node: ast.Call) -> Iterator[Candidate]:
    sizes = _sizes(node)
    if isinstance(node.func, ast.Attribute) and isinstance(node.func.value, ast.Name) and len(node.args) == 2:
        second = node.args[1]
        if isinstance(second, ast.Tuple):
            sizes = list(second.elts)
    texts = [place.text(size) for size in sizes]
    if 2 <= len(texts) <= 4:
        for order in permutations(range(len(texts))):
            if list(order) == list(range(len(texts))):
                continue
            edits = tuple(
                place.edit(size, texts[i]) for size, i in zip(sizes, order, strict=True) if texts[i] != place.text(size)
            )
            if edits:
                yield Candidate(
                    "reshape in another order",
                    "reshape",
                    edits,
                    1.4 + 0.25 * min(place.distance, 8),
                    place.path,
                    edits[0].line,
                )
    for size in sizes:
        if place.text(size) != "-1" and "-1" not in texts:
            yield place.candidate(f"let `{place.text(size)}` be worked out", "reshape", size, "-1", 1.3)
        yield from other_sizes(place, size, 1.3)


def _stack_candidates(place: Place, node: ast.Call, name: str) -> Iterator[Candidate]:
    axis = _keyword(node, "axis")
    text = place.text(node)
    inside = text[: text.rindex(")")].rstrip().rstrip(",")
    if axis is not None and isinstance(axis.value, ast.Constant):
        for value in {0, 1} - {axis.value.value}:
            yield place.candidate(f"join along axis {value}", "join", axis.value, str(value), 0.8)
    elif name in {"concatenate", "append", "stack"}:
        for value in (0, 1):
            yield place.candidate(f"join along axis {value}", "join", node, f"{inside}, axis={value})", 0.9)
    if name in {"vstack", "hstack", "column_stack"} and isinstance(node.func, ast.Attribute):
        owner = place.text(node.func.value)
        for other in ("vstack", "hstack", "column_stack"):
            if other != name:
                yield place.candidate(f"use `{other}`", "join", node.func, f"{owner}.{other}", 0.9)


def _creation_candidates(place: Place, node: ast.Call, name: str) -> Iterator[Candidate]:
    keyword = _keyword(node, "size")
    shape = keyword.value if keyword is not None else None
    if shape is None:
        tuples = [a for a in node.args if isinstance(a, ast.Tuple | ast.List)]
        shape = tuples[-1] if tuples else None
    sizes: list[ast.expr] = []
    if isinstance(shape, ast.Tuple | ast.List):
        sizes = list(shape.elts)
    elif shape is not None:
        sizes = [shape]
    elif name in {"rand", "randn"}:
        sizes = list(node.args)
    elif name in {"zeros", "ones", "empty", "random", "random_sample", "standard_normal"} and len(node.args) >= 1:
        sizes = [node.args[0]]
    if len(sizes) == 2 and place.text(sizes[0]) != place.text(sizes[1]):
        edits = tuple(place.edit(a, place.text(b)) for a, b in ((sizes[0], sizes[1]), (sizes[1], sizes[0])))
        cost = 0.7 + 0.25 * min(place.distance, 8)
        shown = f"create it as ({place.text(sizes[1])}, {place.text(sizes[0])})"
        yield Candidate(shown, "sizes", edits, cost, place.path, edits[0].line)
    for size in sizes:
        yield from other_sizes(place, size, 1.0)
    if len(sizes) == 1:
        yield from more_axes(place, sizes[0], name)


def _scalar_candidates(place: Place, node: ast.Call, name: str) -> Iterator[Candidate]:
    """A function of one number, called on an array."""
    func = node.func
    is_math = isinstance(func, ast.Attribute) and isinstance(func.value, ast.Name) and func.value.id == "math"
    new = None
    if is_math:
        new = place.numpy_function(_SCALAR.get(name, name))
    elif isinstance(func, ast.Name) and name in _SCALAR and len(node.args) == 2:
        new = place.numpy_function(_SCALAR[name])
    elif isinstance(func, ast.Name) and name in {"exp", "sqrt", "tanh", "log"} and place.numpy() is not None:
        new = f"{place.numpy()}.{name}"
    if new is not None:
        yield place.candidate(f"use `{new}`, which takes arrays", "scalar", func, new, 0.5)
    if isinstance(func, ast.Name) and name in {"float", "int"} and len(node.args) == 1:
        inner = place.text(node.args[0])
        mean, total = place.numpy_function("mean"), place.numpy_function("sum")
        for function in (mean, total):
            if function is not None:
                title = f"take the {function.rpartition('.')[2]} of `{inner}` first"
                yield place.candidate(title, "scalar", node.args[0], f"{function}({inner})", 1.3)
        yield place.candidate("keep the array", "scalar", node, inner, 1.5)


def _accident_candidates(place: Place, node: ast.Call, name: str) -> Iterator[Candidate]:
    """A third operand that became the output array."""
    if len(node.args) != 3 or node.keywords:
        return
    first, second, third = (place.text(a) for a in node.args)
    function = place.text(node.func)
    if name in {"dot", "matmul", "multiply", "add"}:
        nested = f"{function}({function}({first}, {second}), {third})"
        yield place.candidate("give the third operand to a second call", "output", node, nested, 0.7)
        nested = f"{function}({first}, {function}({second}, {third}))"
        yield place.candidate("give the third operand to a second call", "output", node, nested, 0.9)
    if name in {"dot", "matmul"}:
        yield place.candidate("add the third operand", "output", node, f"{function}({first}, {second}) + {third}", 0.6)


def _permuted(place: Place, node: ast.Call) -> Iterator[Candidate]:
    texts = [place.text(a) for a in node.args]
    for order in list(permutations(texts))[:24]:
        if list(order) != texts:
            new = f"{place.text(node.func)}({', '.join(order)})"
            yield place.candidate("turn the axes in another order", "transpose", node, new, 1.6)
