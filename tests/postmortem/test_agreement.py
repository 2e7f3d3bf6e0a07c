"""What is read from frames is what a recorded run says: the same code, place and operands, or fewer operands."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from .dying import said_of

TESTS = Path(__file__).parents[1]
CASES = sorted(folder for folder in (TESTS.parent / "cases").glob("crash-*") if (folder / "script.py").exists())
# They are deduced from values that are gone: what calls of the user's own functions and comprehensions gave.
TOLD_LESS = {
    "crash-lstm-joins-column-and-vector",
    "crash-slope-of-the-neighbouring-layer",
    "crash-target-column-became-a-vector",
    "crash-weights-in-one-array",
}
SAMPLE = {
    "crash-mlp-returns-its-input",
    "crash-assert-finds-dot-for-star",
    "crash-cost-divides-by-a-tuple",
    "crash-slope-of-the-neighbouring-layer",
}


def table_of_crashes() -> Any:
    """The table that the recorded door is tested with."""
    spec = importlib.util.spec_from_file_location("recorded_crashes", TESTS / "diagnose" / "test_crash.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


RECORDED = table_of_crashes()


@pytest.mark.parametrize(
    ("program", "code", "source", "shapes"), [c[1:] for c in RECORDED.CRASHES], ids=[c[0] for c in RECORDED.CRASHES]
)
def test_a_shape_error_has_its_code_place_and_operands(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    program: str,
    code: str,
    source: str | None,
    shapes: list[Any] | None,
) -> None:
    monkeypatch.chdir(tmp_path)
    explanation = said_of(RECORDED.START + program + "\n", tmp_path)
    assert explanation is not None
    finding = explanation.finding
    assert finding.code == code
    if source is not None:
        assert finding.location.source == source
    if shapes is not None:
        assert [operand.shape for operand in finding.operands if operand.shape][: len(shapes)] == shapes


@pytest.mark.parametrize("program", [o[1] for o in RECORDED.OTHERS[:-1]], ids=[o[0] for o in RECORDED.OTHERS[:-1]])
def test_other_errors_are_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: str) -> None:
    monkeypatch.chdir(tmp_path)
    assert said_of(RECORDED.START + program + "\n", tmp_path) is None


NOT_ABOUT_SHAPES = [
    ("singular matrix", "np.linalg.inv(np.zeros((3, 3)))"),
    ("probabilities", "np.random.choice(np.arange(3), p=np.array([0.5, 0.2, 0.2]))"),
    ("arithmetic with None", "C = A + None"),
    ("a function that was not called", "C = A * len"),
    ("text for a number", "C = A + 'x'"),
    ("index that is no number", "C = A[0.5]"),
    ("not a number", "int(float('nan') * A[0, 0])"),
]


@pytest.mark.parametrize("program", [o[1] for o in NOT_ABOUT_SHAPES], ids=[o[0] for o in NOT_ABOUT_SHAPES])
def test_refusals_that_are_not_about_shapes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: str) -> None:
    monkeypatch.chdir(tmp_path)
    assert said_of(RECORDED.START + program + "\n", tmp_path) is None


BOTH_DOORS = Path(__file__).with_name("both_doors.py")


@pytest.mark.parametrize(
    "folder",
    [
        pytest.param(folder, id=folder.name, marks=() if folder.name in SAMPLE else pytest.mark.slow)
        for number, folder in enumerate(CASES)
        if folder.name in SAMPLE | TOLD_LESS or number % 3 == 1
    ],
)
def test_a_worked_case_is_explained_as_diagnose_explains_it(folder: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(BOTH_DOORS)], cwd=folder, capture_output=True, text=True, timeout=120, check=True
    )
    recorded, read = json.loads(done.stdout)
    if recorded is None:
        assert read is None
        return
    assert read[:6] == recorded[:6]
    if folder.name in TOLD_LESS:
        assert [o for o in read[6] if o not in recorded[6]] == []
    else:
        assert read[6] == recorded[6]
