"""Data that are brought to one scale under a name that nobody reads."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.diagnose.training_programs import blamed_line, findings, repaired

PROGRAM = """\
import numpy as np

rng = np.random.default_rng(8)
X = np.array([50.0, 3.0]) + np.array([20.0, 1.0]) * rng.normal(size=(40, 2))
t = 0.02 * X[:, :1] - 0.3 * X[:, 1:]


def scaled(a):
    low, high = a.min(axis=0), a.max(axis=0)
    return (a - low) / (high - low)


{scaling}
w, b = np.zeros((2, 1)), np.zeros(1)
for epoch in range(10):
    d = ({read} @ w + b - t) / 40
    w -= 1e-4 * {read}.T @ d
    b -= 1e-4 * d.sum(axis=0)
print(w, b)
{end}
"""
STANDARD = "Z = (X - X.mean(axis=0)) / X.std(axis=0)"
WRONG = [("standardised", STANDARD), ("by a function", "Z = scaled(X)")]
RIGHT = [
    ("read", STANDARD, "Z", ""),
    ("under its own name", STANDARD.replace("Z =", "X ="), "X", ""),
    ("read at the end", STANDARD, "X", "print(Z.max())"),
    ("only a mean", "Z = X - X.mean(axis=0)", "X", ""),
]


@pytest.mark.parametrize("scaling", [w[1] for w in WRONG], ids=[w[0] for w in WRONG])
def test_scaled_data_that_nobody_reads_are_named(tmp_path: Path, scaling: str) -> None:
    text = PROGRAM.format(scaling=scaling, read="X", end="")
    (found,) = findings(tmp_path, text, trials=scaling is STANDARD)
    assert (found.code, scaling in blamed_line(text, found)) == ("SC411", True)
    if scaling is STANDARD:
        assert STANDARD.replace("Z =", "X =") in repaired(text, found.fixes[0])


@pytest.mark.parametrize(("scaling", "read", "end"), [r[1:] for r in RIGHT], ids=[r[0] for r in RIGHT])
def test_other_data_are_left_alone(tmp_path: Path, scaling: str, read: str, end: str) -> None:
    assert findings(tmp_path, PROGRAM.format(scaling=scaling, read=read, end=end)) == []
