"""Edits become text: what they change, what they leave, and what they refuse."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shapecheck.diagnose.finding import Diagnosis, Edit, Finding, Fix, ProgramOutcome
from shapecheck.report.best_fixes import render_diff
from shapecheck.report.diff import EditError, best_fixes, hunks, patched_lines, unified_diff
from shapecheck.report.source_text import SourceFiles, decode, split_lines

CRASHED = ProgramOutcome("exception", ("ValueError", "shapes"), 0.1)


def edit(line, column, end_line, end_column, replacement):
    return Edit("a.py", line, column, end_line, end_column, replacement)


def apply(text: str, *edits: Edit) -> str:
    return "".join(patched_lines(decode(text.encode(), "a.py"), edits))


#        id                        before                    edits                                          after
PATCHES = [
    ("one word", "a = b\nc = d\n", [edit(1, 5, 1, 6, "x.T")], "a = x.T\nc = d\n"),
    ("two on a line", "f(a, b)\n", [edit(1, 3, 1, 4, "b"), edit(1, 6, 1, 7, "a")], "f(b, a)\n"),
    ("touching", "ab\n", [edit(1, 2, 1, 3, "B"), edit(1, 1, 1, 2, "A")], "AB\n"),
    ("insertion", "ab\n", [edit(1, 2, 1, 2, "-")], "a-b\n"),
    ("deletion of a line", "a\nb\nc\n", [edit(2, 1, 3, 1, "")], "a\nc\n"),
    ("line put in", "a\nb\n", [edit(2, 1, 2, 1, "x\n")], "a\nx\nb\n"),
    ("over lines", "f(a,\n  b)\ng\n", [edit(1, 3, 2, 4, "c")], "f(c)\ng\n"),
    ("after an edit over lines", "f(a,\n  b) + c\n", [edit(2, 8, 2, 9, "d"), edit(1, 3, 2, 4, "x")], "f(x) + d\n"),
    ("no last newline", "a\nb", [edit(1, 1, 1, 2, "c")], "c\nb"),
    ("at the end without newline", "a", [edit(1, 2, 1, 2, "\nb")], "a\nb"),
    ("windows endings", "a\r\nb\r\n", [edit(1, 1, 1, 2, "x\ny")], "x\r\ny\r\nb\r\n"),
    ("mixed endings stay", "a\nb\r\nc\r\n", [edit(3, 1, 3, 2, "x")], "a\nb\r\nx\r\n"),
    ("form feed is no line end", "a\x0cb\nc\n", [edit(2, 1, 2, 2, "x")], "a\x0cb\nx\n"),
    ("wide signs count once", "誤差 = 出力\n", [edit(1, 6, 1, 8, "目標")], "誤差 = 目標\n"),
    ("same edit twice", "a\n", [edit(1, 1, 1, 2, "x"), edit(1, 1, 1, 2, "x")], "x\n"),
    ("byte order mark is before column 1", "\ufeffa\n", [edit(1, 1, 1, 2, "x")], "x\n"),
    ("added at the end", "a\n", [edit(2, 1, 2, 1, "b\n")], "a\nb\n"),
    ("empty file", "", [edit(1, 1, 1, 1, "x\n")], "x\n"),
]


@pytest.mark.parametrize(
    ("before", "edits", "after"), [case[1:] for case in PATCHES], ids=[case[0] for case in PATCHES]
)
def test_patched(before, edits, after):
    assert apply(before, *edits) == after
    assert apply(before, *reversed(edits)) == after


#        id                      edits
REFUSED = [
    ("overlap", [edit(1, 1, 1, 4, "x"), edit(1, 3, 1, 6, "y")]),
    ("one inside the other", [edit(1, 1, 1, 6, "x"), edit(1, 3, 1, 4, "y")]),
    ("two insertions at one place", [edit(1, 3, 1, 3, "x"), edit(1, 3, 1, 3, "y")]),
    ("line past the end", [edit(9, 1, 9, 2, "x")]),
    ("column past the end", [edit(1, 1, 1, 99, "x")]),
    ("line zero", [edit(0, 1, 1, 2, "x")]),
    ("end before start", [edit(2, 3, 1, 1, "x")]),
]


@pytest.mark.parametrize("edits", [case[1] for case in REFUSED], ids=[case[0] for case in REFUSED])
def test_refused(edits):
    with pytest.raises(EditError, match=r"a\.py"):
        apply("abcdef\nghijkl\n", *edits)


@given(st.text(alphabet="ab\n\r\x0c\u2028 é", max_size=40))
def test_lines_are_those_of_the_tokenizer(text):
    lines = split_lines(text)
    assert "".join(lines) == text
    assert all(line.rstrip("\r\n").count("\n") == 0 for line in lines)
    assert len(lines) == len((text.replace("\r\n", "\n").replace("\r", "\n") + "$").split("\n")) - text.endswith(
        ("\n", "\r")
    ) - (text == "")


@given(
    st.lists(st.text(alphabet="abc ", max_size=8), min_size=1, max_size=8),
    st.data(),
    st.sampled_from(["\n", "\r\n"]),
    st.booleans(),
)
def test_an_edit_changes_its_range_and_nothing_else(lines, data, newline, last):
    text = newline.join(lines) + (newline if last else "")
    row = data.draw(st.integers(1, len(lines)))
    start = data.draw(st.integers(0, len(lines[row - 1])))
    end = data.draw(st.integers(start, len(lines[row - 1])))
    offset = sum(len(line) + len(newline) for line in lines[: row - 1])
    expected = text[: offset + start] + "NEW" + text[offset + end :]
    assert apply(text, edit(row, start + 1, row, end + 1, "NEW")) == expected


def fix(*edits, confidence="verified"):
    return Fix("do it", confidence, edits, "runs to the end")


def test_hunks_are_the_lines_that_change(program):
    source = program("a = 1\nb = 2\nc = 3\nd = 4\n")
    found = hunks(fix(source.edit("1", "x"), source.edit("d = 4", "d = 4\ne = 5")), SourceFiles())
    assert [(hunk.line, hunk.before, hunk.after) for hunk in found] == [
        (1, ("a = 1",), ("a = x",)),
        (5, (), ("e = 5",)),
    ]


SOURCES = [
    ("plain", "a = 1\nb = 2\nc = 3\n"),
    ("windows", "a = 1\r\nb = 2\r\nc = 3\r\n"),
    ("no last newline", "a = 1\nb = 2\nc = 3"),
    ("long", "a = 1\n" + "filler = 0\n" * 300 + "b = 2\n" + "filler = 0\n" * 30 + "c = 3"),
]


@pytest.mark.skipif(shutil.which("git") is None, reason="git applies the diff")
@pytest.mark.parametrize("text", [case[1] for case in SOURCES], ids=[case[0] for case in SOURCES])
def test_git_applies_the_diff(text, program):
    source = program(text)
    other = program("x = y\n", "other.py")
    both = fix(source.edit("b = 2", "b = 20"), source.edit("c = 3", "c = 30"), other.edit("y", "z"))
    Path("fix.diff").write_bytes(unified_diff([both], SourceFiles()).encode())
    subprocess.run(["git", "apply", "--unsafe-paths", "fix.diff"], check=True)
    expected = text.replace("b = 2", "b = 20").replace("c = 3", "c = 30")
    assert Path("script.py").read_bytes().decode() == expected
    assert Path("other.py").read_text() == "x = z\n"


def finding(source, text, *fixes, severity="error", code="SC101"):
    span = source.span(text)
    return Finding(code, severity, "wrong", "", span, span, fixes=fixes)


def test_best_fixes_go_together(program):
    source = program("a = b @ c\nd = e\n")
    first = finding(source, "b @ c", fix(source.edit("b @ c", "c @ b")))
    same = finding(source, "b", fix(source.edit("b @ c", "c @ b")))
    clash = finding(source, "c", fix(source.edit("c", "c.T")))
    guess = finding(source, "e", fix(source.edit("e", "f"), confidence="plausible"), fix(source.edit("e", "g")))
    warning = finding(source, "d", fix(source.edit("d", "h")), severity="warning")
    whole = Diagnosis("script.py", "findings", CRASHED, None, (first, same, clash, guess, warning))

    chosen, left_out = best_fixes(whole)
    assert [one.finding for one in chosen] == [first, guess, warning]
    assert [one.finding for one in left_out] == [clash]

    # Unasked, only what was proven and repairs an error; a proven second best goes before a guess.
    safe, _ = best_fixes(whole, safe_only=True)
    assert [edit.replacement for one in safe for edit in one.fix.edits] == ["c @ b", "g"]

    diff, remark = render_diff(whole)
    assert [line for line in diff.splitlines() if line[:1] in "+-"] == [
        "--- a/script.py",
        "+++ b/script.py",
        "-a = b @ c",
        "-d = e",
        "+a = c @ b",
        "+h = f",
    ]
    assert remark.startswith("3 fixes: 2 verified, 1 plausible (1 other edits the same place")


def test_nothing_to_show(program):
    source = program("a = b\n")
    clean = Diagnosis("script.py", "clean", ProgramOutcome("finished", None, 0.1), None, ())
    assert render_diff(clean) == ("", "nothing found, nothing to fix")
    hopeless = Diagnosis("script.py", "findings", CRASHED, None, (finding(source, "b"),))
    assert render_diff(hopeless) == ("", "no fix to show")
