"""A program that is made of cells: how they are one source text to look at, and several pieces to run.

All that looks at a program (sites, shapes in scope, edits) sees one text, in which a line of comment begins each cell;
Python sees the cells one after the other under the names that people know from notebooks, with lines of their own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from shapecheck.trace.magics import is_python, translate


@dataclass(frozen=True)
class Cell:
    """One cell of a notebook or of an interactive session.

    Attributes:
        number: What people call it: the 3 of `In [3]`.
        source: As its author wrote it, commands (`%time`, `!ls`, `x?`) included.
        may_fail: Whether the program goes on when it raises (the tag `raises-exception`).
    """

    number: int
    source: str
    may_fail: bool = False

    @property
    def name(self) -> str:
        """The name that its code has in tracebacks."""
        return f"Cell In[{self.number}]"


@dataclass(frozen=True)
class Part:
    """A cell's lines within the joined text: the first of them is line `before + 1`."""

    cell: Cell
    before: int
    text: str

    @property
    def count(self) -> int:
        """How many lines it has."""
        return self.text.count("\n")


@dataclass(frozen=True)
class Cells:
    """Cells joined to one text.

    Attributes:
        cells: In the order in which they run.
        mark: How the line begins that stands before each cell.
        text: The joined text; commands have become Python.
        removed: Line of the joined text -> how many characters of the author's line were left out at its start.
    """

    cells: tuple[Cell, ...]
    mark: str
    text: str
    removed: dict[int, int] = field(default_factory=dict)

    @classmethod
    def join(cls, cells: Iterable[Cell]) -> Cells:
        """Join cells to a program.

        Args:
            cells: In the order in which they run, each number once.
        """
        cells = tuple(cells)
        mark = "# In["
        while any(line.startswith(mark) for cell in cells for line in cell.source.split("\n")):
            mark = "#" + mark
        lines: list[str] = []
        removed: dict[int, int] = {}
        for cell in cells:
            lines.append(f"{mark}{cell.number}]:")
            translation = translate(_unix(cell.source).removesuffix("\n"))
            own = translation.lines
            if cell.may_fail and not is_python(translation.text):
                own = [""] * len(own)  # it would fail, and nothing else
            removed.update({len(lines) + line: count for line, count in translation.removed.items()})
            lines += own
        return cls(cells, mark, "".join(line + "\n" for line in lines), removed)

    def parts(self, text: str) -> Iterator[Part]:
        """Cut a text, the joined one or an edited form of it, into its cells.

        Raises:
            ValueError: An edit took a cell's first line away.
        """
        lines = (text if text.endswith("\n") else text + "\n").split("\n")
        starts = [i for i, line in enumerate(lines) if line.startswith(self.mark)]
        if len(starts) != len(self.cells):
            raise ValueError("an edit crosses the border of a cell")
        ends = [*starts[1:], len(lines) - 1]
        for cell, start, end in zip(self.cells, starts, ends, strict=True):
            yield Part(cell, start + 1, "".join(line + "\n" for line in lines[start + 1 : end]))

    def part_at(self, line: int) -> Part:
        """The cell that a line of the joined text is in; the line of comment before a cell belongs to it."""
        parts = list(self.parts(self.text))
        return next((part for part in reversed(parts) if part.before <= line), parts[0])


def _unix(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")
