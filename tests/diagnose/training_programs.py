"""Small programs that train a network, with edits that make them wrong; diagnosed as the command does, without trials."""

from __future__ import annotations

from pathlib import Path

from shapecheck.diagnose.finding import Finding
from shapecheck.pipeline import Request, diagnose_script

PROGRAMS = Path(__file__).resolve().parents[1] / "programs" / "updates"
NAMES = sorted(path.stem for path in PROGRAMS.glob("*.py"))

Edits = list[tuple[str, str]]


def edited(name: str, edits: Edits) -> str:
    """A program with texts replaced, each of which occurs exactly once."""
    text = (PROGRAMS / f"{name}.py").read_text(encoding="utf-8")
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
