"""Losses of an error and a penalty, of which the steps take one part more often than the other."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.diagnose.training_programs import blamed_line, edited_text, findings, repaired

TWO_LAYERS = """\
import numpy as np

rng = np.random.default_rng(3)
X = rng.normal(size=(30, 3))
Y = (X[:, :1] * X[:, 1:2] > 0) * 1.0
m, lam, rate = 30, 0.6, 0.3
W1, b1 = rng.normal(size=(3, 6)), np.zeros((1, 6))
W2, b2 = rng.normal(size=(6, 1)), np.zeros((1, 1))
for epoch in range(10):
    A1 = np.tanh(X @ W1 + b1)
    A2 = 1 / (1 + np.exp(-(A1 @ W2 + b2)))
    cost = -np.mean(Y * np.log(A2) + (1 - Y) * np.log(1 - A2))
    cost += lam / (2 * m) * (np.sum(W1**2) + np.sum(W2**2))
    dZ2 = A2 - Y
    dW2 = A1.T @ dZ2 / m + lam / m * W2
    db2 = np.sum(dZ2, axis=0, keepdims=True) / m
    dZ1 = dZ2 @ W2.T * (1 - A1**2)
    dW1 = X.T @ dZ1 / m + lam / m * W1
    db1 = np.sum(dZ1, axis=0, keepdims=True) / m
    W1 -= rate * dW1
    b1 -= rate * db1
    W2 -= rate * dW2
    b2 -= rate * db2
print(cost)
"""
LAYERS = """\
import numpy as np

np.random.seed(7)
W = [np.random.randn(4, 7) * 0.6, np.random.randn(7, 2) * 0.6]
b = [np.zeros(7), np.zeros(2)]
lam, lr, n = 0.2, 0.3, 40
x = np.random.randn(n, 4)
y = np.stack([x[:, 0] * x[:, 1], np.sin(x[:, 2])], axis=1)
for turn in range(10):
    acts = [x, np.maximum(x @ W[0] + b[0], 0)]
    acts.append(acts[1] @ W[1] + b[1])
    loss = ((acts[2] - y) ** 2).sum() / (2 * n) + 0.5 * lam * sum((w**2).sum() for w in W)
    delta = (acts[2] - y) / n
    for k in (1, 0):
        dw, db = acts[k].T @ delta + lam * W[k], delta.sum(axis=0)
        delta = delta @ W[k].T * (acts[k] > 0)
        W[k] = W[k] - lr * dw
        b[k] = b[k] - lr * db
print(loss)
"""
DECAY = [("+ lam * W[k]", ""), ("W[k] - lr * dw", "W[k] * (1 - lr * lam) - lr * dw")]

RIGHT = {
    "both parts as in the loss": TWO_LAYERS,
    "weights that shrink in the step": edited_text(LAYERS, DECAY),
    "a penalty without its half": edited_text(LAYERS, [("0.5 * lam", "lam")]),
}
#        what, program, what it says, what it says wrongly, severity
WRONG = [
    ("data divided twice", LAYERS, "acts[k].T @ delta +", "acts[k].T @ delta / n +", "error"),
    ("a penalty of one layer", TWO_LAYERS, "+ lam / m * W2", "+ lam * W2", "error"),
    ("an error that is doubled", TWO_LAYERS, "dZ2 = A2 - Y", "dZ2 = 2 * (A2 - Y)", "warning"),
]
_CORPUS = pytest.mark.corpus


@pytest.mark.parametrize(
    "text", [pytest.param(t, id=k, marks=[_CORPUS] if n else []) for n, (k, t) in enumerate(RIGHT.items())]
)
def test_parts_of_one_factor_are_left_alone(tmp_path: Path, text: str) -> None:
    assert findings(tmp_path, text) == []


@pytest.mark.parametrize(
    ("text", "was", "wrong", "severity"),
    [pytest.param(*w[1:], id=w[0], marks=[_CORPUS] if n else []) for n, w in enumerate(WRONG)],
)
def test_the_part_of_another_factor_is_named(tmp_path: Path, text: str, was: str, wrong: str, severity: str) -> None:
    assert text.count(was) == 1
    text = text.replace(was, wrong)
    (found,) = findings(tmp_path, text, trials=True)
    assert (found.code, found.severity) == ("SC302", severity)
    assert wrong in blamed_line(text, found)
    assert wrong not in repaired(text, found.fixes[0])
