"""A mean where the other gradients are sums: that is the line to name, and not what shares the factor."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.diagnose.training_programs import blamed_line, findings, repaired

LAYER = """\
import numpy as np

rng = np.random.default_rng(6)
X = rng.normal(size=(24, 4))
t = np.sin(X[:, :1]) + X[:, 1:2]


class Layer:
    def __init__(self, ins, outs):
        self.W, self.b = rng.normal(size=(ins, outs)) * 0.4, np.zeros(outs)

    def forward(self, x):
        self.x = x
        return x @ self.W + self.b

    def backward(self, d, rate):
        back = d @ self.W.T
        self.W -= rate * self.x.T @ d
        self.b -= rate * d.sum(axis=0)
        return back


first, second = Layer(4, 6), Layer(6, 1)
for epoch in range(8):
    h = np.tanh(first.forward(X))
    y = second.forward(h)
    d = (y - t) / len(X)
    first.backward(second.backward(d, 0.1) * (1 - h**2), 0.1)
    print(np.mean((y - t) ** 2))
"""

FILTERS = """\
import numpy as np

rng = np.random.default_rng(2)
X = rng.normal(size=(10, 12))
t = X[:, 3:4] - X[:, 5:6] ** 2
K, V, c = rng.normal(size=(3, 4)) * 0.5, rng.normal(size=(30, 1)) * 0.2, np.zeros(1)
for epoch in range(8):
    z = np.stack([X[:, i:i + 3] @ K for i in range(10)], axis=1)
    flat = np.tanh(z).mean(axis=2)
    y = flat @ V[:10] + c
    d = (y - t) / len(X)
    dz = (d @ V[:10].T)[:, :, None] / 4 * (1 - np.tanh(z) ** 2)
    gV = np.zeros_like(V)
    gV[:10] = flat.T @ d
    gK = np.zeros_like(K)
    for i in range(3):
        for j in range(4):
            gK[i, j] = (X[:, i:i + 10] * dz[:, :, j]).sum()
    K -= 0.1 * gK
    V -= 0.1 * gV
    c -= 0.1 * d.sum(axis=0)
    print(np.mean((y - t) ** 2))
"""
# Everything is a mean; and a bias that learns as much faster as there are samples.
MEANS = LAYER.replace("(y - t) / len(X)", "y - t").replace("self.x.T @ d", "self.x.T @ d / len(d)")
MEANS = MEANS.replace("d.sum(axis=0)", "d.mean(axis=0)")
FASTER = MEANS.replace("rate * d.mean", "2.0 * rate * d.mean")


@pytest.mark.parametrize("text", [LAYER, FILTERS, MEANS, FASTER], ids=["sums", "filters", "means", "a rate of its own"])
def test_nothing_is_said_of_what_goes_together(tmp_path: Path, text: str) -> None:
    assert [f for f in findings(tmp_path, text) if f.severity != "note"] == []


@pytest.mark.parametrize(
    ("program", "right", "wrong"),
    [
        (LAYER, "d.sum(axis=0)", "d.mean(axis=0)"),
        (FILTERS, "* dz[:, :, j]).sum()", "* dz[:, :, j]).mean()"),
    ],
    ids=["a bias", "a filter"],
)
def test_the_mean_is_named_and_becomes_a_sum(tmp_path: Path, program: str, right: str, wrong: str) -> None:
    text = program.replace(right, wrong)
    (found,) = findings(tmp_path, text, trials=True)
    assert wrong in blamed_line(text, found)
    assert found.fixes[0].confidence == "verified"
    assert repaired(text, found.fixes[0]) == program
