"""Writes fixes into the user's files: all of a file or nothing, and nothing else of the file changes."""

from __future__ import annotations

import ast
import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from shapecheck.diagnose.finding import Edit, Finding, Span
from shapecheck.report.diff import ChosenFix, EditError, edits_by_file, patched_lines, patched_notebook
from shapecheck.report.notebook import Notebook, NotebookError
from shapecheck.report.source_text import SourceText, cell_text, decode, holds, shown_file, shown_path
from shapecheck.trace.magics import translate


@dataclass(frozen=True)
class _Rewrite:
    """One file about to be replaced: its real place, what it holds now and what it will hold."""

    shown: str
    target: Path
    before: bytes
    after: bytes


def apply_fixes(fixes: Iterable[ChosenFix], *, unchanged_since_ns: int | None = None) -> tuple[str, ...]:
    """Write fixes into their files.

    Each file is replaced in one step (a new file beside it, then a rename), keeps its mode, encoding, byte order
    mark, line endings and missing last newline; a symbolic link stays one and its target is replaced. When one file
    cannot be replaced, those already replaced are put back.

    Args:
        fixes: Fixes that go together.
        unchanged_since_ns: When the program was started, in nanoseconds since the epoch; a file modified later is not
            the one that was diagnosed.

    Returns:
        The paths of the files written, as a reader would type them.

    Raises:
        EditError: Edits overlap or no longer fit, a file changed since the run, is read-only or gone, or would not
            be Python any more. Nothing was written.
    """
    chosen = list(fixes)
    edits = [edit for one in chosen for edit in one.fix.edits]
    findings = [one.finding for one in chosen]
    by_path: dict[str, list[Edit]] = {}
    for (path, _), group in edits_by_file(edits).items():
        by_path.setdefault(path, []).extend(group)
    rewrites = [_rewrite(path, group, findings, unchanged_since_ns) for path, group in by_path.items()]
    done: list[_Rewrite] = []
    try:
        for rewrite in rewrites:
            _replace(rewrite.target, rewrite.after)
            done.append(rewrite)
    except OSError as error:
        for written in done:
            with contextlib.suppress(OSError):
                _replace(written.target, written.before)
        raise EditError(f"{rewrite.shown} could not be written ({error.strerror}); no file was changed") from error
    return tuple(rewrite.shown for rewrite in rewrites)


def _rewrite(path: str, edits: list[Edit], findings: list[Finding], since: int | None) -> _Rewrite:
    shown = shown_path(path)
    target = Path(os.path.realpath(path))
    try:
        modified = target.stat().st_mtime_ns
        before = target.read_bytes()
    except OSError as error:
        raise EditError(f"{shown} cannot be read any more ({error.strerror}); nothing was changed") from error
    changed = EditError(f"{shown} has changed since the program ran; nothing was written: run again")
    if since is not None and modified > since:
        raise changed
    if not os.access(target, os.W_OK):
        raise EditError(f"{shown} is read-only; nothing was changed: make it writable, or use --diff")
    try:
        texts = _texts(before, path, notebook=edits[0].cell is not None)
    except (SyntaxError, UnicodeDecodeError, NotebookError) as error:
        raise changed from error
    if not all(_still_holds(text, span) for text in texts for finding in findings for span in _spans(finding)):
        raise changed
    if edits[0].cell is not None:
        notebook = Notebook.parse(before)
        after = notebook.encode(patched_notebook(notebook, path, edits))
        _refuse_broken_cells(notebook, Notebook.parse(after), path)
        return _Rewrite(shown, target, before, after)
    (text,) = texts
    lines = patched_lines(text, edits)
    try:
        after = text.encode(lines)
    except UnicodeEncodeError as error:
        raise EditError(
            f"the fix needs {error.object[error.start : error.end]!r}, which {shown}'s encoding "
            f"({text.encoding}) does not have; nothing was changed"
        ) from error
    _refuse_broken_syntax(before, after, shown)
    return _Rewrite(shown, target, before, after)


def _texts(data: bytes, path: str, *, notebook: bool) -> list[SourceText]:
    if not notebook:
        return [decode(data, path)]
    return [cell_text(path, cell.number, cell.source) for cell in Notebook.parse(data).cells]


def _spans(finding: Finding) -> list[Span]:
    operands = [operand.span for operand in finding.operands if operand.span is not None]
    return [finding.location, finding.cause, *(step.span for step in finding.trail), *operands]


def _still_holds(text: SourceText, span: Span) -> bool:
    if (os.path.realpath(span.path), span.cell) != (os.path.realpath(text.path), text.cell):
        return True
    if not 1 <= span.line <= span.end_line <= len(text.raw_lines):
        return False
    return holds(text.lines[span.line - 1 : span.end_line], span)


def _refuse_broken_cells(before: Notebook, after: Notebook, path: str) -> None:
    for old, new in zip(before.cells, after.cells, strict=True):
        if old.source != new.source:
            shown = shown_file((path, old.number))
            _refuse_broken_syntax(translate(old.source).text.encode(), translate(new.source).text.encode(), shown)


def _refuse_broken_syntax(before: bytes, after: bytes, shown: str) -> None:
    """A fix must leave Python behind; a file that was none before (a template, a notebook) is not judged."""
    try:
        ast.parse(before)
    except (SyntaxError, ValueError):
        return
    try:
        ast.parse(after)
    except (SyntaxError, ValueError) as error:
        raise EditError(f"the fix would leave {shown} with a syntax error; nothing was changed") from error


def _replace(target: Path, data: bytes) -> None:
    handle, temporary = tempfile.mkstemp(prefix=f".{target.name}.", suffix=".shapecheck", dir=target.parent)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        shutil.copymode(target, temporary)
        _keep_owner(target, temporary)
        Path(temporary).replace(target)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(temporary).unlink()
        raise


def _keep_owner(target: Path, temporary: str) -> None:
    """Give the new file the old one's owner, where that is allowed (root editing somebody's file)."""
    if hasattr(os, "chown"):
        status = target.stat()
        with contextlib.suppress(OSError):
            os.chown(temporary, status.st_uid, status.st_gid)
