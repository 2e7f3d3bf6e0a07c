"""Inputs that are shuffled once, apart from their targets: the data say that they went together."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from training_programs import Edits, blamed_line, edited_text, findings, repaired

PROGRAM = """\
import numpy as np

rng = np.random.default_rng(2)
X = rng.normal(size=(60, 3))
y = (X[:, 0] + X[:, 1] > 0).astype(int)
rng.shuffle(X)
goal = np.eye(2)[y]
W = np.zeros((3, 2))
for turn in range(10):
    p = np.exp(X @ W)
    p = p / p.sum(axis=1, keepdims=True)
    W -= 0.5 * X.T @ (p - goal) / 60
print(W)
"""
SHUFFLE = "rng.shuffle(X)\n"
RIGHT: dict[str, Edits] = {
    "one order": [(SHUFFLE, "order = rng.permutation(60)\nX, y = X[order], y[order]\n")],
    "one array": [
        (SHUFFLE, "both = np.column_stack([X, y])\nrng.shuffle(both)\nX, y = both[:, :3], both[:, 3].astype(int)\n")
    ],
    "labels drawn by chance": [("(X[:, 0] + X[:, 1] > 0).astype(int)", "rng.integers(0, 2, 60)")],
    "targets made afterwards": [
        (
            "y = (X[:, 0] + X[:, 1] > 0).astype(int)\nrng.shuffle(X)\n",
            "rng.shuffle(X)\ny = (X[:, 0] + X[:, 1] > 0).astype(int)\n",
        )
    ],
}
WRONG: dict[str, Edits] = {"in place": [], "by an order": [(SHUFFLE, "X = X[rng.permutation(60)]\n")]}


@pytest.mark.parametrize("name", RIGHT)
def test_what_goes_together_is_right(tmp_path: Path, name: str) -> None:
    assert findings(tmp_path, edited_text(PROGRAM, RIGHT[name])) == []


@pytest.mark.parametrize("name", WRONG)
def test_inputs_shuffled_apart_are_named(tmp_path: Path, name: str) -> None:
    text = edited_text(PROGRAM, WRONG[name])
    found = findings(tmp_path, text)
    assert found[0].code == "SC407"
    assert "X" in blamed_line(text, found[0])


# The inputs are made from their classes, and parted from a test set after they were shuffled.
MADE = """\
import numpy as np

rng = np.random.default_rng(3)
kinds = np.repeat([0, 1], 40)
rows = rng.normal(size=(80, 3)) + 2 * kinds[:, None]
order = rng.permutation(80)
rows = rows[order]
kinds = kinds[order]
X, t = rows[:60], kinds[:60]
goal = np.zeros((60, 2))
goal[np.arange(60), t] = 1
W = np.zeros((3, 2))
for turn in range(10):
    p = np.exp(X @ W)
    p = p / p.sum(axis=1, keepdims=True)
    W -= 0.5 * X.T @ (p - goal) / 60
print(np.mean(np.argmax(rows[60:] @ W, axis=1) == kinds[60:]))
"""


def test_inputs_that_were_made_from_their_classes_go_with_them(tmp_path: Path) -> None:
    text = MADE.replace("kinds = kinds[order]\n", "")
    (found,) = findings(tmp_path, text, trials=True)
    assert found.code == "SC407"
    assert "rows = rows[order]" in blamed_line(text, found)
    assert repaired(text, found.fixes[0]) == MADE
    assert findings(tmp_path, MADE) == []
