"""A bias that is a plain number, and is stepped in place where an array would be."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from training_programs import Edits, blamed_line, edited_text, findings, repaired

PROGRAM = """\
import numpy as np

rng = np.random.default_rng(4)
X = rng.normal(size=(30, 2))
y = X @ np.array([0.5, -1.5]) + 2.0
w, b = rng.normal(size=2), np.zeros(1)


def step(w, b, rate):
    residual = X @ w + b - y
    w -= rate * X.T @ residual / len(y)
    b -= rate * residual.mean()
    return residual


for turn in range(20):
    left = step(w, b, 0.2)
    print(turn, 0.5 * np.mean(left**2))
"""
NUMBER = ("rng.normal(size=2), np.zeros(1)", "rng.normal(size=2), 0.0")
IN_A_LOOP = [
    (
        "    w -= rate * X.T @ residual / len(y)\n    b -= rate * residual.mean()\n",
        (
            "    slopes = X.T @ residual / len(y), residual.mean()\n"
            "    for parameter, slope in zip((w, b), slopes):\n"
            "        parameter -= rate * slope\n"
        ),
    ),
]

RIGHT: list[tuple[str, Edits]] = [
    ("an array of one entry", []),
    ("a number that is handed back", [NUMBER, ("return residual", "return residual, b"), ("left =", "left, b =")]),
    (
        "a number that is global",
        [NUMBER, ("def step(w, b, rate):", "def step(w, rate):\n    global b"), ("step(w, b, 0.2)", "step(w, 0.2)")],
    ),
    (
        "a constant that is taken off a copy",
        [
            NUMBER,
            (
                "    return residual",
                "    shown = b\n    shown -= residual.mean()\n    print(shown)\n    return residual",
            ),
            ("    b -= rate * residual.mean()\n", ""),
            ("+ 2.0", ""),
        ],
    ),
]


@pytest.mark.parametrize("edits", [[NUMBER], [NUMBER, *IN_A_LOOP]], ids=["by-name", "in-a-loop"])
def test_a_number_that_stays_is_begun_as_an_array(tmp_path: Path, edits: Edits) -> None:
    text = edited_text(PROGRAM, edits)
    (found,) = findings(tmp_path, text, trials=True)
    assert (found.code, found.title) == ("SC406", "this step leaves the number as it was")
    assert found.location.source.endswith(("rate * residual.mean()", "rate * slope"))
    assert "w, b =" in blamed_line(text, found)
    assert repaired(text, found.fixes[0]) == edited_text(PROGRAM, edits[1:])


@pytest.mark.parametrize("edits", [r[1] for r in RIGHT], ids=[r[0].replace(" ", "-") for r in RIGHT])
def test_a_number_that_is_kept_is_right(tmp_path: Path, edits: Edits) -> None:
    assert findings(tmp_path, edited_text(PROGRAM, edits)) == []
