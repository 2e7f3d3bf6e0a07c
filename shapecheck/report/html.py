"""The diagnosis as HTML: one page by itself, or a piece of a notebook; it loads nothing and runs nothing."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rich.cells import cell_len

from shapecheck.diagnose.finding import Diagnosis, File, Finding, Fix, NetworkSummary, Operand, Span, TrailStep
from shapecheck.report.diff import EditError, hunks
from shapecheck.report.excerpt import TAB, printable
from shapecheck.report.html_style import PAGE_STYLE, STYLE
from shapecheck.report.shape_boxes import boxes_of, draw, written
from shapecheck.report.source_text import SourceFiles, shown_file, shown_line, shown_path
from shapecheck.report.summary import closing_lines

_MOST_LINES = 12
_MOST_FIXES = 3
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"


def render_html(diagnosis: Diagnosis) -> str:
    """Write the whole report as one page that needs no other file and no network.

    Returns:
        A document; everything that comes from the user's program is escaped in it.
    """
    title = html.escape(f"shapecheck: {printable(shown_path(diagnosis.script))}")
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{title}</title>\n<style>{PAGE_STYLE}{STYLE}</style>\n</head>\n<body>\n"
        f'<div class="shapecheck">\n{_body(diagnosis)}</div>\n</body>\n</html>\n'
    )


def render_fragment(diagnosis: Diagnosis) -> str:
    """Write the report as one element with its style, for a notebook's output."""
    return f'<div class="shapecheck"><style>{STYLE}</style>\n{_body(diagnosis, fixing=True)}</div>\n'


def render_finding(finding: Finding, files: SourceFiles, *, closing: str = "") -> str:
    """Write one finding by itself, as one element with its style.

    Args:
        finding: What to say.
        files: Where its code is read.
        closing: A last line, on where to go from here.
    """
    last = f'<p class="soft">{_prose(closing)}</p>\n' if closing else ""
    return f'<div class="shapecheck"><style>{STYLE}</style>\n{_section(finding, files)}{last}</div>\n'


def _body(diagnosis: Diagnosis, *, fixing: bool = False) -> str:
    files = SourceFiles(diagnosis.texts)
    parts = [f"<h2>shapecheck: {_text(shown_path(diagnosis.script))}</h2>\n"]
    if diagnosis.network is not None and diagnosis.network.layers:
        parts.append(_network(diagnosis.network))
    parts += [_section(finding, files) for finding in diagnosis.findings]
    parts += [f'<p class="soft">{_prose(text.plain)}</p>\n' for text, _ in closing_lines(diagnosis, fixing=fixing)]
    return "".join(parts)


def _text(text: str) -> str:
    return html.escape(printable(text))


def _prose(text: str) -> str:
    """A sentence whose `names` are set as code."""
    pieces = printable(text).split("`")
    if len(pieces) % 2 == 0:
        return html.escape(printable(text))
    return "".join(f"<code>{html.escape(p)}</code>" if i % 2 else html.escape(p) for i, p in enumerate(pieces))


def _network(network: NetworkSummary) -> str:
    rows = ""
    for layer in network.layers:
        pairs = zip(layer.parameters, layer.shapes, strict=False)
        parameters = ", ".join(f"<code>{_text(name)}</code> {written(shape)}" for name, shape in pairs)
        rows += f"<tr><td>{layer.index}</td><td>{parameters}</td><td>{_text(layer.activation or '')}</td></tr>"
    count = len(network.layers)
    loss = ""
    if network.loss is not None:
        taken = "taken to be " if network.loss.inferred else ""
        loss = f"<p>loss: {taken}<code>{_text(network.loss.formula)}</code></p>"
    layout = f", {_text(network.layout)}" if network.layout else ""
    return (
        f"<details><summary>{count} layer{'' if count == 1 else 's'}{layout}</summary><table><thead><tr><th>layer</th>"
        f"<th>parameters</th><th>activation</th></tr></thead><tbody>{rows}</tbody></table>{loss}</details>\n"
    )


def _section(finding: Finding, files: SourceFiles) -> str:
    label = f'<span class="code">{finding.severity}[{_text(finding.code)}]</span>'
    parts = [
        f'<section class="{finding.severity}">\n<h2>{label} {_prose(_title(finding))}</h2>\n',
        f'<p class="place">{_text(_place(finding.location, column=True))}</p>\n',
        _code(finding.location, files, finding.operands),
    ]
    if finding.message:
        parts.append(f"<p>{_prose(finding.message)}</p>\n")
    parts.append(_remarks(finding))
    drawing = draw(*boxes_of(finding))
    if drawing:
        parts.append(f'<div class="drawing">{drawing}</div>\n')
    parts += [_trail(finding, files), *(_fix(finding, i, files) for i in range(len(finding.fixes[:_MOST_FIXES])))]
    parts.append("</section>\n")
    return "".join(parts)


def _title(finding: Finding) -> str:
    if finding.layer is None or "layer" in finding.title:
        return finding.title
    named = f" ({', '.join(finding.parameters)})" if finding.parameters else ""
    return f"layer {finding.layer}{named}: {finding.title}"


def _place(span: Span, *, column: bool = False) -> str:
    return shown_file(span.file) if span.line < 1 else shown_line(span, column=column)


# -- code -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Mark:
    """A part of one line to underline, in characters; `label` goes below it."""

    start: int
    end: int
    kind: str
    label: str = ""


def _code(span: Span, files: SourceFiles, operands: Sequence[Operand] = ()) -> str:
    """The lines of a span, with the operands that lie in it underlined, or else the span itself."""
    if span.line < 1:
        return ""
    lines = files.lines_at(span)
    gone = lines is None
    if lines is None:
        lines = tuple(span.source.splitlines())
    if not lines:
        return ""
    marks: dict[int, list[_Mark]] = {}
    for index, (where, shapes) in enumerate(_by_place(operands).items()):
        if where.file == span.file and not gone and files.lines_at(where) is not None:
            _mark(marks, where, lines, span.line, f"mark m{index % 3}", ", ".join(shapes), f"t{index % 3}")
    if not marks and not gone:
        _mark(marks, span, lines, span.line, "mark", "", "")
    rows = []
    width = len(str(span.line + len(lines) - 1))
    for offset, line in list(enumerate(lines))[:_MOST_LINES]:
        number = span.line + offset
        own = marks.get(number, [])
        rows.append(f'<span class="number">{number:>{width}}  </span>{_marked(line, own)}')
        rows += [" " * (width + 2) + row for row in _labels(line, own)]
    if len(lines) > _MOST_LINES:
        rows.append(" " * (width + 2) + "...")
    note = "<p class='soft'>as it was when it ran; the source has changed since or cannot be read</p>" if gone else ""
    return f"<pre>{chr(10).join(rows)}</pre>{note}\n"


def _by_place(operands: Sequence[Operand]) -> dict[Span, list[str]]:
    """The shapes at each place: one place can stand for several arrays, the rows that a comprehension makes."""
    found: dict[Span, list[str]] = {}
    for operand in operands:
        if operand.span is not None:
            shapes = found.setdefault(operand.span, [])
            shapes += [s for s in [written(operand.shape)] if s not in shapes]
    return found


def _remarks(finding: Finding) -> str:
    """The shapes of the operands that are not in the code on display."""
    place = finding.location
    rows = ""
    for operand in finding.operands:
        where = operand.span
        if where is None or where.file != place.file or not place.line <= where.line <= place.end_line:
            at = "" if where is None or where.line < 1 else f", at {_text(_place(where))}"
            rows += f"<p><code>{_text(operand.source)}</code> is {written(operand.shape)}{at}</p>\n"
    return rows


def _mark(
    marks: dict[int, list[_Mark]], where: Span, lines: Sequence[str], first: int, kind: str, label: str, tone: str
) -> None:
    """Enter a span's underline for each of its lines; the label goes below the last."""
    for number in range(where.line, where.end_line + 1):
        if not 0 <= number - first < len(lines):
            continue
        line = lines[number - first]
        blank = len(line) - len(line.lstrip())
        start = max(where.column - 1, blank) if number == where.line else blank
        end = where.end_column - 1 if number == where.end_line else len(line.rstrip())
        end = min(end, len(line.rstrip()))
        text = f'<span class="{tone}">{html.escape(label)}</span>' if label and number == where.end_line else ""
        known = [m for m in marks.get(number, []) if (m.start, m.end) == (start, end)]
        if end > start and not known:
            marks.setdefault(number, []).append(_Mark(start, end, kind, text and f"{label}\0{text}"))


def _marked(line: str, marks: Sequence[_Mark]) -> str:
    """A line of code as HTML; marks that lie within others are spans within spans."""
    opens: dict[int, list[_Mark]] = {}
    closes: dict[int, int] = {}
    for mark in sorted(marks, key=lambda m: (m.start, -m.end)):
        opens.setdefault(mark.start, []).append(mark)
        closes[mark.end] = closes.get(mark.end, 0) + 1
    pieces = []
    for position in range(len(line) + 1):
        pieces.append("</span>" * closes.get(position, 0))
        pieces += [f'<span class="{mark.kind}">' for mark in opens.get(position, [])]
        if position < len(line):
            pieces.append(_sign(line[position]))
    return "".join(pieces)


def _sign(sign: str) -> str:
    return " " * TAB if sign == "\t" else html.escape(printable(sign))


def _labels(line: str, marks: Sequence[_Mark]) -> list[str]:
    """The rows of labels below a line, each label beneath the start of its mark; one that finds no room goes lower."""
    rows: list[tuple[int, str]] = []
    for mark in sorted(marks, key=lambda m: m.start):
        if not mark.label:
            continue
        plain, _, shown = mark.label.partition("\0")
        column = sum(TAB if sign == "\t" else cell_len(printable(sign)) for sign in line[: mark.start])
        index = next((i for i, (end, _) in enumerate(rows) if end + 2 <= column or end == 0), len(rows))
        if index == len(rows):
            rows.append((0, ""))
        end, text = rows[index]
        rows[index] = (column + len(plain), text + " " * (column - end) + shown)
    return [text for _, text in rows]


# -- trail and fixes --------------------------------------------------------------------------------------------------


def _trail(finding: Finding, files: SourceFiles) -> str:
    steps = _steps(finding)
    if not steps:
        return ""
    items = ""
    for step in steps:
        born = _same_lines(step.span, finding.cause) and not _same_lines(step.span, finding.location)
        head = f"it began here, at {_text(_place(step.span))}" if born else _text(_place(step.span))
        items += f"<li>{head}{': ' + _prose(step.note) if step.note else ''}{_code(step.span, files)}</li>"
    places = "1 place" if len(steps) == 1 else f"{len(steps)} places"
    return f"<details open><summary>how it came here ({places})</summary><ol>{items}</ol></details>\n"


def _steps(finding: Finding) -> tuple[TrailStep, ...]:
    """The trail, with the cause put first where no step shows it."""
    known = [finding.location, *(step.span for step in finding.trail)]
    if any(_same_lines(finding.cause, span) for span in known):
        return finding.trail
    return (TrailStep(finding.cause, ""), *finding.trail)


def _same_lines(a: Span, b: Span) -> bool:
    return (a.file, a.line, a.end_line) == (b.file, b.line, b.end_line)


def _fix(finding: Finding, index: int, files: SourceFiles) -> str:
    """One fix: the best is open, the others can be unfolded."""
    fix = finding.fixes[index]
    verified = fix.confidence == "verified"
    summary = fix.summary or ("it was run and works" if verified else "not proven by a run")
    head = f'<span class="help">{"help" if index == 0 else "or"}:</span> {_prose(fix.title)}'
    evidence = f'<p><span class="{fix.confidence}">{fix.confidence}</span>: {_prose(summary)}</p>'
    opened = " open" if index == 0 else ""
    return f"<details{opened}><summary>{head}</summary>{_diff(fix, files, finding.location.file)}{evidence}</details>\n"


def _diff(fix: Fix, files: SourceFiles, near: File) -> str:
    try:
        changed = hunks(fix, files)
    except EditError as error:
        return f'<p class="soft">cannot be shown as a diff: {_text(str(error))}</p>'
    parts = []
    for hunk in changed:
        rows = [*_rows(hunk.line, "-", "minus", hunk.before), *_rows(hunk.line, "+", "plus", hunk.after)]
        if not hunk.before:
            rows += _rows(hunk.line + len(hunk.after), " ", "", hunk.following)
        place = "" if hunk.file == near else f'<p class="place">{_text(shown_file(hunk.file))}</p>'
        near = hunk.file
        parts.append(f"{place}<pre>{chr(10).join(rows)}</pre>")
    return "".join(parts)


def _rows(first: int, sign: str, kind: str, lines: Iterable[str]) -> list[str]:
    return [
        f'<span class="{kind}"><span class="number">{number:>4} </span>{sign} {"".join(map(_sign, line))}</span>'
        for number, line in enumerate(lines, start=first)
    ]
