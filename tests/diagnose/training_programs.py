"""Small programs that train a network, edits that make them wrong, and what is said of them."""

from __future__ import annotations

from pathlib import Path

from shapecheck.diagnose.finding import Finding, Fix
from shapecheck.pipeline import Request, diagnose_script

PROGRAMS = Path(__file__).resolve().parents[1] / "programs" / "updates"
NAMES = sorted(path.stem for path in PROGRAMS.glob("*.py"))

Edits = list[tuple[str, str]]


def edited(name: str, edits: Edits) -> str:
    """A program with texts replaced, each of which occurs exactly once."""
    return edited_text((PROGRAMS / f"{name}.py").read_text(encoding="utf-8"), edits)


def edited_text(text: str, edits: Edits) -> str:
    """A program's text with parts replaced, each of which occurs exactly once."""
    for old, new in edits:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return text


def findings(folder: Path, text: str, *, trials: bool = False) -> list[Finding]:
    """What is said of a program, the notes left out."""
    script = folder / "train.py"
    script.write_text(text, encoding="utf-8")
    diagnosis = diagnose_script(Request(str(script), trials=trials, script_stdout_to_stderr=True))
    assert diagnosis.program.outcome == "finished"
    return [finding for finding in diagnosis.findings if finding.severity != "note"]


def blamed_line(text: str, finding: Finding) -> str:
    """The line that a finding's cause is on."""
    return text.splitlines()[finding.cause.line - 1]


def repaired(text: str, fix: Fix) -> str:
    """The program with a fix made."""
    lines = text.splitlines(keepends=True)
    for edit in sorted(fix.edits, key=lambda e: (e.line, e.column), reverse=True):
        kept = "".join(lines[: edit.line - 1]) + "".join(lines[edit.line - 1 : edit.line])[: edit.column - 1]
        rest = "".join(lines[edit.end_line - 1 :])[edit.end_column - 1 :]
        lines = (kept + edit.replacement + rest).splitlines(keepends=True)
    return "".join(lines)
