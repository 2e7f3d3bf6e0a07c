"""Rows that are all one list are told where they are written into, and nowhere else."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from training_programs import blamed_line, edited_text, findings, repaired

PROGRAM = """\
from math import tanh
from random import seed, uniform

seed(4)
data = [([0.2, -0.7], [0.3, -0.1]), ([-0.5, 0.4], [-0.2, 0.6]), ([0.9, 0.1], [0.1, 0.8])]
weights = [[uniform(-1, 1) for _ in range(2)] for _ in range(2)]


def zeros(rows, columns):
    return [[0.0] * columns for _ in range(rows)]


for epoch in range(6):
    slopes = zeros(2, 2)
    error = 0.0
    for x, t in data:
        out = [tanh(sum(w * v for w, v in zip(row, x))) for row in weights]
        for k in range(2):
            delta = (out[k] - t[k]) * (1 - out[k] ** 2)
            error += 0.5 * (out[k] - t[k]) ** 2
            for i in range(2):
                slopes[k][i] += delta * x[i]
    for k in range(2):
        for i in range(2):
            weights[k][i] -= 0.3 * slopes[k][i]
print(error)
"""
# Gradients of several layers, gathered sample by sample in arrays.
ARRAYS = """\
import numpy as np

rng = np.random.default_rng(3)
data = [(rng.normal(size=3), rng.normal(size=3)) for _ in range(6)]
weights = [rng.normal(size=(3, 3)) * 0.6 for _ in range(2)]
for epoch in range(4):
    slopes = [np.zeros((3, 3)) for _ in range(2)]
    error = 0.0
    for x, t in data:
        h = np.tanh(weights[0] @ x)
        out = weights[1] @ h
        error += 0.5 * np.sum((out - t) ** 2)
        delta = out - t
        slopes[1] += np.outer(delta, h)
        slopes[0] += np.outer(weights[1].T @ delta * (1 - h**2), x)
    for k in range(2):
        weights[k] -= 0.02 * slopes[k]
    print(error)
"""
OWN = "[np.zeros((3, 3)) for _ in range(2)]"
SET = "slopes = [np.zeros((3, 3))] * 2\n    slopes[0] = np.zeros((3, 3))\n    slopes[1] = np.zeros((3, 3))"
NUMBERS = "rates = [rng.uniform(0.02, 0.03)] * 2\n    rates[0] += 0.001\n    "
ARRAYS_RIGHT = [[], [(f"slopes = {OWN}", SET)], [(f"slopes = {OWN}", f"{NUMBERS}slopes = {OWN}")]]

MADE = "[[0.0] * columns for _ in range(rows)]"
BEGUN = "    slopes = zeros(2, 2)\n"
#     id                    what stands there and what becomes of it
RIGHT = [
    ("as it is", []),
    (
        "rows are exchanged",
        [(BEGUN, "    slopes = [[0.0] * 2] * 2\n    for k in range(2):\n        slopes[k] = [0.0, 0.0]\n")],
    ),
    ("only read", [("print(error)", "nothing = [[0.0] * 2] * 2\nprint(error, nothing[0][1])")]),
]
WRONG = [
    ("by a function", [(MADE, "[[0.0] * columns] * rows")], "[[0.0] * columns] * rows"),
    ("in place", [(BEGUN, "    slopes = 2 * [[0.0, 0.0]]\n")], "2 * [[0.0, 0.0]]"),
    ("of a comprehension", [(BEGUN, "    slopes = [[0.0 for _ in range(2)]] * 2\n")], "* 2"),
]


@pytest.mark.parametrize("edits", [r[1] for r in RIGHT], ids=[r[0].replace(" ", "-") for r in RIGHT])
def test_right_programs_are_left_alone(tmp_path: Path, edits: list[tuple[str, str]]) -> None:
    assert findings(tmp_path, edited_text(PROGRAM, edits)) == []


@pytest.mark.parametrize("edits", ARRAYS_RIGHT, ids=["as it is", "exchanged", "numbers"])
def test_arrays_of_their_own_are_right(tmp_path: Path, edits: list[tuple[str, str]]) -> None:
    assert findings(tmp_path, edited_text(ARRAYS, edits)) == []


def test_one_array_for_all_layers(tmp_path: Path) -> None:
    text = edited_text(ARRAYS, [(OWN, "[np.zeros((3, 3))] * 2")])
    (found,) = findings(tmp_path, text, trials=True)
    assert (found.code, found.title) == ("SC404", "the items of `slopes` are all one array")
    assert repaired(text, found.fixes[0]) == ARRAYS


@pytest.mark.parametrize(("edits", "line"), [w[1:] for w in WRONG], ids=[w[0].replace(" ", "-") for w in WRONG])
def test_the_list_is_named_and_mended(tmp_path: Path, edits: list[tuple[str, str]], line: str) -> None:
    text = edited_text(PROGRAM, edits)
    found = findings(tmp_path, text, trials=True)
    assert [f.code for f in found] == ["SC404"]
    assert line in blamed_line(text, found[0])
    mended = repaired(text, found[0].fixes[0])
    assert "for _ in range(" in blamed_line(mended, found[0])
    assert findings(tmp_path, mended) == []
