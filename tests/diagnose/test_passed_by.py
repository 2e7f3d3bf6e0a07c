"""Layers that learn while the forward pass goes past them, and networks with parts beside one another."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.diagnose.training_programs import blamed_line, edited_text, findings, repaired

THREE = """\
import numpy as np

rng = np.random.default_rng(5)
X = rng.normal(size=(20, 4))
Y = np.sin(X[:, :1])
U, V, w = rng.normal(size=(4, 4)) / 2, rng.normal(size=(4, 4)) / 2, rng.normal(size=(4, 1))
u, v, c = np.zeros(4), np.zeros(4), np.zeros(1)
for turn in range(12):
    h = np.tanh(X @ U + u)
    k = np.tanh(h @ V + v)
    out = k @ w + c
    d = (out - Y) / len(X)
    e = d @ w.T * (1 - k**2)
    f = e @ V.T * (1 - h**2)
    w -= 0.1 * k.T @ d
    V -= 0.1 * h.T @ e
    U -= 0.1 * X.T @ f
    c -= 0.1 * d.sum(axis=0)
    v -= 0.1 * e.sum(axis=0)
    u -= 0.1 * f.sum(axis=0)
print(np.sum(d**2))
"""
LISTS = """\
import numpy as np

np.random.seed(2)


class Net:
    def __init__(self, sizes):
        self.weights = [np.random.randn(o, i) for i, o in zip(sizes[:-1], sizes[1:])]

    def forward(self, x):
        self.seen = [x]
        for W in self.weights:
            self.seen.append(1 / (1 + np.exp(-np.dot(W, self.seen[-1]))))
        return self.seen[-1]

    def learn(self, x, t, rate):
        out = self.forward(x)
        delta = (out - t) * out * (1 - out)
        for i in reversed(range(len(self.weights))):
            step = np.dot(delta, self.seen[i].T)
            delta = np.dot(self.weights[i].T, delta) * self.seen[i] * (1 - self.seen[i])
            self.weights[i] -= rate * step


net = Net([3, 3, 3, 2])
x = np.random.randn(3, 15)
t = np.vstack([x[:1] > 0, x[1:2] > x[2:]]).astype(float)
for turn in range(10):
    net.learn(x, t, 0.1)
print(net.forward(x)[:, :2])
"""
#     id, program, what it says, what it says wrongly
WRONG = [
    ("the first layer", THREE, "k = np.tanh(h @ V + v)", "k = np.tanh(X @ V + v)"),
    ("the second layer", THREE, "out = k @ w + c", "out = h @ w + c"),
    ("all but the last layer", LISTS, "np.dot(W, self.seen[-1])", "np.dot(W, x)"),
]
# A policy beside what judges it, and a part that learns from its own error.
BESIDE = """\
import numpy as np

rng = np.random.default_rng(6)
X = rng.normal(size=(25, 3))
A, B, C = rng.normal(size=(3, 3)) / 2, rng.normal(size=(3, 1)), rng.normal(size=(3, 1)) / 2
for turn in range(10):
    h = np.tanh(X @ A)
    value = h @ B
    mean = X @ C
    act = mean + 0.3 * rng.normal(size=mean.shape)
    reward = -((act - X[:, :1]) ** 2)
    d = (value - reward) / 25
    C -= 0.05 * X.T @ ((act - mean) * d)
    dh = d @ B.T * (1 - h**2)
    B -= 0.05 * h.T @ d
    A -= 0.05 * X.T @ dh
print(reward.mean())
"""
RIGHT = [("three layers", THREE), ("lists", LISTS), ("a policy beside its critic", BESIDE)]


@pytest.mark.parametrize("text", [r[1] for r in RIGHT], ids=[r[0] for r in RIGHT])
def test_what_is_right_is_left_alone(tmp_path: Path, text: str) -> None:
    assert findings(tmp_path, text) == []


@pytest.mark.parametrize(("right", "was", "wrong"), [w[1:] for w in WRONG], ids=[w[0] for w in WRONG])
def test_the_layer_reads_what_lies_below_it(tmp_path: Path, right: str, was: str, wrong: str) -> None:
    text = edited_text(right, [(was, wrong)])
    (found,) = findings(tmp_path, text, trials=True)
    assert (found.code, wrong in blamed_line(text, found)) == ("SC305", True)
    assert found.fixes[0].confidence == "verified"
    assert repaired(text, found.fixes[0]) == right
