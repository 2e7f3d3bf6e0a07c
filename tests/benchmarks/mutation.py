"""One small mistake in the text of a right program: what an edit is, and the syntax that mistakes are made in.

Every kind of mistake is a generator of pairs: a node of the program's syntax tree, and what stands in its place. Knows
nothing of running a program.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

PRODUCTS = {"dot", "matmul"}


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


def neighbours(name: str, known: set[str]) -> Iterator[str]:
    """Names like this one with the next lower or higher number at the end."""
    stem = name.rstrip("0123456789")
    if stem and stem != name:
        number = int(name[len(stem) :])
        yield from (other for other in (f"{stem}{number - 1}", f"{stem}{number + 1}") if other in known)


Kinds = Mapping[str, Callable[[Code], Edits]]


def mutations(kinds: Kinds, path: str, text: str, functions: frozenset[str]) -> Iterator[Mutation]:
    """Every mutation of one file that leaves it a program, and another one."""
    code = Code(text, functions)
    before = ast.dump(code.tree)
    for kind, generate in kinds.items():
        for node, replacement in generate(code):
            mutation = Mutation(kind, path, *code.span(node), replacement)
            try:
                after = ast.dump(ast.parse(mutation.apply(text)))
            except SyntaxError:
                continue
            if after != before:
                yield mutation
