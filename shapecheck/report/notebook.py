"""A notebook's file: its code cells, where their sources stand in the JSON, and that JSON with other sources in it.

Nothing but the strings of a changed cell's source is touched: not the indentation, the order of keys, the escapes.
"""

from __future__ import annotations

import codecs
import difflib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from json.decoder import scanstring  # type: ignore[attr-defined]
from typing import Any

_BLANK = re.compile(r"[ \t\r\n]*")
_LITERAL = re.compile(r"[^\s,:\]}\"{\[]+")
_SIGN = re.compile(r'\\u[0-9a-fA-F]{4}|\\.|[^\\"]', re.DOTALL)


class NotebookError(ValueError):
    """The file is no notebook whose cells can be run; the message says why, without the file's name."""


@dataclass(frozen=True)
class _Node:
    """A JSON value and where it stands: `value` holds nodes, `parts` of an object are its values by key."""

    start: int
    end: int
    value: Any


@dataclass(frozen=True)
class CodeCell:
    """A code cell that holds more than blanks.

    Attributes:
        number: Counted from 1 over such cells: the number that `In [ ]` shows after a run from top to bottom.
        source: Its text.
        tags: From its metadata.
    """

    number: int
    source: str
    tags: frozenset[str]
    node: _Node


@dataclass(frozen=True)
class Notebook:
    """A notebook's text and its code cells."""

    text: str
    bom: bool
    cells: tuple[CodeCell, ...]

    @classmethod
    def parse(cls, data: bytes) -> Notebook:
        """Read a notebook's file.

        Raises:
            NotebookError: It is no JSON, of an old format, of another language, or has no code.
        """
        bom = data.startswith(codecs.BOM_UTF8)
        try:
            text = data.decode("utf-8-sig" if bom else "utf-8")
        except UnicodeDecodeError as error:
            raise NotebookError(f"is no notebook: it is not UTF-8 text (byte {error.start})") from error
        content = _json(text)
        root = content.value
        if not isinstance(root, dict):
            raise NotebookError("is no notebook: its JSON is no object with cells")
        _require_format(root)
        _require_python(root.get("metadata"))
        cells = root["cells"].value if "cells" in root else None
        if not isinstance(cells, list):
            raise NotebookError("is no notebook: its JSON holds no list of cells")
        code: list[CodeCell] = []
        for cell in cells:
            made = _code_cell(cell, len(code) + 1)
            if made is not None:
                code.append(made)
        if not code:
            raise NotebookError("has no code cells with anything in them, so there is nothing to run")
        return cls(text, bom, tuple(code))

    def replaced(self, sources: Mapping[int, str]) -> str:
        """The file's text with other sources for some cells, by number."""
        text = self.text
        for cell in reversed(self.cells):
            if cell.number in sources and sources[cell.number] != cell.source:
                start, end = cell.node.start, cell.node.end
                text = text[:start] + _source_json(text[start:end], cell, sources[cell.number]) + text[end:]
        return text

    def encode(self, text: str) -> bytes:
        """A text of this notebook as the bytes of its file."""
        return (codecs.BOM_UTF8 if self.bom else b"") + text.encode("utf-8")


def _require_format(root: dict[str, _Node]) -> None:
    major = _plain(root.get("nbformat"))
    if "worksheets" in root or (isinstance(major, int) and major < 4):
        raise NotebookError(
            f"is a notebook of the old format {major or 3}: save it in the present one with "
            "`jupyter nbconvert --to notebook --inplace`, or open and save it in Jupyter"
        )
    if isinstance(major, int) and major > 4:
        raise NotebookError(f"is a notebook of format {major}, which is newer than the one known here (4)")


def _require_python(metadata: _Node | None) -> None:
    found = _plain(metadata)
    if not isinstance(found, dict):
        return
    kernel, info = found.get("kernelspec"), found.get("language_info")
    language = info.get("name") if isinstance(info, dict) else None
    language = language or (kernel.get("language") if isinstance(kernel, dict) else None)
    if isinstance(language, str) and language.lower() not in {"python", "ipython", "python3", ""}:
        raise NotebookError(f"is a notebook for {language}, not for Python")


def _code_cell(cell: _Node, number: int) -> CodeCell | None:
    fields = cell.value if isinstance(cell.value, dict) else {}
    if _plain(fields.get("cell_type")) != "code" or "source" not in fields:
        return None
    written = _plain(fields["source"])
    if isinstance(written, list) and all(isinstance(line, str) for line in written):
        written = "".join(written)
    if not isinstance(written, str):
        raise NotebookError(f"is no notebook: the source of its code cell {number} is no text")
    if not written.strip():
        return None
    metadata = _plain(fields.get("metadata"))
    tags = metadata.get("tags") if isinstance(metadata, dict) else None
    return CodeCell(number, written, frozenset(map(str, tags if isinstance(tags, list) else [])), fields["source"])


# -- JSON with places -----------------------------------------------------------------------------------------------


def _json(text: str) -> _Node:
    try:
        json.loads(text)  # its errors are the better ones
        node = _value(text, _blank(text, 0))
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        if not text.strip():
            raise NotebookError("is empty: there is no notebook in it") from error
        raise NotebookError(f"is no notebook: it is not JSON ({error.msg} at {where})") from error
    except RecursionError as error:
        raise NotebookError("is no notebook: its JSON is nested too deeply") from error
    return node


def _blank(text: str, position: int) -> int:
    match = _BLANK.match(text, position)
    return match.end() if match else position


def _value(text: str, start: int) -> _Node:
    sign = text[start]
    if sign == '"':
        value, end = scanstring(text, start + 1, False)
        return _Node(start, end, value)
    if sign == "[":
        items: list[_Node] = []
        position = _blank(text, start + 1)
        while text[position] != "]":
            items.append(_value(text, position))
            position = _blank(text, items[-1].end)
            position = _blank(text, position + 1) if text[position] == "," else position
        return _Node(start, position + 1, items)
    if sign == "{":
        return _object(text, start)
    match = _LITERAL.match(text, start)
    assert match is not None
    return _Node(start, match.end(), json.loads(match[0]))


def _object(text: str, start: int) -> _Node:
    found: dict[str, _Node] = {}
    position = _blank(text, start + 1)
    while text[position] != "}":
        key, position = scanstring(text, position + 1, False)
        position = _blank(text, _blank(text, position) + 1)
        found[key] = _value(text, position)
        position = _blank(text, found[key].end)
        position = _blank(text, position + 1) if text[position] == "," else position
    return _Node(start, position + 1, found)


def _plain(node: _Node | None) -> Any:
    if node is None:
        return None
    if isinstance(node.value, list):
        return [_plain(item) for item in node.value]
    if isinstance(node.value, dict):
        return {key: _plain(item) for key, item in node.value.items()}
    return node.value


# -- a source put back ----------------------------------------------------------------------------------------------


def _source_json(written: str, cell: CodeCell, new: str) -> str:
    """The JSON of a cell's new source in the style of the old: one string or one for each line, escapes and blanks."""
    ascii_only = written.isascii()
    items = cell.node.value
    if isinstance(items, str):
        old = _raw_lines(written[1:-1])
        return f'"{"".join(_reused(old, new, ascii_only))}"'
    strings = [written[item.start - cell.node.start : item.end - cell.node.start] for item in items]
    old = [(item.value, string[1:-1]) for item, string in zip(items, strings, strict=True)]
    first, last = items[0], items[-1]
    opening = written[: first.start - cell.node.start]
    closing = written[last.end - cell.node.start :]
    between = ", "
    if len(items) > 1:
        between = written[first.end - cell.node.start : items[1].start - cell.node.start]
    elif "\n" in opening:
        between = "," + opening[1:]
    return opening + between.join(f'"{line}"' for line in _reused(old, new, ascii_only)) + closing


def _raw_lines(raw: str) -> list[tuple[str, str]]:
    """The lines in the inside of a JSON string: (text, as it is written)."""
    lines: list[tuple[str, str]] = []
    current = ""
    for sign in _SIGN.findall(raw):
        current += sign
        if sign == "\\n" or sign.lower() == "\\u000a":
            lines.append((json.loads(f'"{current}"', strict=False), current))
            current = ""
    if current:
        lines.append((json.loads(f'"{current}"', strict=False), current))
    return lines


def _reused(old: list[tuple[str, str]], new: str, ascii_only: bool) -> list[str]:
    """The new source's lines as the insides of JSON strings; a line that was there is written as it was."""
    lines = new.splitlines(keepends=True) if "\r" not in new else re.findall(r"[^\n]*\n|[^\n]+\Z", new)
    before = [text for text, _ in old]
    if any(text.count("\n") > 1 for text in before):
        lines = _joined_as(before, lines)
    raw = [json.dumps(line, ensure_ascii=ascii_only)[1:-1] for line in lines]
    matcher = difflib.SequenceMatcher(None, before, lines, autojunk=False)
    for start, other, size in matcher.get_matching_blocks():
        raw[other : other + size] = [written for _, written in old[start : start + size]]
    return raw


def _joined_as(before: list[str], lines: list[str]) -> list[str]:
    """Lines put together where strings of the old source held several, as far as these are unchanged."""
    whole = "".join(lines)
    kept: list[str] = []
    position = 0
    for text in before:
        if not whole.startswith(text, position) or not (text.endswith("\n") or position + len(text) == len(whole)):
            break
        kept.append(text)
        position += len(text)
    return [*kept, *whole[position:].splitlines(keepends=True)]
