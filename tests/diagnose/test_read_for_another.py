"""A parameter that the forward pass reads twice, and one that it was to read there and that is moved for nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.diagnose.training_programs import blamed_line, findings, repaired

# Three layers of which two are alike, samples in rows.
ROWS = """\
import numpy as np

rng = np.random.default_rng(0)
X = rng.normal(size=(40, 5))
y = (X[:, 0] * X[:, 1] > 0).astype(float)[:, None]
W1, b1 = rng.normal(size=(5, 5)) * 0.5, np.zeros((1, 5))
W2, b2 = rng.normal(size=(5, 5)) * 0.5, np.zeros((1, 5))
W3, b3 = rng.normal(size=(5, 1)) * 0.5, np.zeros((1, 1))
lr = 0.5
for i in range(12):
    A1 = np.tanh(X @ W1 + b1)
    A2 = np.tanh(A1 @ W2 + b2)
    P = 1 / (1 + np.exp(-(A2 @ W3 + b3)))
    d3 = (P - y) / len(X)
    d2 = d3 @ W3.T * (1 - A2**2)
    d1 = d2 @ W2.T * (1 - A1**2)
    W3 -= lr * A2.T @ d3
    b3 -= lr * d3.sum(axis=0, keepdims=True)
    W2 -= lr * A1.T @ d2
    b2 -= lr * d2.sum(axis=0, keepdims=True)
    W1 -= lr * X.T @ d1
    b1 -= lr * d1.sum(axis=0, keepdims=True)
"""

# Layers of a class, samples in columns, a momentum in each.
COLUMNS = """\
import numpy as np


class Layer:
    def __init__(self, n, m, rng):
        self.w = rng.standard_normal((m, n)) / np.sqrt(n)
        self.b = np.zeros((m, 1))
        self.vw, self.vb = np.zeros_like(self.w), np.zeros_like(self.b)

    def step(self, a, delta):
        self.vw = 0.9 * self.vw - 0.1 * delta.dot(a.T) / a.shape[1]
        self.vb = 0.9 * self.vb - 0.1 * delta.sum(axis=1, keepdims=True) / a.shape[1]
        self.w = self.w + self.vw
        self.b = self.b + self.vb


rng = np.random.RandomState(4)
inputs = rng.standard_normal((4, 30))
wanted = np.sin(inputs[:1]) + inputs[1:2]
first, second, last = Layer(4, 4, rng), Layer(4, 4, rng), Layer(4, 1, rng)
for epoch in range(12):
    one = np.maximum(0, first.w.dot(inputs) + first.b)
    two = np.maximum(0, second.w.dot(one) + second.b)
    out = last.w.dot(two) + last.b
    print(epoch, 0.5 * np.mean((out - wanted) ** 2))
    error = out - wanted
    back = last.w.T.dot(error) * (two > 0)
    front = second.w.T.dot(back) * (one > 0)
    last.step(two, error)
    second.step(one, back)
    first.step(inputs, front)
"""

# One weight there and back, and a record of what its second use sends back.
TIED = """\
import numpy as np

rng = np.random.default_rng(7)
X = rng.random((30, 6))
W, b, c = rng.normal(size=(6, 3)), np.zeros(3), np.zeros(6)
record = rng.normal(size=(6, 3))
lr = 0.2
for i in range(12):
    H = np.tanh(X @ W + b)
    R = H @ W.T + c
    d = (R - X) / len(X)
    e = d @ W * (1 - H**2)
    into, out = X.T @ e, d.T @ H
    W = W - lr * (into + out)
    record = record - lr * out
    b = b - lr * e.sum(axis=0)
    c = c - lr * d.sum(axis=0)
"""

# A bias that was shifted before the training.
SHIFTED = ROWS.replace("lr = 0.5\n", "lr = 0.5\nb2 -= 1.0\nb1 += 0.25\n")

RIGHT = {
    "samples in rows": ROWS,
    "samples in columns": COLUMNS,
    "a weight that is used twice": TIED,
    "biases that were shifted before": SHIFTED,
    "one bias that is meant for two layers": ROWS.replace("A1 @ W2 + b2", "A1 @ W2 + b1")
    .replace("    b2 -= lr * d2.sum(axis=0, keepdims=True)\n", "")
    .replace("lr * d1.sum(", "lr * (d1 + d2).sum("),
}

WRONG = {
    "the bias of the layer before": (ROWS, "A1 @ W2 + b2", "A1 @ W2 + b1"),
    "the bias of the layer after": (ROWS, "X @ W1 + b1", "X @ W1 + b2"),
    "the weights of the layer before": (ROWS, "A1 @ W2 + b2", "A1 @ W1 + b2"),
    "the weights of the layer after": (ROWS, "X @ W1 + b1", "X @ W2 + b1"),
    "the bias of another object": (COLUMNS, "second.w.dot(one) + second.b", "second.w.dot(one) + first.b"),
    "the weights of another object": (COLUMNS, "second.w.dot(one) + second.b", "first.w.dot(one) + second.b"),
    "the shifted bias of another layer": (SHIFTED, "X @ W1 + b1", "X @ W1 + b2"),
}


@pytest.mark.parametrize("name", RIGHT)
def test_nothing_is_said_of_a_right_program(tmp_path: Path, name: str) -> None:
    assert findings(tmp_path, RIGHT[name]) == []


@pytest.mark.parametrize("name", WRONG)
def test_the_line_to_blame_and_what_mends_it(tmp_path: Path, name: str) -> None:
    right, before, after = WRONG[name]
    assert right.count(before) == 1
    text = right.replace(before, after)
    (found,) = findings(tmp_path, text, trials=True)
    assert (found.code, after in blamed_line(text, found)) == ("SC305", True)
    assert found.fixes[0].confidence == "verified"
    assert repaired(text, found.fixes[0]) == right


def test_a_bias_that_was_shifted_before_is_judged(tmp_path: Path) -> None:
    text = SHIFTED.replace("lr * d2.sum(axis=0", "lr * d1.sum(axis=0")
    (found,) = findings(tmp_path, text)
    assert (found.code, found.parameters) == ("SC305", ("b2",))
