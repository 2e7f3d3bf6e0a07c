"""Small mistakes about shapes, made in the text of a right program."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from itertools import pairwise

from mutation import Code, Edits, Kinds, called, neighbours

# Where the shape is the arguments themselves, the first argument, or `size=`.
SPREAD, FIRST, SIZED = {"randn", "rand"}, {"zeros", "ones", "empty", "full", "standard_normal", "random"}, {"size"}


def drop_transpose(code: Code) -> Edits:
    for node in code.of(ast.Attribute, ast.Call):
        if isinstance(node, ast.Attribute):
            if node.attr == "T":
                yield node, code.grouped(node.value)
        elif called(node) == "transpose" and len(node.args) <= 1 and isinstance(node.func, ast.Attribute):
            inner = node.args[0] if ast.unparse(node.func.value) in {"np", "numpy"} and node.args else node.func.value
            yield node, code.grouped(inner)


def add_transpose(code: Code) -> Edits:
    for _, *operands in code.products():
        for operand in operands:
            if isinstance(operand, ast.Name | ast.Subscript | ast.Attribute) and getattr(operand, "attr", "") != "T":
                yield operand, code.source(operand) + ".T"


def swap_operands(code: Code) -> Edits:
    for node, left, right in code.products():
        yield node, code.replaced(node, (left, code.grouped(right)), (right, code.grouped(left)))


def exchange_products(code: Code) -> Edits:
    for node, left, right in code.products():
        yield node, f"({code.grouped(left)} * {code.grouped(right)})"
    at = any(isinstance(node, ast.MatMult) for node in code.nodes)
    for node in code.of(ast.BinOp):
        if (
            not isinstance(node.op, ast.Mult)
            or isinstance(node.left, ast.Constant)
            or isinstance(node.right, ast.Constant)
        ):
            continue
        if at:
            yield node, f"({code.grouped(node.left)} @ {code.grouped(node.right)})"
        elif code.module():
            yield node, f"{code.module()}.dot({code.source(node.left)}, {code.source(node.right)})"


def without_keyword(code: Code, call: ast.Call, keyword: ast.keyword) -> str:
    arguments = [code.source(part) for part in [*call.args, *call.keywords] if part is not keyword]
    return f"{code.source(call.func)}({', '.join(arguments)})"


def drop_keepdims(code: Code) -> Edits:
    for node in code.of(ast.Call):
        for keyword in node.keywords:
            if keyword.arg == "keepdims":
                yield node, without_keyword(code, node, keyword)


def change_axis(code: Code) -> Edits:
    for node in code.of(ast.Call):
        for keyword in node.keywords:
            if keyword.arg == "axis":
                old = code.source(keyword.value)
                yield keyword.value, {"0": "1", "1": "0", "-1": "0", "2": "1", "None": "0"}.get(old, "0")
                if len(node.keywords) == 1:
                    yield node, without_keyword(code, node, keyword)


def change_index(code: Code) -> Edits:
    """Another layer's value: a neighbouring index, key or numbered name."""
    for node in code.of(ast.Subscript):
        index = node.slice
        if isinstance(index, ast.BinOp) and isinstance(index.left, ast.Name) and isinstance(index.right, ast.Constant):
            yield index, code.source(index.left)
        elif isinstance(index, ast.Name):
            yield index, f"{index.id} - 1"
            yield index, f"{index.id} + 1"
        elif isinstance(index, ast.UnaryOp) and isinstance(index.operand, ast.Constant):
            yield index, f"-{int(index.operand.value) + 1}"
        elif isinstance(index, ast.Constant) and isinstance(index.value, int):
            yield index, str(index.value + 1)
        elif isinstance(index, ast.Constant) and isinstance(index.value, str):
            yield from ((index, repr(other)) for other in neighbours(index.value, code.keys))
        elif isinstance(index, ast.BinOp) and isinstance(index.right, ast.Call) and called(index.right) == "str":
            inner = index.right.args[0]
            yield (
                inner,
                code.source(inner.left if isinstance(inner, ast.BinOp) else inner)
                + ("" if isinstance(inner, ast.BinOp) else " - 1"),
            )
    for node in code.of(ast.Name):
        if isinstance(node.ctx, ast.Load):
            yield from ((node, other) for other in neighbours(node.id, code.names))


def change_size(code: Code) -> Edits:
    """Another shape for a new array: sizes exchanged, one left out, one twice, one more."""
    for node in code.of(ast.Call):
        for owner, sizes in shapes_in(node):
            if len(sizes) == 2:
                first, second = (code.source(size) for size in sizes)
                if first != second:
                    yield owner, code.swapped(owner, *sizes)
                    yield owner, code.replaced(owner, (sizes[0], second))
                    yield owner, code.replaced(owner, (sizes[1], first))
                if isinstance(owner, ast.Tuple):
                    yield owner, f"({first},)"
                    yield owner, f"({second},)"
            for size in sizes:
                if isinstance(size, ast.Name | ast.Attribute) or (isinstance(size, ast.Constant) and size.value != 1):
                    yield size, f"{code.source(size)} + 1"


def shapes_in(call: ast.Call) -> Iterator[tuple[ast.expr, list[ast.expr]]]:
    """What a call that makes an array is given as its shape: the node that holds the sizes, and the sizes."""
    name = called(call)
    if name in SPREAD and call.args:
        yield call, call.args
    given = [call.args[0]] if name in FIRST and call.args else []
    given += [keyword.value for keyword in call.keywords if keyword.arg in SIZED]
    if name in {"normal", "uniform"} and len(call.args) == 3:
        given.append(call.args[2])
    for shape in given:
        if isinstance(shape, ast.Tuple):
            yield shape, shape.elts
        elif isinstance(shape, ast.Name | ast.Constant | ast.Attribute):
            yield shape, [shape]


def change_returned(code: Code) -> Edits:
    for function in code.of(ast.FunctionDef):
        inside = list(ast.walk(function))
        local = [n.id for n in inside if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)]
        local += [argument.arg for argument in function.args.args if argument.arg != "self"]
        for node in inside:
            if not isinstance(node, ast.Return) or node.value is None:
                continue
            values = node.value.elts if isinstance(node.value, ast.Tuple) else [node.value]
            for first, second in pairwise(values):
                yield node.value, code.swapped(node.value, first, second)
            for value in values:
                if isinstance(value, ast.Name | ast.Subscript | ast.Attribute):
                    yield from ((value, name) for name in dict.fromkeys(local) if name != code.source(value))


def swap_arguments(code: Code) -> Edits:
    for node in code.of(ast.Call):
        if called(node) in code.functions or called(node) == "outer":
            for first, second in pairwise(node.args):
                if not any(isinstance(part, ast.Constant | ast.Starred) for part in (first, second)):
                    yield node, code.swapped(node, first, second)


def change_slice(code: Code) -> Edits:
    for node in code.of(ast.Subscript):
        if not isinstance(node.ctx, ast.Load):
            continue
        parts = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        if not any(isinstance(part, ast.Slice) for part in parts):
            continue
        yield node, code.grouped(node.value)
        if len(parts) == 2:
            yield node, f"{code.grouped(node.value)}[{code.source(parts[1])}, {code.source(parts[0])}]"
        for part in parts:
            if isinstance(part, ast.Slice) and part.lower is not None and part.upper is not None:
                yield part, code.source(part.lower)
            elif isinstance(part, ast.Slice) and (part.lower is not None or part.upper is not None):
                yield part, ":"


def change_reshape(code: Code) -> Edits:
    for node in code.of(ast.Call):
        name, function = called(node), node.func
        if not isinstance(function, ast.Attribute) or ast.unparse(function.value) in {"np", "numpy"}:
            continue
        if name in {"reshape", "ravel", "flatten"}:
            yield node, code.source(function.value)
        if name == "reshape":
            sizes = node.args[0].elts if node.args and isinstance(node.args[0], ast.Tuple) else node.args
            for first, second in pairwise(sizes):
                yield node, code.swapped(node, first, second)
            if len(sizes) > 1:
                yield node, f"{code.source(function)}(-1)"


KINDS: Kinds = {
    "transpose dropped": drop_transpose,
    "transpose added": add_transpose,
    "operands swapped": swap_operands,
    "* and product exchanged": exchange_products,
    "keepdims dropped": drop_keepdims,
    "axis changed": change_axis,
    "layer index or key": change_index,
    "initial size": change_size,
    "returned variable": change_returned,
    "argument order": swap_arguments,
    "slice": change_slice,
    "reshape": change_reshape,
}
