"""Turns the places of a diagnosis from lines of the joined text of cells into lines of the cells themselves."""

from __future__ import annotations

from dataclasses import replace

from shapecheck.diagnose.finding import Diagnosis, Edit, File, Finding, Fix, Span
from shapecheck.trace.cells import Cells, Part


class InCells:
    """Moves places into cells.

    Args:
        path: The joined text's, as spans have it.
        cells: What was joined.
    """

    def __init__(self, path: str, cells: Cells) -> None:
        self.path = path
        self.cells = cells

    def diagnosis(self, diagnosis: Diagnosis) -> Diagnosis:
        """A whole diagnosis; it then carries the cells' texts."""
        network = diagnosis.network
        if network is not None and network.loss is not None and network.loss.source is not None:
            network = replace(network, loss=replace(network.loss, source=self.span(network.loss.source)))
        texts: dict[File, str] = {(self.path, cell.number): cell.source for cell in self.cells.cells}
        findings = tuple(map(self.finding, diagnosis.findings))
        return replace(diagnosis, network=network, findings=findings, texts=texts)

    def finding(self, finding: Finding) -> Finding:
        """A finding, with its trail, operands and fixes."""
        return replace(
            finding,
            location=self.span(finding.location),
            cause=self.span(finding.cause),
            operands=tuple(replace(o, span=self.span(o.span)) if o.span else o for o in finding.operands),
            trail=tuple(replace(step, span=self.span(step.span)) for step in finding.trail),
            fixes=tuple(map(self.fix, finding.fixes)),
        )

    def fix(self, fix: Fix) -> Fix:
        """A fix's edits."""
        return replace(fix, edits=tuple(map(self.edit, fix.edits)))

    def span(self, span: Span) -> Span:
        """A piece of source; what is in other files stays as it is."""
        if span.path != self.path or span.line < 1:
            return span
        part = self.cells.part_at(span.line)
        if span.line <= part.before:  # the line of comment that stands before a cell: the cell as such is meant
            first = part.cell.source.split("\n")[0].rstrip("\r")
            return Span(span.path, 1, 1, 1, len(first) + 1, first, part.cell.number)
        line, column, _ = self._position(part, span.line, span.column)
        end_line, end_column, _ = self._position(part, span.end_line, span.end_column)
        return Span(span.path, line, column, end_line, end_column, span.source, part.cell.number)

    def edit(self, edit: Edit) -> Edit:
        """An edit; one that adds lines at the end of a cell adds them behind its last line, which has no line break."""
        if edit.path != self.path:
            return edit
        part = self.cells.part_at(edit.line)
        if edit.line == part.before and edit.column == 1:
            before = [p for p in self.cells.parts(self.cells.text) if p.before < part.before]
            part = before[-1] if before else part
        line, column, started_behind = self._position(part, edit.line, edit.column)
        end_line, end_column, ended_behind = self._position(part, edit.end_line, edit.end_column)
        replacement = edit.replacement
        if ended_behind:
            replacement = replacement.removesuffix("\n")
        if started_behind:
            replacement = "\n" + replacement
        return Edit(edit.path, line, column, end_line, end_column, replacement, part.cell.number)

    def _position(self, part: Part, line: int, column: int) -> tuple[int, int, bool]:
        """(line, column, whether it was behind the last line of a cell that does not end its last line)."""
        own = max(line - part.before, 1)
        if own > part.count:
            source = part.cell.source
            if source.endswith("\n"):
                return part.count + 1, 1, False
            return part.count, len(source.rpartition("\n")[2]) + 1, True
        return own, column + self.cells.removed.get(line, 0), False
