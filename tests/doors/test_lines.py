"""Lines are Python's: a form feed and U+2028 end none, in scripts and in cells."""

from __future__ import annotations

import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shapecheck.diagnose.finding import Edit
from shapecheck.repair.candidate import apply_edits
from shapecheck.repair.changes import edits_between
from shapecheck.trace.sites import SourceText, split_lines

BREAKS = ["\f", "\v", "\x1c", "\x85", "\u2028"]


@pytest.mark.parametrize("sign", BREAKS, ids=[f"U+{ord(sign):04X}" for sign in BREAKS])
def test_the_text_of_a_node_below_such_a_sign(sign):
    above = f"x = 'a{sign}b'\n" if sign != "\f" else "\f\n"
    text = above + "y = x @ w\n"
    source = SourceText("net.py", text)
    assert source.of(ast.parse(text).body[-1]) == "y = x @ w"
    assert apply_edits(text, [Edit("net.py", 2, 5, 2, 6, "w")]) == above + "y = w @ w\n"
    (edit,) = edits_between("net.py", text, above + "y = x.T @ w\n")
    assert (edit.line, edit.column, edit.replacement) == (2, 6, ".T")


@given(st.text(st.sampled_from(["a", "\n", " ", *BREAKS]), max_size=20))
def test_lines_joined_are_the_text(text):
    assert "".join(split_lines(text)) == text
    assert all(line.count("\n") == line.endswith("\n") for line in split_lines(text))
