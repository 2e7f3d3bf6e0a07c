"""What cannot be run gets one paragraph that says why and what to do, and exit status 2."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from shapecheck.script_file import unusable


def write(name: str, data: bytes) -> None:
    Path(name).parent.mkdir(parents=True, exist_ok=True)
    Path(name).write_bytes(data)


#        id                    files                                             script           what must be said
BAD = [
    ("no such file", {}, "script.py", ["there is no file script.py", "current folder"]),
    ("a slip of the keyboard", {"network.py": b""}, "netwrok.py", ["there is no file netwrok.py: there is network.py"]),
    ("suffix left out", {"network.py": b""}, "network", ["there is no file network: there is network.py"]),
    ("no such folder", {}, "nets/script.py", ["there is no folder nets either"]),
    ("a folder", {"nets/train.py": b""}, "nets", ["nets is a folder", "such as nets/train.py"]),
    ("an empty folder", {"nets/data.txt": b""}, "nets", ["nets is a folder: name the script in it"]),
    ("compiled", {"net.pyc": b"\xcb\r\r\n\0\0"}, "net.pyc", ["null bytes"]),
    ("utf-16", {"a.py": "x = 1\n".encode("utf-16")}, "a.py", ["null bytes"]),
    ("not utf-8", {"a.py": b"x = 1\ny = 'caf\xe9'\n"}, "a.py", ["not UTF-8", "0xe9 at line 2, column 9", "latin-1"]),
    ("not utf-8, first line", {"a.py": b"# caf\xe9\n"}, "a.py", ["not UTF-8", "0xe9 at line 1, column 6"]),
    ("not what it declares", {"a.py": b"# coding: ascii\n'\xc3\xa9'\n"}, "a.py", ["not ascii", "line 2, column 2"]),
    ("unknown encoding", {"a.py": b"# coding: klingon\n"}, "a.py", ["unknown encoding", "klingon", "`coding:`"]),
    ("syntax error", {"a.py": b"x = 1\nfoo(\n"}, "a.py", ['File "a.py", line 2', "SyntaxError: '(' was never closed"]),
    ("indentation", {"a.py": b"if 1:\nx\n"}, "a.py", ["IndentationError: expected an indented block"]),
    ("python 2", {"a.py": b"print 'hello'\n"}, "a.py", ["Missing parentheses", "print 'hello'"]),
    ("nested too deeply", {"a.py": b"(" * 500 + b")" * 500}, "a.py", ["cannot be run"]),
]


@pytest.mark.parametrize(("files", "script", "said"), [case[1:] for case in BAD], ids=[case[0] for case in BAD])
def test_unusable(files, script, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name, data in files.items():
        write(name, data)
    paragraph = unusable(script)
    assert paragraph is not None
    assert [words for words in said if words not in paragraph] == []
    assert "Traceback" not in paragraph


#        id                     bytes
GOOD = [
    ("empty", b""),
    ("byte order mark", b"\xef\xbb\xbfx = 1\n"),
    ("declared latin-1", b"# coding: latin-1\nx = 'caf\xe9'\n"),
    ("windows", b"x = 1\r\n"),
    ("warns when compiled", b"x = '\\d'\n"),
    ("no suffix needed", b"#!/usr/bin/env python\nx = 1\n"),
]


@pytest.mark.parametrize("data", [case[1] for case in GOOD], ids=[case[0] for case in GOOD])
def test_usable(data, tmp_path):
    (tmp_path / "script").write_bytes(data)
    assert unusable(str(tmp_path / "script")) is None


def test_the_command_says_it_and_ends_with_2(tmp_path):
    command = [sys.executable, "-m", "shapecheck", "diagnose", "gone.py"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("there is no file gone.py")
    assert done.stderr.count("\n") == 1


def test_a_file_with_the_name_of_a_module_of_pythons_is_the_programs(tmp_path):
    (tmp_path / "copy.py").write_text("word = 'mine'\n")
    (tmp_path / "train.py").write_text("import copy\nimport numpy as np\nprint(copy.word, np.ones((2, 3)).sum())\n")
    command = [sys.executable, "-m", "shapecheck", "diagnose", "train.py"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("mine 6.0\n")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="memory is limited on Linux only")
def test_too_little_memory_is_said(tmp_path):
    # Filled up in small pieces: nothing is left for the report, if it has to do with the same.
    text = "import numpy as np\nkept = []\nwhile True:\n    kept.append(np.ones((200, 200)) @ np.ones((200, 200)))\n"
    (tmp_path / "large.py").write_text(text)
    command = [sys.executable, "-m", "shapecheck", "diagnose", "--memory", "500", "large.py"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, cwd=tmp_path)
    assert done.returncode == 2
    assert "note[SC904]: the program ran out of memory" in done.stdout
    assert "shapecheck" not in done.stderr.replace("shapecheck diagnose", "")
