"""Where in the user's source a wrong gradient comes from, as plain data; decides nothing."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from shapecheck.trace.code_names import short_place


@dataclass(frozen=True)
class Mend:
    """An edit after which every gradient matches; it was run.

    Attributes:
        title: What it does, as an instruction.
        before, after: The lines that it changes, as (line number, text).
        edits: (path, line, column, end line, end column, replacement); 1-based, end exclusive, in characters.
        evidence: What was seen with it.
    """

    title: str
    before: tuple[tuple[int, str], ...]
    after: tuple[tuple[int, str], ...]
    edits: tuple[tuple[str, int, int, int, int, str], ...]
    evidence: str


@dataclass(frozen=True)
class Origin:
    """The expression that makes gradients wrong.

    Attributes:
        path: File, or the name that a notebook's cell goes by.
        line, column, end_line, end_column: 1-based, end exclusive, in characters.
        source: The expression as the user wrote it.
        text: The line, or lines, that it stands in.
        function: Qualified name of the function around it.
        parameters: Those whose gradients become right with it.
        explanation: What it should be, and why: one or two sentences.
        mend: An edit that makes every gradient right, where one was found.
    """

    path: str
    line: int
    column: int
    end_line: int
    end_column: int
    source: str
    text: tuple[str, ...]
    function: str
    parameters: tuple[str, ...]
    explanation: str
    mend: Mend | None = field(default=None)

    @property
    def place(self) -> str:
        """File and line, as editors and terminals understand it."""
        return short_place(self.path, self.line)

    def to_dict(self) -> dict[str, Any]:
        """As plain JSON values."""
        span = {n: getattr(self, n) for n in ("path", "line", "column", "end_line", "end_column", "source", "function")}
        names = ("path", "line", "column", "end_line", "end_column", "replacement")
        mend = None
        if self.mend is not None:
            edits = [dict(zip(names, edit, strict=True)) for edit in self.mend.edits]
            mend = {"title": self.mend.title, "evidence": self.mend.evidence, "edits": edits}
        return {**span, "parameters": list(self.parameters), "explanation": self.explanation, "fix": mend}


def origin_text(origin: Origin) -> list[str]:
    """The lines that a report has for it: the place, the code with the expression underlined, why, and the edit."""
    within = f", in `{origin.function}`" if origin.function not in {"", "<module>"} else ""
    lines = [f"  line    {origin.place}{within}", ""]
    lines += underlined(origin, "          ")
    lines += ["", f"  cause   {origin.explanation}"]
    mend = origin.mend
    if mend is not None:
        lines += [f"  help    {mend.title}"]
        lines += [f"          - {text.strip()}" for _, text in mend.before]
        lines += [f"          + {text.strip()}" for _, text in mend.after]
        lines += [f"          {mend.evidence}"]
    return lines


def underlined(origin: Origin, indent: str) -> list[str]:
    """The code around the expression, the expression underlined."""
    shown = []
    margin = min((len(t) - len(t.lstrip()) for t in origin.text if t.strip()), default=0)
    for number, text in enumerate(origin.text, start=origin.line):
        code = text.rstrip()
        first = origin.column - 1 if number == origin.line else len(code) - len(code.lstrip())
        last = origin.end_column - 1 if number == origin.end_line else len(code)
        shown.append(indent + code[margin:])
        shown.append(indent + " " * (first - margin) + "^" * max(last - first, 1))
    return shown
