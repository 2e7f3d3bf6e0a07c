"""What is different in an edited text of a file: as edits, as whole words, as what no one can mean."""

from __future__ import annotations

import ast
import difflib
from collections.abc import Iterator

from shapecheck.diagnose.finding import Edit
from shapecheck.trace.sites import split_lines


def edits_between(path: str, before: str, after: str) -> Iterator[Edit]:
    """The smallest edits that turn one text into another, one for each run of changed lines."""
    old, new = split_lines(before), split_lines(after)
    for tag, i1, i2, j1, j2 in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag == "equal":
            continue
        if i2 - i1 == j2 - j1:
            for i, j in zip(range(i1, i2), range(j1, j2), strict=True):
                if old[i] != new[j]:
                    yield _within_line(path, i + 1, old[i], new[j])
            continue
        removed, added = "".join(old[i1:i2]), "".join(new[j1:j2])
        if removed:
            yield Edit(path, i1 + 1, 1, i2 + 1, 1, added)
        else:
            yield Edit(path, i1 + 1, 1, i1 + 1, 1, added)


def _within_line(path: str, line: int, old: str, new: str) -> Edit:
    start = 0
    while start < min(len(old), len(new)) and old[start] == new[start]:
        start += 1
    end = 0
    while end < min(len(old), len(new)) - start and old[-1 - end] == new[-1 - end]:
        end += 1
    return Edit(path, line, start + 1, line, len(old) - end + 1, new[start : len(new) - end])


def moved_line(path: str, line: int, before: str, after: str) -> int:
    """Where a line of one text is in the other; a changed line is where it was."""
    for edit in reversed(list(edits_between(path, before, after))):
        if edit.end_line <= line:
            line += edit.replacement.count("\n") - (edit.end_line - edit.line)
    return line


def whole_words(line: str, start: int, end: int) -> tuple[int, int]:
    """A piece of a line (from, to) without the blanks around it, and with the rest of the words that it cuts."""
    piece = line[start:end]
    start, end = start + len(piece) - len(piece.lstrip()), end - (len(piece) - len(piece.rstrip()))
    while start and _in_word(line[start - 1 : start + 1]):
        start -= 1
    while end < len(line) and _in_word(line[end - 1 : end + 1]):
        end += 1
    return start, end


def _in_word(two: str) -> bool:
    return all(c.isalnum() or c == "_" for c in two)


def cancels(before: str, after: str) -> bool:
    """Whether an edited text takes a value from itself, or divides it by itself, where the other did not."""
    return _differences_of_one(after) > _differences_of_one(before)


def _differences_of_one(text: str) -> int:
    try:
        nodes = list(ast.walk(ast.parse(text)))
    except SyntaxError:
        return 0
    differences = [n for n in nodes if isinstance(n, ast.BinOp) and isinstance(n.op, ast.Sub | ast.Div)]
    named = [n for n in differences if isinstance(n.left, ast.Name | ast.Attribute | ast.Subscript)]
    return sum(ast.dump(n.left) == ast.dump(n.right) for n in named)
