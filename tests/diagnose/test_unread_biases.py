"""Biases that are stepped as if a layer added them, where the forward pass leaves them out."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.diagnose.training_programs import blamed_line, findings, repaired

LAYERS = """\
import numpy as np

rng = np.random.default_rng(4)
X = rng.normal(size=(20, 3))
Y = np.sin(X[:, :1]) + 0.3
P = [rng.normal(size=(3, 4)) * 0.5, rng.normal(size=4) * 0.1, rng.normal(size=(4, 1)), np.zeros(1)]
{state}
for step in range(1, 13):
    W, b, V, c = P
    h = np.tanh({hidden})
    out = {output}
    d = (out - Y) / len(X)
    dh = d @ V.T * (1 - h * h)
    for i, g in enumerate((X.T @ dh, dh.sum(axis=0), h.T @ d, d.sum(axis=0))):
        {step}
print(np.mean((out - Y) ** 2))
"""
PLAIN = {"state": "", "step": "P[i] = P[i] - 0.1 * g"}
MOMENTUM = {
    "state": "velocity = [np.zeros_like(p) for p in P]",
    "step": "velocity[i] = 0.9 * velocity[i] - 0.1 * g; P[i] = P[i] + velocity[i]",
}
ADAM = {
    "state": "m, v = [0.0] * 4, [0.0] * 4",
    "step": "m[i] = 0.9 * m[i] + 0.1 * g; v[i] = 0.99 * v[i] + 0.01 * g * g; "
    "P[i] = P[i] - 0.05 * (m[i] / (1 - 0.9**step)) / (np.sqrt(v[i] / (1 - 0.99**step)) + 1e-8)",
}
READ = {"hidden": "X @ W + b", "output": "h @ V + c"}

UNROLLED = """\
import numpy as np


class Recurrent:
    def __init__(self):
        self.U, self.W, self.V = (0.5 * np.random.randn(*s) for s in ((4, 2), (4, 4), (1, 4)))
        self.b = np.zeros((4, 1))

    def forward(self, xs):
        self.h = [np.zeros((4, 1))]
        for x in xs:
            self.h.append(np.tanh({state}))
        return self.V @ self.h[-1]

    def backward(self, xs, error, rate):
        dV, dh = error @ self.h[-1].T, self.V.T @ error
        dU, dW, db = np.zeros_like(self.U), np.zeros_like(self.W), np.zeros_like(self.b)
        for t in range(len(xs) - 1, -1, -1):
            dz = dh * (1 - self.h[t + 1] ** 2)
            dU += dz @ xs[t].T
            dW += dz @ self.h[t].T
            db += dz
            dh = self.W.T @ dz
        self.U -= rate * dU
        self.W -= rate * dW
        self.V -= rate * dV
        self.b -= rate * db


np.random.seed(6)
net, xs = Recurrent(), np.random.randn(5, 2, 1)
for step in range(8):
    error = net.forward(xs) - 0.7
    net.backward(xs, error, 0.05)
print(error)
"""
BY_ROWS = LAYERS.format(**{**READ, **PLAIN, "hidden": "z"}).replace(
    "    h = ", "    z = X @ W\n    for row in z:\n        row = row + b.reshape(1, -1)\n    h = "
)
WRONG = [
    ("of a hidden layer", LAYERS.format(**{**READ, **PLAIN, "hidden": "X @ W"}), "X @ W"),
    ("of one output, with momentum", LAYERS.format(**{**READ, **MOMENTUM, "output": "h @ V"}), "h @ V"),
    ("of both layers, with Adam", LAYERS.format(**{**READ, **ADAM, "output": "np.dot(h, V)"}), "np.dot(h, V)"),
    ("in every turn", UNROLLED.format(state="self.U @ x + self.W @ self.h[-1]"), "self.U @ x + self.W @ self.h[-1]"),
    ("by rows that are bound anew", BY_ROWS, "X @ W"),
    ("the target in its place", LAYERS.format(**{**READ, **PLAIN, "output": "h @ V + Y"}), "h @ V + Y"),
]
RIGHT = [
    ("read", LAYERS.format(**READ, **PLAIN)),
    ("read, with momentum", LAYERS.format(**READ, **MOMENTUM)),
    ("read, with Adam", LAYERS.format(**READ, **ADAM)),
    ("read in every turn", UNROLLED.format(state="self.U @ x + self.W @ self.h[-1] + self.b")),
    (
        "a sum of gradients that is only printed",
        LAYERS.format(
            **READ, state="seen = np.zeros(4)", step="P[i] = P[i] - 0.1 * g; seen += 0.1 * g if i == 1 else 0"
        )
        + "print(seen)\n",
    ),
    (
        "what moved it, kept to be looked at",
        LAYERS.format(
            **READ, state="moved = np.zeros(4)", step="P[i] = P[i] - 0.1 * g; moved -= 0.1 * (i == 1) * P[1]"
        ),
    ),
]


@pytest.mark.parametrize(("text", "layer"), [w[1:] for w in WRONG], ids=[w[0] for w in WRONG])
def test_a_bias_that_no_layer_adds_is_added(tmp_path: Path, text: str, layer: str) -> None:
    (found,) = findings(tmp_path, text, trials=True)
    assert (found.code, layer in blamed_line(text, found)) == ("SC411", True)
    assert found.fixes[0].confidence == "verified"
    assert findings(tmp_path, repaired(text, found.fixes[0])) == []


@pytest.mark.parametrize("text", [r[1] for r in RIGHT], ids=[r[0] for r in RIGHT])
def test_what_is_read_or_is_no_bias_is_left_alone(tmp_path: Path, text: str) -> None:
    assert findings(tmp_path, text) == []
