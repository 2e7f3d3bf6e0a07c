"""Notebooks made by hand, and the command run on them, for the tests beside this file."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]


def notebook(cells: Sequence[str | tuple[str, list[str]]], *, lines: bool = True, **metadata: Any) -> dict[str, Any]:
    """A notebook of format 4 with a heading and these code cells; a cell may come with its tags."""
    made: list[dict[str, Any]] = [{"cell_type": "markdown", "metadata": {}, "source": ["# Netz für Übungen\n", "é"]}]
    for number, cell in enumerate(cells, start=1):
        source, tags = (cell, []) if isinstance(cell, str) else cell
        output = {"output_type": "stream", "name": "stdout", "text": ["alt → new\n"]}
        written: Any = source.splitlines(keepends=True) if lines else source
        data = {"tags": tags} if tags else {}
        made.append(
            {"cell_type": "code", "execution_count": number, "metadata": data, "outputs": [output], "source": written}
        )
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    about = {"kernelspec": kernel, "language_info": {"name": "python"}, **metadata}
    return {"cells": made, "metadata": about, "nbformat": 4, "nbformat_minor": 5}


def write(path: Path, cells: Sequence[str | tuple[str, list[str]]], **metadata: Any) -> Path:
    """Write such a notebook as Jupyter does."""
    path.write_text(json.dumps(notebook(cells, **metadata), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return path


def diagnose(folder: Path, *arguments: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
    """Run `python -m shapecheck diagnose` in a folder."""
    plain = {key: value for key, value in os.environ.items() if key not in {"COLUMNS", "FORCE_COLOR", "MPLBACKEND"}}
    given: dict[str, Any] = {"stdin": subprocess.DEVNULL} if stdin is None else {"input": stdin}
    return subprocess.run(
        [sys.executable, "-m", "shapecheck", "diagnose", *arguments],
        capture_output=True,
        text=True,
        cwd=folder,
        timeout=120,
        check=False,
        env={**plain, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"},
        **given,
    )
