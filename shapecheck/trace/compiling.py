"""Compiles the user's files, as they are or as edited, and knows afterwards which line of which text a frame is at."""

from __future__ import annotations
import __future__

import ast
import io
import linecache
import os
import tokenize
import types
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from shapecheck.trace.cells import Cell, Cells, Part
from shapecheck.trace.sites import SourceText

# What `from __future__ import` in one cell means for those after it.
_FUTURES = 0
for _name in __future__.all_feature_names:
    _FUTURES |= getattr(__future__, _name).compiler_flag


@dataclass(frozen=True)
class Piece:
    """What one compiled file's lines are: those of a text, from the line after `before` on."""

    source: SourceText
    before: int = 0


@dataclass(frozen=True)
class CellCode:
    """A compiled cell: its statements, and its last expression, whose value is shown."""

    cell: Cell
    codes: tuple[types.CodeType, ...]


def read_source(path: str) -> str:
    """A source file's text, decoded as Python decodes it.

    Raises:
        OSError: It cannot be read.
        SyntaxError: Its encoding declaration is wrong, or it is not of that encoding.
    """
    data = Path(path).read_bytes()
    return decoded(data, path)


def decoded(data: bytes, path: str) -> str:
    """A program's text, decoded as Python decodes it.

    Raises:
        SyntaxError: Its encoding declaration is wrong, or it is not of that encoding.
    """
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        raise SyntaxError(f"{path} is not {error.encoding} text (byte {error.start})") from error
    return io.IncrementalNewlineDecoder(None, translate=True).decode(text, final=True)


class PlainCompiler:
    """Compiles the user's files without recording.

    Args:
        replaced: File name -> text to take in the place of what the file holds.

    Attributes:
        files: What was compiled: the name that its code objects have -> what their lines are.
    """

    def __init__(self, replaced: Mapping[str, str]) -> None:
        self.replaced = {os.path.realpath(path): text for path, text in replaced.items()}
        self.files: dict[str, Piece] = {}

    def text_of(self, path: str, own: str | None = None) -> str:
        """The text to run for a file; `own` is the text of a program that is in no file."""
        replaced = self.replaced.get(os.path.realpath(path))
        if replaced is not None:
            # Who asks for a function's source (`inspect`, a decorator that rewrites it) is to see what runs.
            linecache.cache[path] = (len(replaced), None, replaced.splitlines(keepends=True), path)
            return replaced
        return read_source(path) if own is None else own

    def compile(self, path: str, text: str) -> types.CodeType:
        """A file's code."""
        code = compile(text, path, "exec", dont_inherit=True)
        self.files[path] = Piece(SourceText(path, text))
        return code

    def place(self, file: str, line: int) -> tuple[str, int]:
        """(path, line) of the text that a line of compiled code is from."""
        piece = self.files[file]
        return piece.source.path, line + piece.before

    def forget(self) -> None:
        """Drop what an exception left behind that the program survived."""

    # -- programs of cells --------------------------------------------------------------------------------------

    def compile_cells(self, path: str, text: str, cells: Cells) -> list[CellCode]:
        """The cells' codes, in their order.

        Raises:
            SyntaxError: A cell is no Python.
        """
        source = SourceText(path, text)
        parts = list(self._parts(text, cells))
        for part in parts:
            compile(part.text, part.cell.name, "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
        tree = self._tree(source)
        codes: list[CellCode] = []
        futures = 0
        for part in parts:
            self.files[part.cell.name] = Piece(source, part.before)
            own = [s for s in tree.body if part.before < s.lineno <= part.before + part.count]
            compiled = []
            for unit in _units(own, part):
                code = self._code(unit, part.cell.name, ast.PyCF_ALLOW_TOP_LEVEL_AWAIT | futures)
                futures |= code.co_flags & _FUTURES
                compiled.append(code)
            codes.append(CellCode(part.cell, tuple(compiled)))
        return codes

    @staticmethod
    def _parts(text: str, cells: Cells) -> Iterator[Part]:
        try:
            yield from cells.parts(text)
        except ValueError as error:
            raise SyntaxError(str(error)) from error

    def _tree(self, source: SourceText) -> ast.Module:
        return ast.parse(source.text, filename=source.path)

    def _code(self, unit: ast.Module | ast.Interactive, name: str, flags: int) -> types.CodeType:
        mode = "single" if isinstance(unit, ast.Interactive) else "exec"
        code: types.CodeType = compile(unit, name, mode, flags, dont_inherit=True)
        return code


def _units(statements: list[ast.stmt], part: Part) -> Iterator[ast.Module | ast.Interactive]:
    """A cell's statements, moved to its own lines; a last expression by itself, for Python to show its value."""
    seen: set[int] = set()
    for statement in statements:
        for node in ast.walk(statement):
            if hasattr(node, "lineno") and id(node) not in seen:  # a node can stand at two places of a rewritten tree
                seen.add(id(node))
                node.lineno -= part.before
                node.end_lineno -= part.before  # type: ignore[attr-defined]
    shown = bool(statements) and isinstance(statements[-1], ast.Expr) and not _silenced(part)
    body = statements[:-1] if shown else statements
    if body:
        yield ast.Module(body, type_ignores=[])
    if shown:
        yield ast.Interactive(statements[-1:])


def _silenced(part: Part) -> bool:
    """Whether a cell ends in `;`, which keeps its last value from being shown."""
    code = part.text.rstrip()
    with_comment = code.rpartition("\n")[2]
    return code.endswith(";") or with_comment.partition("#")[0].rstrip().endswith(";")
