"""One file, its tree, and how edits of whole statements in it are written."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from shapecheck.diagnose.finding import Edit, Finding, Span
from shapecheck.repair.candidate import Candidate
from shapecheck.repair.surroundings import Module


class Desk:
    """One file, its tree, and how edits of it are written."""

    def __init__(self, module: Module, path: str) -> None:
        self.module = module
        self.path = path
        self.source = module.source

    def text(self, node: ast.AST) -> str:
        """A node as the user wrote it."""
        return self.source.of(node)

    def at(self, span: Span) -> ast.stmt | None:
        """The statement at a place; where several share its line, the one that the place lies in."""
        statement = self.module.at_line(span.line)
        for other in self.block(statement) if statement is not None else []:
            line, column, end_line, end_column = self.source.place(other)
            if (line, column) <= (span.line, span.column) < (end_line, end_column):
                return other
        return statement

    def statements(self, spans: Sequence[Span]) -> list[ast.stmt]:
        """The statements of this file at some places, each once."""
        found: dict[int, ast.stmt] = {}
        for span in spans:
            statement = self.at(span) if span.path == self.path else None
            if statement is not None:
                found[statement.lineno] = statement
        return list(found.values())

    def expression(self, span: Span) -> ast.expr | None:
        """The expression that occupies a place."""
        wanted = (span.line, span.column, span.end_line, span.end_column)
        return next((n for n in self.module.expressions() if self.source.place(n) == wanted), None)

    def edit(self, node: ast.AST, text: str) -> Edit:
        """Replace a node."""
        line, column, end_line, end_column = self.source.place(node)
        return Edit(self.path, line, column, end_line, end_column, text)

    def block(self, statement: ast.stmt) -> list[ast.stmt]:
        """The statements among which one stands."""
        parent = self.module.parents.get(statement)
        for name in ("body", "orelse", "finalbody"):
            block = getattr(parent, name, None)
            if isinstance(block, list) and statement in block:
                return block
        return []

    def indent(self, statement: ast.stmt) -> str:
        """The blanks before a statement."""
        line = self.source.lines[statement.lineno - 1]
        return line[: len(line) - len(line.lstrip())]

    def whole(self, statement: ast.stmt) -> Edit:
        """Leave out a statement: its lines, or just itself where others stand on them (`a -= x; b -= y`)."""
        line, column, end_line, end_column = self.source.place(statement)
        for other in self.block(statement):
            first, start, last, end = self.source.place(other)
            if last == line and end <= column:
                return Edit(self.path, last, end, end_line, end_column, "")
            if first == end_line and start >= end_column:
                return Edit(self.path, line, column, first, start, "")
        return Edit(self.path, line, 1, end_line + 1, 1, "")

    def before(self, statement: ast.stmt, *texts: str) -> Edit:
        """Insert lines before a statement."""
        indent = self.indent(statement)
        return Edit(self.path, statement.lineno, 1, statement.lineno, 1, "".join(f"{indent}{t}\n" for t in texts))

    def after(self, statement: ast.stmt, *texts: str) -> Edit:
        """Insert lines after a statement."""
        indent, line = self.indent(statement), (statement.end_lineno or statement.lineno) + 1
        return Edit(self.path, line, 1, line, 1, "".join(f"{indent}{t}\n" for t in texts))

    def lines(self, statement: ast.stmt) -> str:
        """A statement's text, moved to the left margin."""
        edit, indent = self.whole(statement), len(self.indent(statement))
        if edit.column > 1:
            return self.text(statement)  # it shares its line
        return "\n".join(line.rstrip("\n")[indent:] for line in self.source.lines[edit.line - 1 : edit.end_line - 1])

    def loop(self, node: ast.AST) -> ast.For | ast.While | None:
        """The innermost loop around a node."""
        current = self.module.parents.get(node)
        while current is not None and not isinstance(current, ast.FunctionDef | ast.AsyncFunctionDef):
            if isinstance(current, ast.For | ast.While):
                return current
            current = self.module.parents.get(current)
        return None

    def numpy(self) -> str | None:
        """What the file calls NumPy."""
        imports = (a for n in ast.walk(self.module.tree) if isinstance(n, ast.Import) for a in n.names)
        return next((a.asname or a.name for a in imports if a.name == "numpy"), None)

    def candidate(self, title: str, kind: str, cost: float, *edits: Edit) -> Candidate:
        """A candidate of this file."""
        return Candidate(title, kind, edits, cost, self.path, edits[0].line)


def places_of(finding: Finding) -> list[Span]:
    """The places that a finding speaks of, its cause first."""
    return [finding.cause, *(step.span for step in finding.trail)]


def does_nothing(block: ast.For | ast.While | ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Whether all that a loop or a function does is `pass`."""
    return all(
        isinstance(s, ast.Pass) or (isinstance(s, ast.Expr) and isinstance(s.value, ast.Constant)) for s in block.body
    )


__all__ = ["Desk", "does_nothing", "places_of"]
