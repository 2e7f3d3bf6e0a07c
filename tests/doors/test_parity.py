"""Every door says the same: the seeds' cases come in by each of them, and the finding is compared.

The doors of the command line give the whole finding as JSON: code, location, cause, operands, first fix. Under a failed
test it stands as text, and below an uncaught error it has the code, the place and the operands only, because nothing is
run again there.
"""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from .notebooks import ROOT, diagnose, write

CORPUS = ROOT / "cases"
FOLDERS = [
    toml.parent
    for toml in sorted(CORPUS.glob("*/case.toml"))
    if tomllib.loads(toml.read_text(encoding="utf-8"))["source"].startswith("seed")
]
CRASHES = [folder for folder in FOLDERS if folder.name.startswith("crash-")]
SAMPLE = "crash-cost-divides-by-a-tuple"
# Their repair is sought until the time is up: what is compared of them needs no trials.
LONG = {"crash-assert-finds-dot-for-star", "crash-mlp-activations-never-stored"}
# What runs and is wrong comes in by the doors of the command line only: nothing raises there.
SILENT = CORPUS / "silent-bias-grows-a-column-per-sample"
# These come in by every door each time; the others with all the corpus.
OFTEN = {"crash-dot-binds-before-the-subtraction", SILENT.name}


def cases(folders: list[Path]) -> pytest.MarkDecorator:
    marks = {SAMPLE: (), **dict.fromkeys(OFTEN, (pytest.mark.slow,))}
    rest = (pytest.mark.slow, pytest.mark.corpus)
    return pytest.mark.parametrize(
        "folder", [pytest.param(f, id=f.name, marks=marks.get(f.name, rest)) for f in folders]
    )


CASES, ALL_CASES = cases(CRASHES), cases([*CRASHES, SILENT])


def test_the_seeds_cases_are_there():
    assert len(CRASHES) >= 6
    assert SAMPLE in {folder.name for folder in CRASHES}


# -- one program in several forms -----------------------------------------------------------------------------------


def in_cells(text: str) -> list[str]:
    """The statements of a script as cells: each definition by itself, a few others together."""
    lines = text.splitlines(keepends=True)
    cells: list[str] = []
    start, count = 0, 0
    for statement, after in zip(body := ast.parse(text).body, [*body[1:], None], strict=True):
        count += 1
        alone = isinstance(statement, ast.FunctionDef | ast.ClassDef)
        follows = isinstance(after, ast.FunctionDef | ast.ClassDef) or after is None
        if alone or follows or count == 3:
            end = len(lines) if after is None else statement.end_lineno or 0
            cells.append("".join(lines[start:end]))
            start, count = end, 0
    assert "".join(cells) == text
    return cells


def as_function(text: str) -> str:
    """A script whose statements below its definitions are the body of a function `main`; their names stay global."""
    tree = ast.parse(text)
    lines = text.splitlines(keepends=True)
    kept = (ast.FunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom)
    inside = {
        line
        for statement in tree.body
        if not isinstance(statement, kept)
        for line in range(statement.lineno, (statement.end_lineno or statement.lineno) + 1)
    }
    body = [statement for statement in tree.body if not isinstance(statement, kept)]
    stored = sorted(
        {
            node.id
            for statement in body
            for node in ast.walk(statement)
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
        }
    )
    above = [line for number, line in enumerate(lines, start=1) if number not in inside]
    below = ["    " + line for number, line in enumerate(lines, start=1) if number in inside]
    return "".join([*above, "\n\ndef main():\n", f"    global {', '.join(stored)}\n", *below])


# -- what each door says --------------------------------------------------------------------------------------------


def first_finding(case: Path, into: Path, *arguments: str, stdin: str | None = None) -> dict[str, Any]:
    trials = ["--no-trials"] if case.name in LONG else []
    done = diagnose(into, *trials, "--format", "json", *arguments, stdin=stdin)
    findings: list[dict[str, Any]] = json.loads(done.stdout)["findings"]
    assert findings, "nothing was said"
    return findings[0]


def essence(finding: dict[str, Any]) -> dict[str, Any]:
    """What no door may say otherwise; lines differ from one form of a program to another, its text does not."""
    fixes = finding["fixes"]
    return {
        "code": finding["code"],
        "location": finding["location"]["source"],
        "cause": finding["cause"]["source"],
        "layer": finding["layer"],
        "operands": finding["operands"],
        "fix": [(edit["replacement"]) for edit in fixes[0]["edits"]] if fixes else None,
        "confidence": fixes[0]["confidence"] if fixes else None,
    }


@pytest.fixture(scope="module")
def said_of_scripts() -> dict[str, dict[str, Any]]:
    return {}


@pytest.fixture
def said_of_the_script(folder: Path, said_of_scripts: dict[str, dict[str, Any]], tmp_path: Path) -> dict[str, Any]:
    """The first finding of `diagnose script.py`; it is asked once."""
    if folder.name not in said_of_scripts:
        (tmp_path / "script.py").write_text((folder / "script.py").read_text())
        said_of_scripts[folder.name] = first_finding(folder, tmp_path, "script.py")
    return said_of_scripts[folder.name]


@ALL_CASES
def test_standard_input(folder, said_of_the_script, tmp_path):
    text = (folder / "script.py").read_text()
    found = first_finding(folder, tmp_path, "-", stdin=text)
    assert essence(found) == essence(said_of_the_script)
    for place in ("location", "cause"):
        assert found[place] == {**said_of_the_script[place], "path": "<stdin>"}


@ALL_CASES
def test_notebook(folder, said_of_the_script, tmp_path):
    cells = in_cells((folder / "script.py").read_text())
    assert len(cells) > 2
    write(tmp_path / "net.ipynb", cells)
    found = first_finding(folder, tmp_path, "net.ipynb")
    assert essence(found) == essence(said_of_the_script)
    for place in ("location", "cause"):
        span, wanted = found[place], said_of_the_script[place]
        above = sum(cell.count("\n") for cell in cells[: span["cell"] - 1])
        assert (span["line"] + above, span["column"]) == (wanted["line"], wanted["column"])


@ALL_CASES
def test_function(folder, said_of_the_script, tmp_path):
    (tmp_path / "net.py").write_text(as_function((folder / "script.py").read_text()))
    found = first_finding(folder, tmp_path, "--function", "net:main")
    assert essence(found) == essence(said_of_the_script)


@pytest.mark.parametrize("folder", [folder for folder in CRASHES if folder.name == SAMPLE], ids=[SAMPLE])
def test_module(folder, said_of_the_script, tmp_path):
    (tmp_path / "nets").mkdir()
    (tmp_path / "nets" / "__init__.py").write_text("")
    (tmp_path / "nets" / "train.py").write_text((folder / "script.py").read_text())
    found = first_finding(folder, tmp_path, "-m", "nets.train")
    assert essence(found) == essence(said_of_the_script)


def python(folder: Path, *arguments: str, **environment: str) -> str:
    plain = {key: value for key, value in os.environ.items() if key not in {"COLUMNS", "FORCE_COLOR"}}
    done = subprocess.run(
        [sys.executable, *arguments],
        capture_output=True,
        text=True,
        cwd=folder,
        timeout=120,
        check=False,
        stdin=subprocess.DEVNULL,
        env={**plain, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1", **environment},
    )
    return done.stdout + done.stderr


def labels(finding: dict[str, Any]) -> list[str]:
    return [str(tuple(operand["shape"])) for operand in finding["operands"]]


@CASES
def test_below_an_uncaught_error(folder, said_of_the_script, tmp_path):
    (tmp_path / "script.py").write_text((folder / "script.py").read_text())
    start = "import runpy, shapecheck; shapecheck.install(); runpy.run_path('script.py', run_name='__main__')"
    said = python(tmp_path, "-c", start).partition("error[")[2]
    location = said_of_the_script["location"]
    assert said.startswith(said_of_the_script["code"] + "]")
    assert f"--> script.py:{location['line']}:{location['column']}\n" in said
    assert [label for label in labels(said_of_the_script) if label not in said] == []


@pytest.mark.slow
@CASES
def test_under_a_failed_test(folder, said_of_the_script, tmp_path):
    (tmp_path / "net.py").write_text(as_function((folder / "script.py").read_text()))
    (tmp_path / "test_net.py").write_text("import net\n\n\ndef test_net():\n    net.main()\n")
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    said = python(tmp_path, "-m", "pytest", "-q", "-p", "no:cacheprovider", COLUMNS="200").partition("error[")[2]
    fixes = said_of_the_script["fixes"]
    assert said.startswith(said_of_the_script["code"] + "]")
    assert [label for label in labels(said_of_the_script) if label not in said] == []
    # It may look for a repair for a shorter time than the command does.
    if fixes and (folder.name == SAMPLE or "help: " in said):
        assert f"help: {fixes[0]['title']}" in said
        assert f"{fixes[0]['confidence']}: " in said
