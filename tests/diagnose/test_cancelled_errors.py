"""Losses that square the sum of the errors, beside updates that follow the sum of their squares."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from training_programs import Edits, edited_text, findings, repaired

TWO_OUTPUTS = """\
import numpy as np

rng = np.random.default_rng(9)
X = rng.normal(size=(16, 3))
T = np.stack([np.sin(X[:, 0]), X[:, 1] * X[:, 2]], axis=1)
A, B = rng.normal(size=(3, 5)), rng.normal(size=(5, 2))
last = 1e9
for turn in range(40):
    h = np.tanh(X @ A)
    out = h @ B
    miss = out - T
    cost = ((miss**2).mean(axis=0)).sum()
    if abs(last - cost) < 1e-9:
        break
    last = cost
    back = miss @ B.T * (1 - h**2)
    B -= 0.1 * h.T @ miss / 16
    A -= 0.1 * X.T @ back / 16
"""
SQUARED = "(miss**2).mean(axis=0)"
# (the squared sum, what it is mended to)
WRONG = [
    pytest.param("miss.mean(axis=0) ** 2", "(miss ** 2).mean(axis=0)", id="method"),
    pytest.param(
        "np.square(np.mean(miss, axis=0))",
        "np.mean(np.square(miss), axis=0)",
        id="functions",
        marks=pytest.mark.corpus,
    ),
]


@pytest.mark.parametrize(("text", "wanted"), WRONG)
def test_the_square_of_a_sum_is_named(tmp_path: Path, text: str, wanted: str) -> None:
    program = edited_text(TWO_OUTPUTS, [(SQUARED, text)])
    (found,) = findings(tmp_path, program, trials=True)
    assert (found.code, found.title) == ("SC308", "the errors cancel in this loss")
    assert wanted in repaired(program, found.fixes[0])


@pytest.mark.parametrize(
    "edits",
    [
        pytest.param([], id="squares"),
        pytest.param([("    last = cost", "    last, bias = cost, np.mean(miss) ** 2")], id="a-bias-besides"),
    ],
)
def test_squares_of_errors_are_right(tmp_path: Path, edits: Edits) -> None:
    assert findings(tmp_path, edited_text(TWO_OUTPUTS, edits)) == []
