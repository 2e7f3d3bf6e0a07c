"""`--fix` writes the edits and nothing else, all or nothing, and not into a file that is no longer the one that ran."""

from __future__ import annotations

import os
import stat
import time
from pathlib import Path

import pytest

from shapecheck.diagnose.finding import Edit, Finding, Fix, Span
from shapecheck.report import apply as writing
from shapecheck.report.apply import apply_fixes
from shapecheck.report.diff import ChosenFix, EditError


def chosen(path: str, line: int, column: int, end_column: int, replacement: str, *, source: str = "") -> ChosenFix:
    span = Span(path, line, column, line, end_column, source)
    fix = Fix("do it", "verified", (Edit(path, line, column, line, end_column, replacement),))
    return ChosenFix(Finding("SC101", "error", "wrong", "", span, span, fixes=(fix,)), fix)


#        id                     before                                                    after
BYTES = [
    ("plain", b"y = a @ b\n", b"y = c @ b\n"),
    ("windows endings", b"y = a @ b\r\nz = 1\r\n", b"y = c @ b\r\nz = 1\r\n"),
    ("no last newline", b"y = a @ b", b"y = c @ b"),
    ("byte order mark", b"\xef\xbb\xbfy = a @ b\n", b"\xef\xbb\xbfy = c @ b\n"),
    ("trailing blanks", b"y = a @ b  \n\t\n", b"y = c @ b  \n\t\n"),
    ("latin-1", b"# coding: latin-1\ny = a @ b  # caf\xe9\n", b"# coding: latin-1\ny = c @ b  # caf\xe9\n"),
    ("utf-8 declared", "# coding: utf8\ny = a @ b  # é\n".encode(), "# coding: utf8\ny = c @ b  # é\n".encode()),
    ("form feed", b"y = a @ b\x0c\nz\n", b"y = c @ b\x0c\nz\n"),
]


@pytest.mark.parametrize(("before", "after"), [case[1:] for case in BYTES], ids=[case[0] for case in BYTES])
def test_every_other_byte_stays(before, after, tmp_path: Path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("script.py").write_bytes(before)
    line = 1 + before[: before.index(b"y =")].count(b"\n")
    assert apply_fixes([chosen("script.py", line, 5, 6, "c", source="a")]) == ("script.py",)
    assert Path("script.py").read_bytes() == after
    assert list(Path().iterdir()) == [Path("script.py")]


def test_mode_is_kept(tmp_path: Path):
    script = tmp_path / "script.py"
    script.write_text("a\n")
    script.chmod(0o751)
    apply_fixes([chosen(str(script), 1, 1, 2, "b")])
    assert stat.S_IMODE(script.stat().st_mode) == 0o751


def test_a_symbolic_link_stays_one(tmp_path: Path):
    (tmp_path / "real").mkdir()
    real = tmp_path / "real" / "net.py"
    real.write_text("a\n")
    link = tmp_path / "script.py"
    link.symlink_to(real)
    apply_fixes([chosen(str(link), 1, 1, 2, "b")])
    assert link.is_symlink()
    assert real.read_text() == "b\n"


def test_two_spellings_are_one_file(tmp_path: Path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("script.py").write_text("a = b\n")
    apply_fixes([chosen("script.py", 1, 1, 2, "x"), chosen(str(tmp_path / "script.py"), 1, 5, 6, "y")])
    assert Path("script.py").read_text() == "x = y\n"


def refused(tmp_path: Path, *fixes: ChosenFix, **options) -> str:
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(EditError) as caught:
        apply_fixes(fixes, **options)
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before
    return str(caught.value)


@pytest.fixture
def script(tmp_path: Path) -> Path:
    file = tmp_path / "script.py"
    file.write_text("y = a @ b\n")
    return file


def test_refuses_overlapping_edits(script: Path):
    both = (chosen(str(script), 1, 5, 10, "b @ a"), chosen(str(script), 1, 9, 10, "b.T"))
    assert "want the same place" in refused(script.parent, *both)


def test_refuses_a_file_whose_text_changed(script: Path):
    text = refused(script.parent, chosen(str(script), 1, 5, 10, "a * b", source="c @ d"))
    assert "has changed since the program ran" in text


def test_refuses_a_file_that_was_written_after_the_start(script: Path):
    start = time.time_ns()
    os.utime(script, ns=(start + 1, start + 1))
    fix = chosen(str(script), 1, 5, 10, "a * b", source="a @ b")
    assert "has changed since the program ran" in refused(script.parent, fix, unchanged_since_ns=start)
    os.utime(script, ns=(start - 1, start - 1))
    apply_fixes([fix], unchanged_since_ns=start)
    assert script.read_text() == "y = a * b\n"


def test_refuses_what_would_be_no_python(script: Path):
    assert "syntax error" in refused(script.parent, chosen(str(script), 1, 5, 6, "("))


def test_refuses_signs_that_the_file_cannot_hold(tmp_path: Path):
    script = tmp_path / "script.py"
    script.write_bytes(b"# coding: latin-1\ny = a\n")
    text = refused(tmp_path, chosen(str(script), 2, 5, 6, "'重'"))
    assert "'重'" in text
    assert "iso-8859-1" in text


def test_refuses_a_file_that_is_gone(tmp_path: Path):
    assert "cannot be read any more" in refused(tmp_path, chosen(str(tmp_path / "gone.py"), 1, 1, 2, "x"))


def test_refuses_a_read_only_file(script: Path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda path, mode: mode != os.W_OK)  # root may write everything
    assert "read-only" in refused(script.parent, chosen(str(script), 1, 5, 6, "c"))


def test_puts_the_first_file_back_when_the_second_fails(script: Path, monkeypatch):
    other = script.parent / "other.py"
    other.write_text("z = a\n")
    replace_file = writing._replace

    def full_disk(target: Path, data: bytes) -> None:
        if target.name == "other.py":
            raise OSError(28, "No space left on device")
        replace_file(target, data)

    monkeypatch.setattr(writing, "_replace", full_disk)
    text = refused(script.parent, chosen(str(script), 1, 5, 6, "c"), chosen(str(other), 1, 5, 6, "c"))
    assert "other.py could not be written (No space left on device); no file was changed" in text


def test_leaves_no_temporary_file_when_writing_fails(script: Path, monkeypatch):
    monkeypatch.setattr(os, "fsync", lambda handle: (_ for _ in ()).throw(OSError(5, "Input/output error")))
    refused(script.parent, chosen(str(script), 1, 5, 6, "c"))
