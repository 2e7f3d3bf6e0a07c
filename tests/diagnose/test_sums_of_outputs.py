"""A bias that is one number, and that sums up the outputs where the weights have the errors."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.diagnose.training_programs import blamed_line, findings, repaired

LOGISTIC = """\
import numpy as np

rng = np.random.default_rng(7)
X = rng.normal(size=(40, 3))
t = (X @ [1.0, -2.0, 0.5] > 0.3).astype(int)
w, b = np.zeros(3), 0.0
for epoch in range(12):
    p = 1 / (1 + np.exp(-(X @ w + b)))
    w -= 0.1 * X.T @ (p - t) / len(X)
    b -= 0.1 * np.sum(p - t) / len(X)
print(w, b)
"""
LINEAR = """\
import numpy as np

rng = np.random.default_rng(3)
X = rng.normal(size=(2, 30))
t = np.array([[2.0, -1.0]]) @ X + 0.7
W, b = rng.normal(size=(1, 2)), np.zeros((1, 1))
for epoch in range(12):
    out = W @ X + b
    error = out - t
    W = W - 0.1 * error @ X.T / 30
    b = b - 0.1 * error.mean()
print(W, b)
"""
WRONG = [
    pytest.param(LOGISTIC, "np.sum(p - t)", "np.sum(p)", id="a sum"),
    pytest.param(LINEAR, "error.mean()", "out.mean()", id="a mean", marks=pytest.mark.corpus),
]


@pytest.mark.parametrize(("right", "errors", "outputs"), WRONG)
def test_the_outputs_are_taken_for_the_errors(tmp_path: Path, right: str, errors: str, outputs: str) -> None:
    text = right.replace(errors, outputs)
    (found,) = findings(tmp_path, text, trials=True)
    assert outputs in blamed_line(text, found)
    assert found.fixes[0].confidence == "verified"
    assert findings(tmp_path, repaired(text, found.fixes[0])) == []


@pytest.mark.corpus
@pytest.mark.parametrize("text", [LOGISTIC, LINEAR])
def test_errors_are_left_alone(tmp_path: Path, text: str) -> None:
    assert findings(tmp_path, text) == []
