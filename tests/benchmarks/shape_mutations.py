"""Small mistakes about shapes, made in the text of a right program; knows nothing of running one.

Every kind of mistake is a generator of pairs: a node of the program's syntax tree, and what stands in its place.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise

PRODUCTS = {"dot", "matmul"}
# Where the shape is the arguments themselves, the first argument, or `size=`.
SPREAD, FIRST, SIZED = {"randn", "rand"}, {"zeros", "ones", "empty", "full", "standard_normal", "random"}, {"size"}


@dataclass(frozen=True)
class Mutation:
    """One edit of one file: `replacement` takes the place of the characters from `start` to `end`."""

    kind: str
    path: str
    start: int
    end: int
    replacement: str

    def apply(self, text: str) -> str:
        return text[: self.start] + self.replacement + text[self.end :]

    def lines(self, text: str) -> range:
        """The lines of the mutated text (1-based) in which it differs from the original."""
        old, new = text[self.start : self.end], self.replacement
        head = next((i for i, (a, b) in enumerate(zip(old, new, strict=False)) if a != b), min(len(old), len(new)))
        rest = min(len(old), len(new)) - head
        tail = next((i for i in range(rest) if old[-1 - i] != new[-1 - i]), rest)
        first = text.count("\n", 0, self.start) + new.count("\n", 0, head) + 1
        return range(first, first + new.count("\n", head, len(new) - tail) + 1)


class Code:
    """The text and the syntax tree of one file."""

    def __init__(self, text: str, functions: frozenset[str]) -> None:
        """`functions` are the names of the functions and classes that the program itself defines."""
        self.text = text
        self.functions = functions
        self.tree = ast.parse(text)
        self.rows = text.splitlines(keepends=True)
        self.starts = [0]
        for row in self.rows:
            self.starts.append(self.starts[-1] + len(row))
        self.nodes = list(self._walk(self.tree))
        self.names = {node.id for node in self.nodes if isinstance(node, ast.Name)}
        self.keys = {n.value for n in self.nodes if isinstance(n, ast.Constant) and isinstance(n.value, str)}

    def _walk(self, node: ast.AST) -> Iterator[ast.AST]:
        """All nodes but those that only print, assert, import or annotate."""
        if isinstance(node, ast.Assert | ast.Import | ast.ImportFrom | ast.JoinedStr | ast.arguments):
            return
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print":
            return
        yield node
        for child in ast.iter_child_nodes(node):
            yield from self._walk(child)

    def of(self, *types: type[ast.AST]) -> Iterator[ast.AST]:
        return (node for node in self.nodes if isinstance(node, types))

    def _offset(self, line: int, byte: int) -> int:
        return self.starts[line - 1] + len(self.rows[line - 1].encode()[:byte].decode())

    def span(self, node: ast.AST) -> tuple[int, int]:
        return self._offset(node.lineno, node.col_offset), self._offset(node.end_lineno, node.end_col_offset)

    def source(self, node: ast.AST) -> str:
        start, end = self.span(node)
        return self.text[start:end]

    def replaced(self, node: ast.AST, *swaps: tuple[ast.AST, str]) -> str:
        """The text of `node` with some nodes inside it written anew."""
        start, end = self.span(node)
        text = self.text[start:end]
        for inner, new in sorted(swaps, key=lambda swap: self.span(swap[0]), reverse=True):
            first, last = self.span(inner)
            text = text[: first - start] + new + text[last - start :]
        return text

    def swapped(self, node: ast.AST, first: ast.AST, second: ast.AST) -> str:
        return self.replaced(node, (first, self.source(second)), (second, self.source(first)))

    def grouped(self, node: ast.AST) -> str:
        """The text of an operand, in parentheses where it needs them."""
        text = self.source(node)
        return text if isinstance(node, ast.Name | ast.Attribute | ast.Subscript | ast.Call) else f"({text})"

    def products(self) -> Iterator[tuple[ast.AST, ast.expr, ast.expr]]:
        """Every matrix product, with its operands."""
        for node in self.of(ast.BinOp, ast.Call):
            if isinstance(node, ast.BinOp):
                if isinstance(node.op, ast.MatMult):
                    yield node, node.left, node.right
            elif isinstance(node.func, ast.Attribute) and node.func.attr in PRODUCTS and not node.keywords:
                if len(node.args) == 2:
                    yield node, *node.args
                elif len(node.args) == 1 and ast.unparse(node.func.value) not in {"np", "numpy"}:
                    yield node, node.func.value, node.args[0]

    def module(self) -> str | None:
        """What the program calls NumPy."""
        return next((name for name in ("np", "numpy") if name in self.names), None)


Edits = Iterator[tuple[ast.AST, str]]


def called(node: ast.AST) -> str:
    """The last part of the name of the function that a call calls."""
    if not isinstance(node, ast.Call):
        return ""
    return node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")


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


def neighbours(name: str, known: set[str]) -> Iterator[str]:
    """Names like this one with the next lower or higher number at the end."""
    stem = name.rstrip("0123456789")
    if stem and stem != name:
        number = int(name[len(stem) :])
        yield from (other for other in (f"{stem}{number - 1}", f"{stem}{number + 1}") if other in known)


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


KINDS: dict[str, Callable[[Code], Edits]] = {
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


def mutations(path: str, text: str, functions: frozenset[str]) -> Iterator[Mutation]:
    """Every mutation of one file that leaves it a program, and another one."""
    code = Code(text, functions)
    before = ast.dump(code.tree)
    for kind, generate in KINDS.items():
        for node, replacement in generate(code):
            mutation = Mutation(kind, path, *code.span(node), replacement)
            try:
                after = ast.dump(ast.parse(mutation.apply(text)))
            except SyntaxError:
                continue
            if after != before:
                yield mutation
