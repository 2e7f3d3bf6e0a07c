"""What `docs/programs.md` and the README show of these doors is what happens."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from .notebooks import ROOT, write

PAGE = (ROOT / "docs" / "programs.md").read_text(encoding="utf-8")
README = (ROOT / "README.md").read_text(encoding="utf-8")
FILES = re.findall(r"<!-- file: (\S+) -->\n\n```python\n(.*?)```\n", PAGE, re.DOTALL)
NOTEBOOKS = re.findall(r"<!-- notebook: (\S+) -->\n\n```python\n(.*?)```\n", PAGE, re.DOTALL)
SHOWN = re.findall(r"<!-- run -->\n\n```sh\n(.*?)```\n\n```text\n(.*?)```\n", PAGE, re.DOTALL)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """All that the page shows, written to a folder."""
    for name, text in FILES:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    for name, text in NOTEBOOKS:
        write(tmp_path / name, re.split(r"^# In\[\d+\]:\n", text, flags=re.MULTILINE)[1:])
    return tmp_path


def shell(folder: Path, line: str) -> subprocess.CompletedProcess[str]:
    plain = {key: value for key, value in os.environ.items() if key not in {"COLUMNS", "FORCE_COLOR"}}
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = {**plain, "PATH": path, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(
        ["sh", "-c", line], cwd=folder, env=environment, capture_output=True, text=True, timeout=120, check=False
    )


def in_order(shown: str, said: str) -> bool:
    """Whether the lines that are shown, but for `...`, come one after the other."""
    position = 0
    for line in shown.splitlines():
        if line != "...":
            position = said.find(line, position) + len(line)
            if position < len(line):
                return False
    return True


@pytest.mark.parametrize(("line", "shown"), SHOWN, ids=[line.partition("diagnose ")[2].strip() for line, _ in SHOWN])
def test_the_page_shows_what_is_said(line, shown, folder):
    done = shell(folder, line)
    assert done.returncode == 1, done.stderr
    assert in_order(shown, done.stdout), done.stdout


def test_the_page_has_an_example_of_each_door():
    commands = "".join(line for line, _ in SHOWN)
    assert [door for door in ("--function", "--with", "-m ", " - <", ".ipynb", "--fix") if door not in commands] == []


@pytest.mark.slow
def test_the_readmes_commands_find_something(folder):
    block = re.search(r"<!-- in the folder of docs/programs.md -->\n\n```sh\n(.*?)```\n", README, re.DOTALL)
    assert block
    lines = block[1].strip().splitlines()
    assert len(lines) >= 4
    for line in lines:
        done = shell(folder, line)
        assert done.returncode == 1, done.stderr
        assert "error[SC101]" in done.stdout
