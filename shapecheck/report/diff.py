"""Edits as differences: patched text, the lines that change, and one unified diff; nothing is written here."""

from __future__ import annotations

import difflib
import itertools
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from shapecheck.diagnose.finding import Diagnosis, Edit, File, Finding, Fix
from shapecheck.report.notebook import Notebook, NotebookError
from shapecheck.report.source_text import (
    SourceFiles,
    SourceText,
    cell_text,
    shown_file,
    shown_line,
    shown_path,
    split_lines,
)


class EditError(Exception):
    """A set of edits cannot be applied to the file as it is; the message says which and why."""


@dataclass(frozen=True)
class Hunk:
    """Consecutive lines of one file that change, endings stripped.

    Attributes:
        file: The file, or the cell.
        line: Number of the first line that changes.
        before: The lines that go.
        after: The lines that come instead.
        following: The unchanged line after them, if there is one.
    """

    file: File
    line: int
    before: tuple[str, ...]
    after: tuple[str, ...]
    following: tuple[str, ...]


@dataclass(frozen=True)
class ChosenFix:
    """A fix and the finding that it belongs to."""

    finding: Finding
    fix: Fix


def _start(edit: Edit) -> tuple[int, int]:
    return (edit.line, edit.column)


def _end(edit: Edit) -> tuple[int, int]:
    return (edit.end_line, edit.end_column)


def overlap(a: Edit, b: Edit) -> bool:
    """Whether two edits want the same characters of the same file; two insertions at one point do as well."""
    if (os.path.realpath(a.path), a.cell) != (os.path.realpath(b.path), b.cell):
        return False
    if _start(a) == _start(b):
        return True
    return _start(a) < _end(b) and _start(b) < _end(a)


def _checked(text: SourceText, edits: Iterable[Edit]) -> list[Edit]:
    """The edits in the order of the file; raises EditError where they overlap or leave it."""
    ordered = sorted(set(edits), key=lambda edit: (_start(edit), _end(edit)))
    for edit in ordered:
        lines = tuple(line.rstrip("\r\n") for line in _with_end(text))
        inside = 1 <= edit.line <= edit.end_line <= len(lines) and _start(edit) <= _end(edit)
        if (
            not inside
            or not 1 <= edit.column <= len(lines[edit.line - 1]) + 1
            or not 1 <= edit.end_column <= len(lines[edit.end_line - 1]) + 1
        ):
            raise EditError(f"{shown_file(text.file)} has no line {edit.line}, column {edit.column} to edit any more")
    for first, second in itertools.pairwise(ordered):
        if overlap(first, second):
            raise EditError(
                f"two edits want the same place, {shown_line(second, column=True)}; apply one, then run again"
            )
    return ordered


def patched_lines(text: SourceText, edits: Iterable[Edit]) -> tuple[str, ...]:
    """Apply the edits to a file's text.

    Args:
        text: The file.
        edits: All for this file; duplicates count once. A line break in a replacement becomes the file's own.

    Returns:
        The new lines with their endings. What no edit touches is the same character for character.

    Raises:
        EditError: Edits overlap, or lie outside the file.
    """
    lines = _with_end(text)
    for edit in reversed(_checked(text, edits)):
        replacement = text.newline.join(line.rstrip("\r\n") for line in _pieces(edit.replacement))
        head = lines[edit.line - 1][: edit.column - 1]
        tail = lines[edit.end_line - 1][edit.end_column - 1 :]
        lines[edit.line - 1 : edit.end_line] = [head + replacement + tail]
    return split_lines("".join(lines))


def _with_end(text: SourceText) -> list[str]:
    """The lines and, where the last one is ended, the place after it, where lines can be added."""
    lines = list(text.raw_lines)
    return lines if lines and not lines[-1].endswith(("\r", "\n")) else [*lines, ""]


def _pieces(replacement: str) -> list[str]:
    pieces = list(split_lines(replacement)) or [""]
    # The text after a last line break is a line too, be it empty.
    return [*pieces, ""] if pieces[-1].endswith(("\r", "\n")) else pieces


def changes(before: tuple[str, ...], after: tuple[str, ...]) -> list[tuple[int, int, int, int]]:
    """The ranges that differ, as (start, end) in `before` and (start, end) in `after`, zero-based and half open."""
    head = 0
    while head < min(len(before), len(after)) and before[head] == after[head]:
        head += 1
    tail = 0
    while tail < min(len(before), len(after)) - head and before[-1 - tail] == after[-1 - tail]:
        tail += 1
    middle_before, middle_after = before[head : len(before) - tail], after[head : len(after) - tail]
    matcher = difflib.SequenceMatcher(None, middle_before, middle_after, autojunk=False)
    return [(head + a, head + b, head + c, head + d) for tag, a, b, c, d in matcher.get_opcodes() if tag != "equal"]


def hunks(fix: Fix, files: SourceFiles) -> list[Hunk]:
    """What a fix changes, line by line.

    Raises:
        EditError: A file is gone, or the edits do not fit it.
    """
    found = []
    for file, edits in edits_by_file(fix.edits).items():
        text = files.read(*file)
        if text is None:
            raise EditError(f"{shown_file(file)} cannot be read any more")
        after = tuple(line.rstrip("\r\n") for line in patched_lines(text, edits))
        for a, b, c, d in changes(text.lines, after):
            found.append(Hunk(file, a + 1, text.lines[a:b], after[c:d], text.lines[b : b + 1]))
    return found


def edits_by_file(edits: Iterable[Edit]) -> dict[File, list[Edit]]:
    """Group edits by the file, or the cell, that they are for; two spellings of one path are one file."""
    spelling: dict[str, str] = {}
    grouped: dict[File, list[Edit]] = {}
    for edit in edits:
        path = spelling.setdefault(os.path.realpath(edit.path), edit.path)
        grouped.setdefault((path, edit.cell), []).append(edit)
    return grouped


def patched_notebook(notebook: Notebook, path: str, edits: Iterable[Edit]) -> str:
    """A notebook's text with the edits made in its cells.

    Raises:
        EditError: Edits overlap, or lie outside their cells.
    """
    sources = {cell.number: cell.source for cell in notebook.cells}
    changed = {}
    for (_, number), own in edits_by_file(edits).items():
        if number not in sources:
            raise EditError(f"{shown_path(path)} has no cell {number} any more")
        changed[number] = "".join(patched_lines(cell_text(path, number, sources[number]), own))
    return notebook.replaced(changed)


def best_fixes(diagnosis: Diagnosis, *, safe_only: bool = False) -> tuple[list[ChosenFix], list[ChosenFix]]:
    """Choose the best fix of each finding, as far as they go together.

    Args:
        diagnosis: The findings, most important first; their fixes, best first.
        safe_only: Only what may be applied unasked: verified, and for an error rather than a mere warning.

    Returns:
        Those chosen, and those left out because an earlier one edits the same place.
    """
    chosen: list[ChosenFix] = []
    left_out: list[ChosenFix] = []
    for finding in diagnosis.findings:
        candidates = [fix for fix in finding.fixes if not safe_only or is_safe(finding, fix)]
        if not candidates:
            continue
        candidate = ChosenFix(finding, candidates[0])
        taken = {edit for other in chosen for edit in other.fix.edits}
        new = [edit for edit in candidate.fix.edits if edit not in taken]
        if any(overlap(edit, other) for edit in new for other in taken):
            left_out.append(candidate)
        elif new:
            chosen.append(candidate)
    return chosen, left_out


def is_safe(finding: Finding, fix: Fix) -> bool:
    """Whether `--fix` may apply it: it was run and shown to work, and what it repairs is an error."""
    return fix.confidence == "verified" and finding.severity == "error"


def unified_diff(fixes: Iterable[Fix], files: SourceFiles, *, context: int = 3) -> str:
    """The fixes as one unified diff that `git apply` and `patch -p1` understand.

    Raises:
        EditError: A file is gone, or the edits do not fit it or each other.
    """
    parts: list[str] = []
    for file, before, after in _before_and_after(edits_by_file(edit for fix in fixes for edit in fix.edits), files):
        name = shown_file(file).replace(os.sep, "/")
        old, new = (name, name) if Path(name).is_absolute() else (f"a/{name}", f"b/{name}")
        lines = difflib.unified_diff(before, after, old, new, n=context)
        # difflib leaves a last line without its ending, which would glue the next line to it.
        parts += [line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines]
    return "".join(parts)


def _before_and_after(
    grouped: dict[File, list[Edit]], files: SourceFiles
) -> Iterator[tuple[File, tuple[str, ...], tuple[str, ...]]]:
    """(file, lines before, lines after); of a notebook on the disk the lines are those of its JSON."""
    notebooks: dict[str, list[Edit]] = {}
    for (path, cell), edits in grouped.items():
        if cell is not None and not path.startswith("<"):
            notebooks.setdefault(path, []).extend(edits)
            continue
        text = files.read(path, cell)
        if text is None:
            raise EditError(f"{shown_file((path, cell))} cannot be read any more")
        yield (path, cell), text.raw_lines, patched_lines(text, edits)
    for path, edits in notebooks.items():
        try:
            notebook = Notebook.parse(Path(path).read_bytes())
        except (OSError, NotebookError) as error:
            raise EditError(f"{shown_path(path)} cannot be read any more") from error
        yield (path, None), split_lines(notebook.text), split_lines(patched_notebook(notebook, path, edits))
