"""Lays out lines of code with their sub-expressions underlined and labelled; knows columns, nothing of findings."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from rich.cells import cell_len
from rich.text import Text

from shapecheck.diagnose.finding import Span

TAB = 4
GUTTER = "blue bold"
_CUT = "..."
_MOST_UNDERLINED = 4
# Signs that reorder or hide text in a terminal are shown as what they are: signs that do not belong there.
_HIDDEN = {"Cc", "Cf", "Cs", "Zl", "Zp"}


@dataclass(frozen=True)
class Mark:
    """A part of one line to underline: 0-based, end exclusive, columns in characters; `label` stands beneath."""

    line: int
    start: int
    end: int
    label: str = ""
    style: str = "red bold"


@dataclass(frozen=True)
class _Placed:
    """A mark in display columns, cut to the window."""

    start: int
    end: int
    label: str
    style: str


def marks_for(span: Span, lines: Sequence[str], *, label: str = "", style: str = "red bold") -> list[Mark]:
    """Underline a span, one mark for each of its lines (of many, the first and the last); the last has the label.

    Args:
        span: Where.
        lines: The lines from `span.line` to `span.end_line`, without endings.
        label: What to write beneath.
        style: Colour of the underline and the label.
    """
    marks = []
    for offset, line in enumerate(lines):
        number = span.line + offset
        start = span.column - 1 if number == span.line else len(line) - len(line.lstrip())
        end = span.end_column - 1 if number == span.end_line else len(line.rstrip())
        if end > start:
            marks.append(Mark(number, start, end, style=style))
    if len(marks) > _MOST_UNDERLINED:
        marks = [marks[0], marks[-1]]
    if marks:
        marks[-1] = replace(marks[-1], label=label)
    return marks


def excerpt(lines: dict[int, str], marks: Iterable[Mark], *, width: int, gutter: int) -> list[Text]:
    """Lay out numbered lines of code with the marks beneath them.

    Args:
        lines: Line number to text; lines that are missing between two of them are shown as `...`.
        marks: What to underline; those of lines that are not shown are left out.
        width: Columns of the terminal. A longer line is cut around its marks.
        gutter: Columns for the line number.
    """
    marks = list(marks)
    available = max(width - gutter - 3, 10)
    code = {number: [_piece(sign) for sign in line] for number, line in lines.items()}
    base = 0
    if any(_size(pieces) > available for pieces in code.values()):
        base = min((_indentation(pieces) for pieces in code.values() if "".join(pieces).strip()), default=0)
    rows: list[Text] = []
    previous = None
    for number in sorted(lines):
        if previous is not None and number > previous + 1:
            rows.append(Text(_CUT, style=GUTTER))
        previous = number
        own = sorted((mark for mark in marks if mark.line == number), key=lambda mark: (mark.start, -mark.end))
        rows += _line(number, code[number], own, _Frame(base, available, gutter))
    return rows


def margin(gutter: int, text: Text | str = "", sign: str = "|") -> Text:
    """One row without a line number: `   | text`."""
    row = Text(" " * gutter + " " + sign, style=GUTTER)
    return row if not text else Text.assemble(row, " ", text)


def printable(text: str) -> str:
    """Replace the signs that would move the cursor, change colours or reverse the text; a line break is a blank."""
    return "".join(
        " " if sign in "\t\r\n" else "\ufffd" if unicodedata.category(sign) in _HIDDEN else sign for sign in text
    )


@dataclass(frozen=True)
class _Frame:
    """What a line of code has to fit in; `base` columns of indentation are left away, for all lines alike."""

    base: int
    available: int
    gutter: int


def _piece(sign: str) -> str:
    return " " * TAB if sign == "\t" else printable(sign)


def _size(pieces: list[str]) -> int:
    return cell_len("".join(pieces).rstrip())


def _indentation(pieces: list[str]) -> int:
    text = "".join(pieces)
    return len(text) - len(text.lstrip())


def _line(number: int, pieces: list[str], marks: list[Mark], frame: _Frame) -> list[Text]:
    columns = [0]
    for piece in pieces:
        columns.append(columns[-1] + cell_len(piece))
    last = len(pieces)
    wanted = [(columns[min(mark.start, last)], columns[min(mark.end, last)]) for mark in marks]
    first, end = _window(_size(pieces), wanted, frame)
    shown = _cut("".join(pieces).rstrip(), first, end, frame.base)
    rows = [Text.assemble((f"{number:>{frame.gutter}} |", GUTTER), " " if shown else "", shown)]
    placed = []
    for mark, (start, stop) in zip(marks, wanted, strict=True):
        cut = _Placed(max(start, first) - first, min(stop, end) - first, mark.label, mark.style)
        if cut.end > cut.start:
            placed.append(cut)
    for level in _levels(placed):
        rows += [margin(frame.gutter, row) for row in _underline(level, frame.available)]
    return rows


def _window(total: int, wanted: list[tuple[int, int]], frame: _Frame) -> tuple[int, int]:
    """Choose the display columns to show: all of the line, else its beginning, else what is around the marks."""
    base, available = frame.base, frame.available
    if total - base <= available:
        return base, max(total, base)
    start = min((a for a, _ in wanted), default=base)
    end = max((b for _, b in wanted), default=base)
    if end - base <= available - len(_CUT):
        return base, base + available
    slack = available - 2 * len(_CUT) - (end - start)
    first = start - len(_CUT) - max(slack, 0) // 2
    first = max(base, min(first, total - available))
    return first, first + available


def _cut(text: str, first: int, end: int, base: int) -> str:
    """The display columns from `first` to `end`, with dots where more than indentation is left out."""
    column, kept = 0, ""
    total = cell_len(text)
    inner_first = first + len(_CUT) if first > base else first
    inner_end = end - len(_CUT) if end < total else total
    for sign in text:
        size = cell_len(sign)
        inside = inner_first <= column and column + size <= inner_end
        # A wide sign that lies across the edge leaves a blank, so that what follows keeps its column.
        kept += sign if inside else " " * max(0, min(column + size, inner_end) - max(column, inner_first))
        column += size
    return (_CUT if first > base else "") + kept + (_CUT if end < total else "")


def _levels(placed: list[_Placed]) -> list[list[_Placed]]:
    """Distribute marks over rows of underlines so that none covers another."""
    levels: list[list[_Placed]] = []
    for mark in placed:
        for level in levels:
            if all(mark.start >= other.end or other.start >= mark.end for other in level):
                level.append(mark)
                break
        else:
            levels.append([mark])
    return levels


def _underline(marks: list[_Placed], available: int) -> list[Text]:
    """The carets, and beneath them the labels: side by side where there is room, else on rows of their own."""
    carets = Text()
    for mark in sorted(marks, key=lambda mark: mark.start):
        carets.append(" " * (mark.start - len(carets)))
        carets.append("^" * (mark.end - mark.start), style=mark.style)
    rows: list[list[_Placed]] = []
    # From right to left: a label that finds no room goes one row down, and a bar through the rows above leads to it.
    for mark in sorted(marks, key=lambda mark: mark.start, reverse=True):
        if not mark.label:
            continue
        start = max(0, min(mark.start, available - cell_len(mark.label)))
        label = _Placed(start, start + cell_len(mark.label), mark.label, mark.style)
        depth = 0
        while not _fits(label, rows, depth):
            depth += 1
        while len(rows) <= depth:
            rows.append([])
        bar = _Placed(mark.start, mark.start + 1, "|", mark.style)
        for row in rows[:depth]:
            # At the right edge a label is moved to the left and may lie where the bar would pass.
            if all(bar.start >= other.end or other.start >= bar.end for other in row):
                row.append(bar)
        rows[depth].append(label)
    return [carets, *(_row(row) for row in rows)]


def _fits(label: _Placed, rows: list[list[_Placed]], depth: int) -> bool:
    if depth >= len(rows):
        return True
    gap = 2
    return all(label.end + gap <= other.start or other.end + gap <= label.start for other in rows[depth])


def _row(labels: list[_Placed]) -> Text:
    row = Text()
    column = 0
    for label in sorted(labels, key=lambda label: label.start):
        row.append(" " * (label.start - column))
        row.append(label.label, style=label.style)
        column = label.end
    return row
