"""A loss that lacks the targets, which nobody reads: all outputs go to zero."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from training_programs import Edits, blamed_line, edited_text, findings

PROGRAM = """\
import numpy as np

rng = np.random.default_rng(11)


def fit(rows, goals, turns=20):
    U, V = rng.normal(size=(3, 4)), rng.normal(size=(4, 1))
    for turn in range(turns):
        h = np.tanh(rows @ U)
        out = h @ V
        miss = out - goals
        loss = np.mean(miss ** 2)
        d = 2 * miss / len(rows)
        dU = rows.T @ (d @ V.T * (1 - h ** 2))
        V -= 0.1 * h.T @ d
        U -= 0.1 * dU
    return loss


X = rng.normal(size=(20, 3))
y = X[:, :1] * X[:, 1:2]
print(fit(X, y))
"""
LEFT_OUT = ("out - goals", "out")

RIGHT: dict[str, Edits] = {
    "as it is": [],
    "nothing given that could be one": [LEFT_OUT, ("y = X[:, :1] * X[:, 1:2]\n", ""), ("fit(X, y)", "fit(X, None)")],
    "read for something else": [LEFT_OUT, ("return loss", "return loss, np.corrcoef(out.ravel(), goals.ravel())")],
    "a plain number": [LEFT_OUT, ("y = X[:, :1] * X[:, 1:2]\n", "y = 3.0\n")],
}


@pytest.mark.parametrize("name", RIGHT)
def test_a_loss_of_outputs_alone_may_be_meant(tmp_path: Path, name: str) -> None:
    assert findings(tmp_path, edited_text(PROGRAM, RIGHT[name])) == []


@pytest.mark.parametrize("by_name", ["fit(X, y)", "fit(X, goals=y)"])
def test_targets_that_nobody_reads_are_missed(tmp_path: Path, by_name: str) -> None:
    text = edited_text(PROGRAM, [LEFT_OUT, ("fit(X, y)", by_name)])
    (found,) = findings(tmp_path, text)
    assert found.code == "SC306"
    assert "miss = out" in blamed_line(text, found)
