"""Inputs that are reshaped where they should be transposed: each column is put together from several samples."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from training_programs import Edits, edited_text, findings, repaired

TABLE = """\
import numpy as np

rng = np.random.default_rng(6)
table = rng.normal(size=(24, 3))
answers = (table[:, 0] + table[:, 2] > 0) * 1.0
scaled = (table - table.mean(axis=0)) / table.std(axis=0)
X = scaled.reshape(24, 3).T
Y = answers.reshape(1, -1)
W, b = rng.normal(size=(4, 3)), np.zeros((4, 1))
U, c = rng.normal(size=(1, 4)), np.zeros((1, 1))
for turn in range(6):
    for first in range(0, 24, 8):
        x, y = X[:, first : first + 8], Y[:, first : first + 8]
        h = np.tanh(W @ x + b)
        p = 1 / (1 + np.exp(-(U @ h + c)))
        d = (p - y) / 8
        back = U.T @ d * (1 - h**2)
        U -= 0.5 * d @ h.T
        c -= 0.5 * d.sum(axis=1, keepdims=True)
        W -= 0.5 * back @ x.T
        b -= 0.5 * back.sum(axis=1, keepdims=True)
"""
PLACE = "scaled.reshape(24, 3).T"
MIXED: list[tuple[str, str]] = [(PLACE, "scaled.reshape(3, 24)")]
# The columns of pictures that come one behind the other.
PICTURES: list[tuple[str, str]] = [
    (PLACE, "pictures.reshape(24, -1)"),
    ("scaled = (table - table.mean(axis=0)) / table.std(axis=0)", "pictures = table.T.reshape(3, 1, 24)"),
    ("Y = answers.reshape(1, -1)", "Y = answers.reshape(-1, 1)"),
    ("W @ x + b", "x @ W.T + b.T"),
    ("U @ h + c", "h @ U.T + c"),
    ("x, y = X[:, first : first + 8], Y[:, first : first + 8]", "x, y = X[first : first + 8], Y[first : first + 8]"),
    ("U.T @ d", "d @ U"),
    ("d @ h.T", "d.T @ h"),
    ("c -= 0.5 * d.sum(axis=1, keepdims=True)", "c -= 0.5 * d.sum()"),
    ("back @ x.T", "back.T @ x"),
    ("back.sum(axis=1, keepdims=True)", "back.sum(axis=0)[:, None]"),
]


@pytest.mark.parametrize(
    ("edits", "wanted"),
    [
        pytest.param(MIXED, PLACE, id="table"),
        pytest.param(PICTURES, "pictures.reshape(-1, 24).T", id="pictures", marks=pytest.mark.corpus),
    ],
)
def test_the_reshape_is_named_and_transposed(tmp_path: Path, edits: Edits, wanted: str) -> None:
    text = edited_text(TABLE, edits)
    (found,) = findings(tmp_path, text, trials=True)
    assert (found.code, found.title) == ("SC407", "this reshape mixes the samples")
    assert wanted in repaired(text, found.fixes[0])


NOISE: Edits = [*MIXED, ("(table[:, 0] + table[:, 2] > 0) * 1.0", "rng.random(24)")]
MADE_AFTER: Edits = [*MIXED, ("Y = answers.reshape(1, -1)", "Y = (X[:1] + X[2:] > 0) * 1.0")]


@pytest.mark.parametrize(
    "edits",
    [
        pytest.param([], id="transposed"),
        pytest.param(NOISE, id="drawn", marks=pytest.mark.corpus),
        pytest.param(MADE_AFTER, id="targets-made-afterwards"),
    ],
)
def test_whole_samples_are_right(tmp_path: Path, edits: Edits) -> None:
    assert findings(tmp_path, edited_text(TABLE, edits)) == []
