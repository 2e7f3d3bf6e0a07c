"""A single layer, of whose gradient no loss says that it is right: what speaks for a loss is how far it is followed."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from training_programs import Edits, edited_text, findings

NEURON = """\
import numpy as np

rng = np.random.default_rng(3)
rows = rng.normal(size=(14, 3))
goal = (rows[:, :1] > 0) * 0.8 + 0.1
w = rng.normal(size=(3, 1))


def squash(z):
    return 1 / (1 + np.exp(-z))


def steepness(a):
    return a * (1 - a)


kept = []
for turn in range(30):
    out = squash(rows @ w)
    miss = goal - out
    kept.append(np.mean(miss ** 2))
    w += 0.2 * rows.T @ (miss * steepness(out))
print(out[:3].ravel())
"""


@pytest.mark.parametrize(
    ("edits", "line"),
    [
        ([("return a * (1 - a)", "return 1 - a ** 2")], 14),
        ([("0.2 * rows.T @ (miss", "0.2 * miss.T @ (miss")], 22),
    ],
    ids=["slope of another activation", "no input"],
)
def test_the_line_is_mended(edits: Edits, line: int, tmp_path: Path) -> None:
    found = findings(tmp_path, edited_text(NEURON, edits), trials=True)
    assert found[0].fixes[0].confidence == "verified"
    assert found[0].fixes[0].edits[0].line == line


@pytest.mark.parametrize(
    "edits",
    [
        [],
        # An error that counts the less the larger it is: a loss that the program does not show.
        [("squash(rows @ w)\n", "rows @ w\n"), ("(miss * steepness(out))", "(miss / (1 + miss ** 2))")],
        [("squash(rows @ w)\n", "rows @ w\n"), ("(miss * steepness(out))", "(miss * (goal > 0.5))")],
        # Newton's step is made from the gradient.
        [
            ("squash(rows @ w)\n", "rows @ w\n"),
            ("0.2 * rows.T @ (miss * steepness(out))", "np.linalg.inv(rows.T @ rows) @ (rows.T @ miss)"),
        ],
    ],
    ids=["right", "robust", "weighted", "newton"],
)
def test_other_steps_are_left_alone(edits: Edits, tmp_path: Path) -> None:
    assert findings(tmp_path, edited_text(NEURON, edits)) == []
