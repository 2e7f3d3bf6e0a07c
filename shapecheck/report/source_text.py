"""The user's files as text: decoded as Python decodes them, with what is needed to write them back unchanged."""

from __future__ import annotations

import codecs
import io
import os
import re
import tokenize
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from shapecheck.diagnose.finding import Edit, File, Span

_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n|\Z)")


@dataclass(frozen=True)
class SourceText:
    """One file of the user's, or one cell.

    Attributes:
        path: As it was asked for.
        raw_lines: Lines with their own line endings; joined they are the whole text, without the byte order mark.
        encoding: As the file declares it, UTF-8 otherwise.
        bom: Whether the file starts with a UTF-8 byte order mark.
        cell: Its number, of a notebook's cell.
    """

    path: str
    raw_lines: tuple[str, ...]
    encoding: str
    bom: bool
    cell: int | None = None

    @property
    def file(self) -> File:
        """What its lines count in."""
        return (self.path, self.cell)

    @property
    def lines(self) -> tuple[str, ...]:
        """The lines without their endings, as a reader counts them."""
        return tuple(line.rstrip("\r\n") for line in self.raw_lines)

    @property
    def newline(self) -> str:
        """The line ending that most lines of the file have."""
        endings = [line[len(line.rstrip("\r\n")) :] for line in self.raw_lines]
        counts = {ending: endings.count(ending) for ending in ("\n", "\r\n", "\r")}
        return max(counts, key=lambda ending: counts[ending])

    def encode(self, lines: tuple[str, ...]) -> bytes:
        """Turn lines with their endings into the bytes of this file: same encoding, same byte order mark.

        Raises:
            UnicodeEncodeError: A character does not exist in the encoding that the file declares.
        """
        return (codecs.BOM_UTF8 if self.bom else b"") + "".join(lines).encode(self.encoding)


def decode(data: bytes, path: str) -> SourceText:
    """Decode a Python file by its own declaration.

    Raises:
        SyntaxError: The declared encoding does not exist.
        UnicodeDecodeError: The bytes are not in the declared encoding.
    """
    encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
    bom = data.startswith(codecs.BOM_UTF8)
    if bom:
        encoding, data = "utf-8", data[len(codecs.BOM_UTF8) :]
    return SourceText(path, split_lines(data.decode(encoding)), encoding, bom)


def cell_text(path: str, cell: int | None, text: str) -> SourceText:
    """A text that is no file by itself."""
    return SourceText(path, split_lines(text), "utf-8", bom=False, cell=cell)


def split_lines(text: str) -> tuple[str, ...]:
    """Split where Python's tokenizer does, endings kept: a form feed or U+2028 ends no line, as `splitlines` has it."""
    return tuple(line for line in _LINE.findall(text) if line)


def _squeezed(text: str) -> str:
    return "".join(text.split())


class SourceFiles:
    """Reads each of the user's files once; a file that cannot be read is None.

    Args:
        texts: What is no file by itself, and is taken from here.
    """

    def __init__(self, texts: Mapping[File, str] | None = None) -> None:
        self._files: dict[File, SourceText | None] = {
            (path, cell): cell_text(path, cell, text) for (path, cell), text in (texts or {}).items()
        }

    def read(self, path: str, cell: int | None = None) -> SourceText | None:
        """The file's text, or None where it vanished or is no text."""
        if (path, cell) not in self._files:
            try:
                self._files[path, cell] = decode(Path(path).read_bytes(), path) if cell is None else None
            except (OSError, SyntaxError, ValueError):
                self._files[path, cell] = None
        return self._files[path, cell]

    def lines_at(self, span: Span) -> tuple[str, ...] | None:
        """The lines that a span covers, or None where the file no longer holds the span's text there."""
        text = self.read(*span.file)
        if text is None or not 1 <= span.line <= span.end_line <= len(text.raw_lines):
            return None
        lines = text.lines[span.line - 1 : span.end_line]
        return lines if holds(lines, span) else None


def holds(lines: tuple[str, ...], span: Span) -> bool:
    """Whether these lines have the span's own text at its place, white space aside."""
    pieces = list(lines)
    pieces[-1] = pieces[-1][: span.end_column - 1]
    pieces[0] = pieces[0][span.column - 1 :]
    wanted = _squeezed(span.source)
    # A step of the trail may quote its whole statement while it points to a part of it.
    return wanted in (_squeezed("".join(pieces)), _squeezed("".join(lines)), "")


def shown_path(path: str) -> str:
    """The path as a reader in the current folder would type it."""
    if not Path(path).is_absolute():
        return path
    try:
        relative = os.path.relpath(path)
    except (ValueError, OSError):
        return path
    return path if relative.startswith("..") else relative


def shown_file(file: File) -> str:
    """A file, or a notebook and its cell: `net.ipynb, cell 3`; of cells that are in no file only the cell."""
    path, cell = file
    if cell is None:
        return shown_path(path)
    return f"cell {cell}" if path.startswith("<") else f"{shown_path(path)}, cell {cell}"


def shown_line(place: Span | Edit, *, column: bool = False) -> str:
    """A place as a reader knows it: `net.py:41` (with the column `net.py:41:9`), or `net.ipynb, cell 3, line 2`."""
    if place.cell is not None:
        return f"{shown_file(place.file)}, line {place.line}"
    return f"{shown_path(place.path)}:{place.line}" + (f":{place.column}" if column else "")
