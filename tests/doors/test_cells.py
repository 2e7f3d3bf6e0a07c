"""Cells are joined to one text and its places are found again in them, edits at their ends included."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shapecheck.diagnose.finding import Edit, Span
from shapecheck.diagnose.in_cells import InCells
from shapecheck.repair.candidate import apply_edits
from shapecheck.report.diff import patched_lines
from shapecheck.report.source_text import cell_text
from shapecheck.trace.cells import Cell, Cells

SOURCES = st.lists(
    st.lists(st.sampled_from(["x = 1", "y = x", "# In[1]:", "", "%time y = x"]), min_size=1, max_size=4), max_size=4
).filter(bool)


@given(SOURCES)
def test_parts_of_the_joined_text_are_the_cells(sources):
    cells = Cells.join(Cell(3 * number, "\n".join(lines)) for number, lines in enumerate(sources, start=1))
    parts = list(cells.parts(cells.text))
    assert [part.cell.number for part in parts] == [3 * number for number in range(1, len(sources) + 1)]
    for part, lines in zip(parts, sources, strict=True):
        wanted = [line.removeprefix("%time ") for line in lines]
        assert part.text.split("\n")[: len(wanted)] == wanted or not "".join(lines)
        for line in range(part.before + 1, part.before + part.count + 1):
            assert cells.part_at(line).cell is part.cell


def test_an_edit_may_not_take_a_border_away():
    cells = Cells.join([Cell(1, "x = 1"), Cell(2, "y = 2")])
    with pytest.raises(ValueError, match="border of a cell"):
        list(cells.parts("x = 1\ny = 2\n"))


FIRST, SECOND = "x = 1\ny = 2", "%time z = x @ y\nw = z\n"
#        id                         edit of the joined text, whose cells begin in lines 2 and 5     cell, its new source
EDITS = [
    ("within a line", (2, 5, 2, 6, "3"), 1, "x = 3\ny = 2"),
    ("behind a command", (5, 5, 5, 6, "x.T"), 2, "%time z = x.T @ y\nw = z\n"),
    ("a line put before a cell", (2, 1, 2, 1, "v = 0\n"), 1, "v = 0\nx = 1\ny = 2"),
    ("a line put behind a cell", (4, 1, 4, 1, "v = 0\n"), 1, "x = 1\ny = 2\nv = 0"),
    ("the last line exchanged", (3, 1, 4, 1, "v = 0\nu = 1\n"), 1, "x = 1\nv = 0\nu = 1"),
    ("a line put behind a cell that ends its last line", (7, 1, 7, 1, "v = 0\n"), 2, SECOND + "v = 0\n"),
]


@pytest.mark.parametrize(("edit", "number", "wanted"), [case[1:] for case in EDITS], ids=[case[0] for case in EDITS])
def test_edits_are_made_in_cells(edit, number, wanted):
    cells = Cells.join([Cell(1, FIRST), Cell(2, SECOND)])
    joined = Edit("net.ipynb", *edit)
    moved = InCells("net.ipynb", cells).edit(joined)
    assert moved.cell == number
    source = {1: FIRST, 2: SECOND}[number]
    assert "".join(patched_lines(cell_text("net.ipynb", number, source), [moved])) == wanted
    # What a trial runs is what is written.
    ran = {part.cell.number: part.text for part in cells.parts(apply_edits(cells.text, [joined]))}
    assert ran[number].rstrip("\n") == wanted.replace("%time ", "").rstrip("\n")


def test_spans_are_found_in_cells():
    cells = Cells.join([Cell(1, FIRST), Cell(2, SECOND)])
    within = InCells("net.ipynb", cells)
    assert within.span(Span("net.ipynb", 5, 5, 5, 10, "x @ y")) == Span("net.ipynb", 1, 11, 1, 16, "x @ y", 2)
    assert within.span(Span("net.ipynb", 1, 1, 1, 9, "# In[1]:")) == Span("net.ipynb", 1, 1, 1, 6, "x = 1", 1)
    other = Span("layers.py", 5, 5, 5, 10, "x @ y")
    assert within.span(other) is other
