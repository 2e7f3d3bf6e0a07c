"""The diagnosis for a reader at a terminal: one block for each finding, in plain text or in colour."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable
from pathlib import PurePath

from rich.console import Console
from rich.text import Text

from shapecheck.diagnose.finding import Diagnosis, Finding, Fix, Operand, Shape, Span, TrailStep
from shapecheck.report.diff import EditError, hunks
from shapecheck.report.excerpt import GUTTER, TAB, Mark, excerpt, margin, marks_for, printable
from shapecheck.report.source_text import SourceFiles, shown_file, shown_line
from shapecheck.report.summary import closing_lines, header_lines, plural

MIN_WIDTH = 30
_SEVERITY_STYLE = {"error": "red bold", "warning": "yellow bold", "note": "cyan bold"}
_TRAIL_STYLE = "cyan bold"
# A shape is not torn apart at the end of a row: its blanks are this sign while text is wrapped.
_SHAPE = re.compile(r"\(\d+,(?: \d+,?)*\)")
_GLUE = "\ue000"
_MOST_LINES = 10
_MOST_STEPS = 6
_MOST_SHAPES = 4
_MOST_FIXES = 3


def render_terminal(diagnosis: Diagnosis, *, width: int = 80, color: bool = False, fixing: bool = False) -> str:
    """Write the whole report: the network, each finding, and what was found in sum.

    Args:
        diagnosis: What to say.
        width: Columns of the terminal; text wraps there, code is cut around what is underlined.
        color: Whether to write colours (ANSI codes).
        fixing: Fixes are being applied by this same run, so do not tell the reader how to.

    Returns:
        Text that ends with a line break.
    """
    width = max(width, MIN_WIDTH)
    files = SourceFiles(diagnosis.texts)
    rows = wrapped(header_lines(diagnosis), width)
    for finding in diagnosis.findings:
        rows.append(Text())
        rows += _Block(finding, files, width).rows()
    if diagnosis.findings:
        rows.append(Text())
    rows += wrapped(closing_lines(diagnosis, fixing=fixing), width)
    return to_string(rows, color=color)


def render_finding(
    finding: Finding, files: SourceFiles, *, width: int = 80, color: bool = False, closing: str = ""
) -> str:
    """Write one finding by itself, as it stands in a report.

    Args:
        finding: What to say.
        files: Where its code is read.
        width: Columns of the terminal.
        color: Whether to write colours (ANSI codes).
        closing: A last line, on where to go from here.
    """
    width = max(width, MIN_WIDTH)
    rows = _Block(finding, files, width).rows()
    # It may be a command to copy, and is not wrapped.
    return to_string([*rows, *([Text(closing)] if closing else [])], color=color)


def to_string(rows: Iterable[Text], *, color: bool) -> str:
    """Print rows that are laid out already."""
    stream = io.StringIO()
    console = Console(
        file=stream,
        width=10_000,  # the rows are laid out already: nothing is to be wrapped or cut here
        force_terminal=color,
        force_jupyter=False,  # a notebook would be shown every row by itself
        no_color=not color,
        color_system="standard" if color else None,
        legacy_windows=False,
        markup=False,
        highlight=False,
        emoji=False,
    )
    for row in rows:
        row.rstrip()
        console.print(row, soft_wrap=True)
    return stream.getvalue()


def wrapped(lines: Iterable[tuple[Text, int]], width: int) -> list[Text]:
    """Wrap lines at the width; each comes with the indentation of its continuations."""
    return [row for text, indent in lines for row in wrap(text, width, Text(), Text(" " * indent))]


def wrap(text: Text, width: int, first: Text, rest: Text) -> list[Text]:
    """Wrap a text at spaces, with one prefix for the first row and another for those that follow."""
    console = Console(width=width, legacy_windows=False, force_jupyter=False)
    room = max(width - max(first.cell_len, rest.cell_len), 10)
    text = text.copy()
    text.plain = _SHAPE.sub(lambda shape: shape.group().replace(" ", _GLUE), text.plain)
    rows = list(text.wrap(console, room))
    for row in rows:
        row.plain = row.plain.replace(_GLUE, " ")
    return [Text.assemble(first if index == 0 else rest, row) for index, row in enumerate(rows)]


def shape_text(shape: Shape) -> str:
    """Write a shape as NumPy does: (3, 1), (5,), ()."""
    return str(tuple(int(size) for size in shape))


def _place(span: Span, *, column: bool = False) -> str:
    return printable(shown_file(span.file) if span.line < 1 else shown_line(span, column=column))


class _Block:
    """One finding, laid out."""

    def __init__(self, finding: Finding, files: SourceFiles, width: int) -> None:
        self.finding = finding
        self.files = files
        self.width = width
        self.style = _SEVERITY_STYLE[finding.severity]
        spans = [finding.location, finding.cause, *(step.span for step in finding.trail)]
        last_lines = [span.end_line for span in spans]
        last_lines += [edit.end_line for fix in finding.fixes[:_MOST_FIXES] for edit in fix.edits]
        self.gutter = max(len(str(max(last_lines))), 2)
        self.steps = _steps(finding)
        self.drawn: list[Operand] = []
        self.shown: list[Span] = []

    def rows(self) -> list[Text]:
        finding = self.finding
        head = Text.assemble((f"{finding.severity}[{finding.code}]", self.style), (": " + self._title(), "bold"))
        rows = wrap(head, self.width, Text(), Text("  "))
        arrow = Text(" " * self.gutter + "--> ", style=GUTTER)
        rows.append(Text.assemble(arrow, _place(finding.location, column=True)))
        code = self._code(finding.location, self.style)
        if code:
            rows += [margin(self.gutter), *code]
        rows += self._remarks(bool(code))
        trail = self._trail()
        if trail:
            rows += [margin(self.gutter), *trail]
        rows += self._help()
        return rows

    def _title(self) -> str:
        finding = self.finding
        title = printable(finding.title)
        if finding.layer is None or "layer" in title:
            return title
        named = f" ({', '.join(finding.parameters)})" if finding.parameters else ""
        return f"layer {finding.layer}{printable(named)}: {title}"

    def _code(self, span: Span, style: str) -> list[Text]:
        """The lines of a span with the operands that lie in it underlined, or else the span itself."""
        if span.line < 1 or not (span.source or self.files.read(*span.file)):
            return []
        self.shown.append(span)
        lines = self.files.lines_at(span)
        if lines is None:
            return self._vanished(span, style)
        numbered = dict(enumerate(lines, start=span.line))
        marks = self._operand_marks(span, numbered, style) or marks_for(span, lines, style=style)
        kept = _most_telling(span, marks)
        numbered = {number: line for number, line in numbered.items() if number in kept}
        return excerpt(numbered, marks, width=self.width, gutter=self.gutter)

    def _operand_marks(self, span: Span, numbered: dict[int, str], style: str) -> list[Mark]:
        labels: dict[Span, list[str]] = {}
        for operand in self.finding.operands:
            where = operand.span
            if where is None or where.file != span.file or any(operand is other for other in self.drawn):
                continue
            if where.line not in numbered or where.end_line not in numbered or not self.files.lines_at(where):
                continue
            self.drawn.append(operand)
            labels.setdefault(where, []).append(_shape_label(operand))
        marks: list[Mark] = []
        for where, shapes in labels.items():
            # One place can stand for several arrays: the rows that a comprehension makes.
            different = list(dict.fromkeys(shapes))
            label = ", ".join(different[:_MOST_SHAPES]) + (", ..." if len(different) > _MOST_SHAPES else "")
            lines = [numbered[number] for number in range(where.line, where.end_line + 1)]
            marks += marks_for(where, lines, label=label, style=style)
        return marks

    def _vanished(self, span: Span, style: str) -> list[Text]:
        """Show what was run, where the file no longer holds it."""
        lines = span.source.splitlines()[:_MOST_LINES]
        numbered = dict(enumerate(lines, start=span.line))
        marks = [Mark(n, len(line) - len(line.lstrip()), len(line), style=style) for n, line in numbered.items()]
        note = f"as it was when it ran; {shown_file(span.file)} has changed since or cannot be read"
        rows = excerpt(numbered, marks, width=self.width, gutter=self.gutter)
        return rows + wrap(Text(note, style="dim"), self.width, self._bar(), self._bar())

    def _bar(self, indent: int = 3) -> Text:
        return Text.assemble((" " * self.gutter + " |", GUTTER), " " * indent)

    def _remarks(self, after_code: bool) -> list[Text]:
        """The message, and the shapes of the operands that no line of code on display holds."""
        trail_lines = [(step.span.file, step.span.line, step.span.end_line) for step in self.steps]
        texts = [self.finding.message] if self.finding.message else []
        for operand in self.finding.operands:
            where = operand.span
            in_trail = where is not None and any(
                where.file == file and line <= where.line and where.end_line <= end for file, line, end in trail_lines
            )
            if in_trail or any(operand is other for other in self.drawn):
                continue
            place = "" if where is None or where.line < 1 else f", at {self._near(where)}"
            texts.append(f"`{operand.source}` is {_shape_label(operand)}{place}")
        rows = [row for text in texts for row in wrap(Text(printable(text)), self.width, self._bar(), self._bar())]
        return [margin(self.gutter), *rows] if rows and not after_code else rows

    def _trail(self) -> list[Text]:
        left_out = len(self.steps) - _MOST_STEPS
        rows: list[Text] = []
        for index, step in enumerate(self.steps):
            if left_out > 0 and 3 <= index < 3 + left_out:
                if index == 3:
                    rows += self._note(Text(f"... {plural(left_out, 'more place')} on the way"))
                continue
            rows += self._note(self._step_text(step))
            if step.span not in self.shown:
                rows += self._code(step.span, _TRAIL_STYLE)
        return rows

    def _step_text(self, step: TrailStep) -> Text:
        born = _same_lines(step.span, self.finding.cause) and not _same_lines(step.span, self.finding.location)
        head = f"it began here, at {self._near(step.span)}" if born else self._near(step.span)
        return Text(head + (f": {printable(step.note)}" if step.note else ""))

    def _near(self, span: Span) -> str:
        """A place, its folder left out where the block has named it already."""
        if span.path != self.finding.location.path or span.line < 1:
            return _place(span)
        if span.cell is not None:
            return f"cell {span.cell}, line {span.line}"
        return f"{printable(PurePath(span.path).name)}:{span.line}"

    def _note(self, text: Text) -> list[Text]:
        first = Text(" " * self.gutter + " = ", style=GUTTER)
        return wrap(text, self.width, first, Text(" " * first.cell_len))

    def _help(self) -> list[Text]:
        fixes = self.finding.fixes
        # One proven fix is what a reader needs; guesses are shown side by side, for the reader to choose.
        most = 1 if fixes and fixes[0].confidence == "verified" else _MOST_FIXES
        rows: list[Text] = []
        for index, fix in enumerate(fixes[:most]):
            title = Text.assemble(("help", "green bold"), (": " if index == 0 else ": or ") + printable(fix.title))
            rows += [*wrap(title, self.width, Text(), Text("      ")), *self._diff(fix), *self._evidence(fix)]
        if len(fixes) > most:
            rows += self._note(Text(f"{plural(len(fixes) - most, 'other fix', 'other fixes')}: see --format json"))
        return rows

    def _diff(self, fix: Fix) -> list[Text]:
        try:
            changed = hunks(fix, self.files)
        except EditError as error:
            return self._note(Text(f"cannot be shown as a diff: {error}"))
        rows: list[Text] = []
        file = self.finding.location.file
        for hunk in changed:
            if hunk.file != file:
                rows += [Text(" " * self.gutter + f"--> {printable(shown_file(hunk.file))}", style=GUTTER)]
            file = hunk.file
            for sign, style, lines in (("-", "red", hunk.before), ("+", "green", hunk.after)):
                for number, line in enumerate(lines, start=hunk.line):
                    rows.append(self._diff_row(number, sign, line, style))
            if not hunk.before:
                # Lines that are only put in say little without the line that they go before.
                rows += [self._diff_row(hunk.line + len(hunk.after), " ", line, "") for line in hunk.following]
        return rows

    def _diff_row(self, number: int, sign: str, line: str, style: str) -> Text:
        code = printable(line.replace("\t", " " * TAB))
        return Text(f"{number:>{self.gutter}} {sign} {code}", style=style)

    def _evidence(self, fix: Fix) -> list[Text]:
        verified = fix.confidence == "verified"
        summary = fix.summary or ("it was run and works" if verified else "not proven by a run")
        return self._note(
            Text.assemble((fix.confidence, "green bold" if verified else "yellow bold"), ": " + printable(summary))
        )


def _steps(finding: Finding) -> tuple[TrailStep, ...]:
    """The trail, with the cause put first where no step shows it."""
    known = [finding.location, *(step.span for step in finding.trail)]
    if any(_same_lines(finding.cause, span) for span in known):
        return finding.trail
    return (TrailStep(finding.cause, ""), *finding.trail)


def _most_telling(span: Span, marks: list[Mark]) -> set[int]:
    """Choose the lines of a span to show: all, or of many those with labels, its ends, and the first ones marked."""
    labelled = [mark.line for mark in marks if mark.label]
    candidates = [span.line, *labelled, span.end_line, *(mark.line for mark in marks)]
    if span.end_line - span.line < _MOST_LINES:
        candidates += range(span.line, span.end_line + 1)
    return set(list(dict.fromkeys(candidates))[:_MOST_LINES])


def _same_lines(a: Span, b: Span) -> bool:
    return (a.file, a.line, a.end_line) == (b.file, b.line, b.end_line)


def _shape_label(operand: Operand) -> str:
    label = shape_text(operand.shape)
    if operand.expected is not None and tuple(operand.expected) != tuple(operand.shape):
        label += f", should be {shape_text(operand.expected)}"
    return label
