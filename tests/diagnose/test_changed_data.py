"""Noise and masks that are put into the samples themselves, through a slice of them or a second name."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.diagnose.training_programs import blamed_line, findings, repaired

BATCHES = """\
import numpy as np

rng = np.random.default_rng(1)
X = rng.normal(size=(60, 4))
y = (X[:, :1] * X[:, 1:2] > 0).astype(float)
W1, b1 = rng.normal(size=(4, 8)), np.zeros(8)
W2, b2 = rng.normal(size=(8, 1)), np.zeros(1)
work = np.empty((20, 4))


def augmented(batch):
    batch = batch + 0.1 * rng.normal(size=batch.shape)
    return batch


def refilled(samples):
    work[:] = samples
    work_now = work
    work_now += 0.1 * rng.normal(size=work.shape)
    return work_now


for epoch in range(6):
    for start in range(0, 60, 20):
        xb, yb = augmented(X[start : start + 20]), y[start : start + 20]
        h = np.tanh(xb @ W1 + b1)
        o = 1 / (1 + np.exp(-(h @ W2 + b2)))
        d = (o - yb) / 20
        dh = d @ W2.T * (1 - h**2)
        W2 -= 0.5 * h.T @ d
        b2 -= 0.5 * d.sum(axis=0)
        W1 -= 0.5 * xb.T @ dh
        b1 -= 0.5 * dh.sum(axis=0)
"""
NEW, SAME = "batch = batch + 0.1 *", "batch += 0.1 *"

# Dropout of the inputs, samples in columns, layers that are objects.
DROPPED = """\
import numpy as np

np.random.seed(2)


class Dropout:
    def __init__(self, keep):
        self.keep = keep

    def forward(self, a):
        self.mask = (np.random.rand(*a.shape) < self.keep) / self.keep
        a = a * self.mask
        return a


class Dense:
    def __init__(self, n, m):
        self.W, self.b = np.random.randn(m, n) * 0.4, np.zeros((m, 1))

    def forward(self, a):
        self.a = a
        return self.W @ a + self.b

    def backward(self, delta, rate):
        back = self.W.T @ delta
        self.W = self.W - rate * delta @ self.a.T
        self.b = self.b - rate * delta.sum(axis=1, keepdims=True)
        return back


data = np.random.rand(5, 40)
wanted = data[:1] - data[1:2] * data[2:3]
drop, first, last = Dropout(0.8), Dense(5, 6), Dense(6, 1)
for epoch in range(8):
    a = np.tanh(first.forward(drop.forward(data)))
    out = last.forward(a)
    error = (out - wanted) / data.shape[1]
    first.backward(last.backward(error, 0.3) * (1 - a**2), 0.3)
    print(epoch, np.mean((out - wanted) ** 2))
"""
KEPT, SCALED = "a = a * self.mask", "a *= self.mask"

RIGHT = {
    "a new array for the noise": BATCHES,
    "a new array for what is left": DROPPED,
    "rows that are picked are a copy": BATCHES.replace(NEW, SAME).replace(
        "X[start : start + 20])", "X[np.arange(start, start + 20)])"
    ),
    "a copy is handed over": BATCHES.replace(NEW, SAME).replace(
        "X[start : start + 20])", "X[start : start + 20].copy())"
    ),
    "one array that is filled anew": BATCHES.replace("augmented(X", "refilled(X"),
    "each sample is met once": BATCHES.replace(NEW, SAME).replace("range(6)", "range(1)"),
    "what is simulated moves on": DROPPED.replace(
        "for epoch in range(8):\n", "for epoch in range(8):\n    data += np.random.rand(5, 40)\n"
    ),
}

WRONG = {
    "noise in a slice": (BATCHES, NEW, SAME, "X"),
    "noise taken off": (BATCHES.replace("batch + 0.1", "batch - 0.1"), "batch = batch - 0.1 *", "batch -= 0.1 *", "X"),
    "dropout under another name": (DROPPED, KEPT, SCALED, "data"),
}


@pytest.mark.parametrize("name", RIGHT)
def test_nothing_is_said_of_a_right_program(tmp_path: Path, name: str) -> None:
    assert findings(tmp_path, RIGHT[name]) == []


@pytest.mark.parametrize("name", WRONG)
def test_the_statement_that_changes_the_samples_is_named(tmp_path: Path, name: str) -> None:
    right, before, after, data = WRONG[name]
    assert right.count(before) == 1
    text = right.replace(before, after)
    (found,) = findings(tmp_path, text, trials=True)
    assert (found.code, after in blamed_line(text, found), f"`{data}`" in found.message) == ("SC404", True, True)
    assert found.fixes[0].confidence == "verified"
    assert repaired(text, found.fixes[0]) == right
