"""What `docs/explanations.md` shows is what happens."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "explanations.md").read_text(encoding="utf-8")
FILES = re.findall(r"<!-- file: (\S+) -->\n\n```python\n(.*?)```\n", PAGE, re.DOTALL)
SHOWN = re.findall(r"<!-- run -->\n\n```sh\n(.*?)```\n(?:\n```text\n(.*?)```\n)?", PAGE, re.DOTALL)
CELLS = re.findall(r"<!-- cells -->\n\n```python\n(.*?)```\n\n```text\n(.*?)```\n", PAGE, re.DOTALL)


def environment(**extra: str) -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if k not in {"COLUMNS", "FORCE_COLOR", "SHAPECHECK"}}
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    return {**kept, "PATH": path, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1", **extra}


def missing(shown: str, said: str) -> list[str]:
    """The lines that are shown, but for `...`, and are not said in this order."""
    position, left = 0, []
    for line in shown.splitlines():
        found = said.find(line, position)
        if line != "..." and found < 0:
            left.append(line)
        position = max(position, found)
    return left


def examples(pairs: list[tuple[str, str]], name: str) -> pytest.MarkDecorator:
    """Those that run `diagnose` take seconds."""
    return pytest.mark.parametrize(
        (name, "shown"),
        [
            pytest.param(
                text,
                shown,
                id=re.findall(r"%%?\w+", text)[1] if name == "cells" else text.strip(),
                marks=pytest.mark.slow if "diagnose" in text else (),
            )
            for text, shown in pairs
        ],
    )


@examples(SHOWN, "line")
def test_the_page_shows_what_is_said(line: str, shown: str, tmp_path: Path) -> None:
    for name, text in FILES:
        (tmp_path / name).write_text(text)
    done = subprocess.run(
        ["sh", "-c", line], cwd=tmp_path, env=environment(), capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 1
    assert missing(shown, done.stderr) == []
    if "html" in line:
        assert (tmp_path / "report.html").read_text().rstrip().endswith("</html>")


@examples(CELLS, "cells")
def test_a_session_shows_what_is_said(cells: str, shown: str, tmp_path: Path) -> None:
    pytest.importorskip("IPython")
    parts = re.split(r"^# In\[\d+\]:\n", cells, flags=re.MULTILINE)[1:]
    script = (
        "from IPython.core.interactiveshell import InteractiveShell\nshell = InteractiveShell.instance()\n"
        f"for cell in {parts!r}:\n    shell.run_cell(cell, store_history=True)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        env=environment(IPYTHONDIR=str(tmp_path / "ipython")),
        capture_output=True,
        text=True,
        timeout=90,
        check=True,
    )
    assert missing(shown, done.stdout) == [], done.stdout


def test_the_readmes_lines_explain_an_uncaught_shape_error(tmp_path: Path) -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    block = re.search(r"<!-- before an uncaught shape error -->\n\n```python\n(.*?)```\n", text, re.DOTALL)
    assert block
    (tmp_path / "net.py").write_text(f"{block[1]}import numpy as np\nnp.ones(3) @ np.ones(2)\n")
    done = subprocess.run(
        [sys.executable, "net.py"], cwd=tmp_path, env=environment(), capture_output=True, text=True, check=False
    )
    assert "error[SC101]" in done.stderr


def test_the_page_has_an_example_of_each_door() -> None:
    everything = "".join([text for _, text in FILES] + [line for line, _ in SHOWN] + [cells for cells, _ in CELLS])
    doors = ("shapecheck.install()", "SHAPECHECK=install", "%load_ext", "%%diagnose", "%verify", "--format html")
    assert [door for door in doors if door not in everything] == []
