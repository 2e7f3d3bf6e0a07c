"""One output, one sample at a time: layers whose gradients have the right direction, and another size in every step."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from training_programs import blamed_line, findings, repaired

PROGRAM = """\
import numpy as np

rng = np.random.default_rng(4)
X = rng.normal(size=(8, 3))
T = (X[:, :1] * X[:, 1:2] > 0).astype(float)
W1, b1 = rng.normal(size=(3, 4)), np.zeros((1, 4))
W2, b2 = rng.normal(size=(4, 1)), np.zeros((1, 1))
V1, V2 = np.zeros_like(W1), np.zeros_like(W2)
for epoch in range(4):
    for i in range(len(X)):
        x, t = X[i : i + 1], T[i : i + 1]
        h = np.tanh(x @ W1 + b1)
        y = 1 / (1 + np.exp(-(h @ W2 + b2)))
        error = y - t
        d2 = SIGNAL
        d1 = BACK
        V1 = MOMENTUM * V1 + x.T @ d1
        V2 = MOMENTUM * V2 + h.T @ d2
        W2 -= 0.3 * V2
        b2 -= 0.3 * d2
        W1 -= 0.3 * V1
        b1 -= 0.3 * d1
print(W2.ravel())
"""
SQUARE, CROSS_ENTROPY = "error * y * (1 - y)", "error"
RIGHT = "d2 @ W2.T * (1 - h**2)"


def program(signal, back, momentum="0.1"):
    """The program with these expressions."""
    return PROGRAM.replace("SIGNAL", signal).replace("BACK", back).replace("MOMENTUM", momentum)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(program(SQUARE, "error @ W2.T * (1 - h**2)"), id="the error for the delta"),
        pytest.param(
            program(SQUARE, "error @ W2.T * (1 - h**2)", "0.5"), id="with a momentum", marks=pytest.mark.corpus
        ),
        pytest.param(
            program(CROSS_ENTROPY, "(d2 * y * (1 - y)) @ W2.T * (1 - h**2)"),
            id="a slope too many",
            marks=pytest.mark.corpus,
        ),
    ],
)
def test_what_goes_down_with_another_number_is_named(tmp_path, text):
    (found,) = findings(tmp_path, text, trials=True)
    assert "d1 = " in blamed_line(text, found)
    assert found.fixes[0].confidence == "verified"
    assert findings(tmp_path, repaired(text, found.fixes[0])) == []


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(program(SQUARE, RIGHT, "0.5"), id="a square"),
        pytest.param(program(CROSS_ENTROPY, RIGHT), id="a cross-entropy", marks=pytest.mark.corpus),
        pytest.param(
            program(SQUARE, RIGHT).replace("0.3 * V1", "0.3 / (1 + i) * V1").replace("0.3 * d1", "0.3 / (1 + i) * d1"),
            id="a schedule for each layer",
            marks=pytest.mark.corpus,
        ),
    ],
)
def test_right_layers_are_left_alone(tmp_path, text):
    assert findings(tmp_path, text) == []
