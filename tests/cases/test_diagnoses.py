"""What is said of every case, by the command that people run; and nothing of a program that is right.

What falls short today stands in `FALLS_SHORT`. A plain `pytest` takes the clean cases and a sample of the others; the
whole corpus takes half an hour, and runs with `pytest -m corpus tests/cases`.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
import tomllib
from pathlib import Path
from typing import Any

import pytest

CORPUS = Path(__file__).resolve().parents[2] / "cases"
FOLDERS = sorted(toml.parent for toml in CORPUS.glob("*/case.toml"))

# found: nothing was said. code, line, layer: those of the first finding. repair: its first fix is absent, or not right.
FALLS_SHORT: dict[str, set[str]] = {
    "crash-assert-finds-dot-for-star": {"repair"},
    "crash-assert-on-swapped-product": {"layer"},
    "crash-batchnorm-gamma-over-features": {"layer"},
    "crash-dropout-mask-drawn-once": {"line", "layer"},
    "crash-gru-wrong-half-of-the-concatenation": {"layer"},
    "crash-labels-index-the-wrong-axis": {"layer"},
    "crash-lstm-joins-column-and-vector": {"layer"},
    "crash-luck-until-the-last-batch": {"layer"},
    "crash-matrix-star-is-dot": {"layer"},
    "crash-mlp-activations-never-stored": {"layer"},
    "crash-negative-sampling-needs-outer": {"repair"},
    "crash-one-hot-of-a-column": {"line"},
    "crash-ones-column-of-a-full-batch": {"layer"},
    "crash-slope-of-the-neighbouring-layer": {"layer"},
    "crash-squeeze-of-a-batch-of-one": {"found"},
    "crash-theta-split-forgets-the-bias": {"layer"},
    "crash-velocity-shaped-like-layer-one": {"layer"},
    "silent-add-writes-into-the-bias": {"found"},
    "silent-attention-divides-the-columns": {"code"},
    "silent-batch-norm-statistics-held-constant": {"repair"},
    "silent-bias-equals-dz": {"repair"},
    "silent-bracket-of-the-printed-cost": {"found"},
    "silent-cell-gradient-not-forgotten": {"repair"},
    "silent-context-follows-the-moved-word": {"found"},
    "silent-cost-row-against-column": {"line"},
    "silent-entropy-printed-squares-descended": {"repair"},
    "silent-error-table-averaged-away": {"layer"},
    "silent-gate-takes-the-new-state": {"code"},
    "silent-hidden-bias-never-moves": {"repair"},
    "silent-loss-of-the-last-record": {"found"},
    "silent-no-gradient-from-the-future": {"code", "repair"},
    "silent-one-output-against-all-targets": {"found"},
    "silent-one-weight-climbs": {"found"},
    "silent-output-slope-applied-twice": {"code", "line", "repair"},
    "silent-penalty-only-in-the-cost": {"found"},
    "silent-scores-unscaled-backward": {"found"},
    "silent-slope-taken-at-the-gradient": {"code"},
    "silent-softmax-slope-elementwise": {"found"},
    "silent-softplus-slope-of-the-output": {"code"},
    "silent-third-argument-of-dot": {"code"},
    "silent-velocity-of-the-other-layer": {"line", "repair"},
    "silent-weights-of-the-samples": {"line", "repair"},
    "silent-weights-step-without-delta": {"code", "layer"},
}

SAMPLE = {folder.name for folder in FOLDERS if folder.name.startswith("clean-")} | {
    "crash-bias-keeps-a-column-per-sample",
    "crash-cost-divides-by-a-tuple",
    "crash-dot-binds-before-the-subtraction",
    "crash-mlp-returns-its-input",
    "crash-outer-written-as-dot",
    "crash-target-column-became-a-vector",
    "crash-whole-schedule-as-learning-rate",
    "silent-accuracy-of-every-pair",
    "silent-bias-grows-a-column-per-sample",
    "silent-bias-summed-over-units",
    "silent-delta-through-the-wrong-weights",
    "silent-mask-only-on-the-way-out",
    "silent-one-output-against-all-targets",
    "silent-sigmoid-with-tanh-slope",
}

RUN_AND_CHECK = """
import contextlib, io, runpy, sys
with contextlib.redirect_stdout(io.StringIO()):
    namespace = runpy.run_path("script.py", run_name="__main__")
    runpy.run_path(sys.argv[1])["check"](namespace)
"""
# A busy machine is slow. The search for repairs limits itself by the clock: there it may end with nothing to show.
SECONDS = 300
SEARCH_SECONDS = 15


def truth_of(folder: Path) -> dict[str, Any]:
    return tomllib.loads((folder / "case.toml").read_text(encoding="utf-8"))


def of_kind(*kinds: str) -> Any:
    return pytest.mark.parametrize(
        "folder",
        [
            pytest.param(
                folder,
                id=folder.name,
                marks=() if folder.name in SAMPLE else (pytest.mark.slow, pytest.mark.corpus),
            )
            for folder in FOLDERS
            if truth_of(folder)["kind"] in kinds
        ],
    )


def python(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )


def diagnosis(folder: Path, name: str, into: Path) -> dict[str, Any]:
    """Diagnose a program in a copy of its folder that holds no answers."""
    keep = {name, *truth_of(folder).get("modules", [])}
    if name == "fixed.py":
        keep |= {path.name for path in folder.glob("*_fixed.py")}
    for file in keep:
        shutil.copy(folder / file, into)
    done = python(into, "-m", "shapecheck", "diagnose", "--format", "json", name)
    assert done.returncode in {0, 1}, done.stderr
    report: dict[str, Any] = json.loads(done.stdout)
    assert done.returncode == bool(report["findings"]) or report["program"]["outcome"] != "finished"
    return report


def apply(edits: list[dict[str, Any]], folder: Path) -> None:
    """Make edits whose lines and columns count from 1, ends exclusive; the last first, so that none moves another."""
    for edit in sorted(edits, key=lambda e: (e["line"], e["column"]), reverse=True):
        file = folder / Path(edit["path"]).name
        lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
        lines.append("")
        head = lines[edit["line"] - 1][: edit["column"] - 1]
        tail = lines[edit["end_line"] - 1][edit["end_column"] - 1 :]
        lines[edit["line"] - 1 : edit["end_line"]] = [head + edit["replacement"] + tail]
        file.write_text("".join(lines), encoding="utf-8")


def falls_short(folder: Path, into: Path) -> dict[str, str]:
    """What is not as case.toml wants it, and how it is instead."""
    truth = truth_of(folder)
    findings = diagnosis(folder, "script.py", into)["findings"]
    if not findings or findings[0]["severity"] == "note":
        return {"found": "nothing"}
    first, short = findings[0], {}
    if first["code"] not in truth["codes"]:
        short["code"] = first["code"]
    cause = (Path(first["cause"]["path"]).name, first["cause"]["line"])
    if cause not in {(truth.get("cause_file", "script.py"), line) for line in truth["cause_lines"]}:
        short["line"] = f"{cause[0]}:{cause[1]}"
    if "layer" in truth and first["layer"] not in {truth["layer"], *truth.get("layer_also", [])}:
        short["layer"] = str(first["layer"])
    if not first["fixes"]:
        short["repair"] = "none"
    else:
        apply(first["fixes"][0]["edits"], into)
        done = python(into, "-c", RUN_AND_CHECK, str(folder / "oracle.py"))
        if done.returncode != 0:
            short["repair"] = f"{first['fixes'][0]['title']}: {done.stderr.strip().splitlines()[-1]}"
    return short


@of_kind("crash", "silent")
def test_the_mistake_is_named_placed_and_repaired(folder: Path, tmp_path: Path) -> None:
    began = time.monotonic()
    short = falls_short(folder, tmp_path)
    known = FALLS_SHORT.get(folder.name, set())
    if set(short) - known and time.monotonic() - began > SEARCH_SECONDS:
        pytest.xfail("this machine is too slow, or too busy, for the search to end")
    assert set(short) <= known, f"falls short: {short}; FALLS_SHORT has {sorted(known)}"
    if known:
        pytest.xfail(f"falls short: {short}" if short else "falls short no more: take its line out of FALLS_SHORT")


@of_kind("clean")
def test_a_clean_program_gets_no_finding(folder: Path, tmp_path: Path) -> None:
    assert alarms(diagnosis(folder, "script.py", tmp_path)) == []


@of_kind("crash", "silent")
def test_a_repaired_program_gets_no_finding(folder: Path, tmp_path: Path) -> None:
    assert alarms(diagnosis(folder, "fixed.py", tmp_path)) == []


def alarms(report: dict[str, Any]) -> list[str]:
    assert report["program"]["outcome"] == "finished"
    return [
        f"{finding['code']} at {finding['location']['path']}:{finding['location']['line']}: {finding['title']}"
        for finding in report["findings"]
        if finding["severity"] in {"error", "warning"}
    ]


def test_the_table_names_cases_that_exist() -> None:
    names = {folder.name for folder in FOLDERS}
    assert names >= FALLS_SHORT.keys() | SAMPLE
