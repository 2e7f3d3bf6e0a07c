"""Inputs and targets that are taken by other numbers: said where each target belongs to its own record alone."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from training_programs import Edits, blamed_line, edited_text, findings, repaired

BATCHES = """\
import numpy as np

np.random.seed(14)
X = np.random.randn(60, 3)
Y = np.sin(X[:, [0]]) + 0.5 * X[:, [2]] + 0.1 * np.random.randn(60, 1)
A, B = np.random.randn(3, 5) * 0.5, np.random.randn(5, 1) * 0.5
for epoch in range(4):
    order = np.random.permutation(60)
    for start in range(8, 56, 12):
        stop = start + 12
        pick = order[start:stop]
        x, y = X[pick], Y[pick]
        h = np.tanh(x @ A)
        d = (h @ B - y) / len(x)
        e = d @ B.T * (1 - h**2)
        B -= 0.3 * h.T @ d
        A -= 0.3 * x.T @ e
    print(np.mean((np.tanh(X @ A) @ B - Y) ** 2))
"""
TAKEN = "x, y = X[pick], Y[pick]"
# Sample by sample, and the samples in columns.
ALONE = [
    ("for start in range(8, 56, 12):", "for i in range(60):"),
    ("        stop = start + 12\n        pick = order[start:stop]\n", ""),
    (TAKEN, "x, y = X[i], Y[i]"),
    ("h.T @ d", "np.outer(h, d)"),
    ("x.T @ e", "np.outer(x, e)"),
]
COLUMNS: Edits = [
    ("X = np.random.randn(60, 3)", "X = np.random.randint(0, 2, (3, 60)).astype(float)"),
    ("Y = np.sin(X[:, [0]]) + 0.5 * X[:, [2]] + 0.1 * np.random.randn(60, 1)", "Y = (X[:1] != X[1:2]).astype(float)"),
    (TAKEN, "x, y = X[:, start:stop].T, Y[:, start:stop].T"),
    ("np.mean((np.tanh(X @ A) @ B - Y) ** 2)", "d.sum()"),
]
SCALED = ("A, B =", "X = (X - X.mean(axis=0)) / X.std(axis=0)\nA, B =")
CLASSES = (
    "Y = np.sin(X[:, [0]]) + 0.5 * X[:, [2]] + 0.1 * np.random.randn(60, 1)",
    "Y = 1.0 * (X[:, :1] * X[:, 1:2] > 0)",
)

WRONG: list[tuple[str, Edits, str, str]] = [
    ("a batch of the neighbours", [], TAKEN, "x, y = X[pick - 1], Y[pick]"),
    ("targets of the neighbours", [SCALED], TAKEN, "x, y = X[pick], Y[pick - 1]"),
    ("classes", [CLASSES], TAKEN, "x, y = X[pick], Y[pick - 1]"),
    ("slices", [(TAKEN, "x, y = X[start:stop], Y[start:stop]")], "Y[start:stop]", "Y[start - 1:stop - 1]"),
    ("one sample at a time", ALONE, "X[i], Y[i]", "X[i], Y[i - 1]"),
    ("columns", COLUMNS, "Y[:, start:stop]", "Y[:, start - 1:stop - 1]"),
]


@pytest.mark.parametrize(("edits", "right", "wrong"), [c[1:] for c in WRONG], ids=[c[0] for c in WRONG])
def test_each_target_belongs_to_its_own_record(tmp_path: Path, edits: Edits, right: str, wrong: str) -> None:
    text = edited_text(BATCHES, edits)
    assert findings(tmp_path, text) == []
    broken = edited_text(text, [(right, wrong)])
    (found,) = findings(tmp_path, broken, trials=True)
    assert (found.code, found.title) == ("SC407", "inputs and targets are of different records")
    assert "x, y = " in blamed_line(broken, found)
    assert not found.fixes or repaired(broken, found.fixes[0]) == text
    assert found.fixes or ":," in wrong


DRAWN = "X = np.random.randn(60, 3)"
MADE = "Y = np.sin(X[:, [0]]) + 0.5 * X[:, [2]] + 0.1 * np.random.randn(60, 1)"
NEIGHBOURS = (TAKEN, "x, y = X[pick - 1], Y[pick]")
RIGHT: dict[str, Edits] = {
    "a walk": [(DRAWN, "X = np.cumsum(np.random.randn(60, 3), axis=0)"), NEIGHBOURS],
    "numbers that run on": [(DRAWN, "X = np.sin(np.arange(60)[:, None] * [0.1, 0.2, 0.3])"), NEIGHBOURS],
    "the next record itself": [(MADE, "Y = X"), ("(5, 1)", "(5, 3)"), NEIGHBOURS],
    "targets of the next, made so": [(MADE, "Y = np.roll(np.sin(X[:, [0]]) + X[:, [2]], 1, axis=0)"), NEIGHBOURS],
    "targets made of neighbours": [(MADE, "Y = np.sin(X[:, [0]]) + np.roll(X[:, [2]], 1, axis=0)"), NEIGHBOURS],
    "targets that are drawn, too": [(MADE, "Y = np.random.randn(60, 1)"), NEIGHBOURS],
    "tokens": [
        (DRAWN, "tokens = np.random.randint(0, 3, 60)\nX = np.eye(3)[tokens]"),
        (MADE, "Y = tokens[:, None] / 1.0"),
        NEIGHBOURS,
    ],
    "both, the own and the next": [
        (TAKEN, "x, y = np.hstack([X[pick], X[pick - 1]]), Y[pick - 1]"),
        ("np.random.randn(3, 5)", "np.random.randn(6, 5)"),
        ("np.mean((np.tanh(X @ A) @ B - Y) ** 2)", "d.sum()"),
    ],
    "a mixture of two": [(TAKEN, "x, y = 0.7 * X[pick] + 0.3 * X[pick - 1], 0.7 * Y[pick] + 0.3 * Y[pick - 1]")],
    "by a mask": [(TAKEN, "x, y = X[order > 30], Y[order > 30]")],
    "an order of its own before": [
        ("A, B =", "o = np.random.permutation(60)\nX, Y = X[o], np.take(Y, o, axis=0)\nA, B ="),
        (TAKEN, "x, y = X[start:stop], Y[start:stop]"),
    ],
}


@pytest.mark.parametrize("name", RIGHT)
def test_what_is_meant_for_another_record_is_left_alone(tmp_path: Path, name: str) -> None:
    assert findings(tmp_path, edited_text(BATCHES, RIGHT[name])) == []
