"""Underlines stand beneath what they underline, and no label covers another, whatever the line looks like."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from shapecheck.report.excerpt import Mark, excerpt, printable

WIDE = st.text(alphabet="ab(+@ 誤差é\t", min_size=1, max_size=60)


@st.composite
def marked_lines(draw):
    """A line of code with up to five marks that do not overlap; the labels are all different."""
    line = draw(WIDE)
    cuts = sorted(draw(st.sets(st.integers(0, len(line)), max_size=10)))
    pairs = list(zip(cuts[::2], cuts[1::2], strict=False))
    marks = [
        Mark(7, start, end, f"({index}, {'9' * draw(st.integers(1, 6))})") for index, (start, end) in enumerate(pairs)
    ]
    return line, marks


def displayed(line: str, start: int, end: int) -> tuple[int, int]:
    def column(offset: int) -> int:
        return sum(4 if sign == "\t" else cell_len(sign) for sign in line[:offset])

    return column(start), column(end)


@given(marked_lines())
def test_carets_and_labels(case):
    line, marks = case
    code, *beneath = [row.plain for row in excerpt({7: line}, marks, width=400, gutter=2)]
    assert code[5:] == line.replace("\t", "    ").rstrip()
    rows = [row[5:] for row in beneath]
    expected = set()
    for mark in marks:
        start, end = displayed(line, mark.start, mark.end)
        end = min(end, max(cell_len(code[5:]), start))
        expected |= set(range(start, end))
    carets = {column for column, sign in enumerate(rows[0]) if sign == "^"} if rows else set()
    assert carets == expected
    for mark in marks:
        start, end = displayed(line, mark.start, mark.end)
        if start < cell_len(code[5:]):
            (row,) = [index for index, text in enumerate(rows) if mark.label in text]
            assert rows[row].index(mark.label) == start
            # Nothing but bars between an underline and its label.
            assert all(text[start] == "|" for text in rows[1:row])


@given(marked_lines(), st.integers(20, 60))
def test_nothing_is_wider_than_the_terminal(case, width):
    line, marks = case
    short = [Mark(mark.line, mark.start, mark.end, f"({index},)") for index, mark in enumerate(marks)]
    rows = excerpt({7: line}, short, width=width, gutter=2)
    assert max(row.cell_len for row in rows) <= width


@given(st.text(max_size=30))
def test_printable_moves_no_cursor(text):
    shown = printable(text)
    assert len(shown) == len(text)
    assert not set(shown) & {"\x1b", "\n", "\r", "\t", "\b", "\u202e", "\x9b"}
