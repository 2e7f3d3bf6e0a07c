"""Slopes that go backwards alone: the line that uses one is named, and gets what comes from behind."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from training_programs import blamed_line, findings, repaired

LAYERS = """\
import numpy as np

rng = np.random.RandomState(3)
ACTIVATIONS = {
    "tanh": (np.tanh, lambda z: 1 - np.tanh(z) ** 2),
    "relu": (lambda z: np.maximum(z, 0), lambda z: (z > 0).astype(float)),
}


class Net:
    def __init__(self, sizes, names):
        self.W = [rng.randn(a, b) * 0.5 for a, b in zip(sizes, sizes[1:])]
        self.b = [np.zeros(b) for b in sizes[1:]]
        self.acts = [ACTIVATIONS[name] for name in names]

    def gradients(self, x, t):
        zs, outs = [], [x]
        for W, b, (f, _) in zip(self.W, self.b, self.acts):
            zs.append(outs[-1] @ W + b)
            outs.append(f(zs[-1]))
        delta = (outs[-1] - t) / len(x) * self.acts[-1][1](zs[-1])
        grads = []
        for k in reversed(range(len(zs))):
            grads.append((outs[k].T @ delta, delta.sum(axis=0)))
            if k > 0:
                slope = self.acts[k - 1][1]
                delta = (delta @ self.W[k].T) * slope(zs[k - 1])
        return grads[::-1]

    def fit(self, x, t):
        for _ in range(6):
            for W, b, (gW, gb) in zip(self.W, self.b, self.gradients(x, t)):
                W -= 0.1 * gW
                b -= 0.1 * gb


X = rng.randn(30, 3)
Net([3, 6, 5, 1], ["tanh", "relu", "tanh"]).fit(X, X[:, :1] * X[:, 1:2] > 0)
"""

SAMPLES = """\
import numpy as np

rng = np.random.RandomState(4)
X = rng.randn(12, 2)
Y = X[:, 0] * X[:, 1] > 0
W1, b1, W2, b2 = rng.randn(6, 2), np.zeros((6, 1)), rng.randn(1, 6), np.zeros((1, 1))


def sig(z):
    return 1.0 / (1.0 + np.exp(-z))


def dsig(z):
    s = sig(z)
    return s * (1 - s)


for x, y in zip(X, Y):
    x = x.reshape(2, 1)
    z1 = np.dot(W1, x) + b1
    a1 = sig(z1)
    z2 = np.dot(W2, a1) + b2
    a2 = sig(z2)
    delta2 = (a2 - y) * dsig(z2)
    delta1 = np.dot(W2.T, delta2) * dsig(z1)
    W2 -= 0.5 * np.dot(delta2, a1.T)
    b2 -= 0.5 * delta2
    W1 -= 0.5 * np.dot(delta1, x.T)
    b1 -= 0.5 * delta1
"""

# The slope is given the derivative, and does not use it: it is there that it is missing.
GIVEN = """\
import numpy as np

rng = np.random.RandomState(5)
X = rng.randn(20, 3)
T = np.sin(X[:, :1])
W1, W2 = rng.randn(3, 5) * 0.5, rng.randn(5, 1) * 0.5


def relu_backward(dA, Z):
    return dA * (Z > 0)


for _ in range(6):
    Z1 = X @ W1
    A1 = np.maximum(Z1, 0)
    out = A1 @ W2
    d2 = (out - T) / len(X)
    dA1 = d2 @ W2.T
    d1 = relu_backward(dA1, Z1)
    W2 -= 0.1 * A1.T @ d2
    W1 -= 0.1 * X.T @ d1
    print(0.5 * np.mean((out - T) ** 2))
"""

# The derivative of the loss is a method of what the network holds.
HELD = """\
import numpy as np

rng = np.random.default_rng(3)


class Squares:
    @staticmethod
    def value(out, wanted):
        return np.mean((out - wanted) ** 2)

    @staticmethod
    def slope(out, wanted):
        return 2 * (out - wanted) / out.size


class Net:
    def __init__(self, loss):
        self.loss = loss
        self.U, self.V = rng.normal(size=(4, 6)), rng.normal(size=(6, 2))

    def run(self, x):
        self.h = np.tanh(x @ self.U)
        self.o = np.tanh(self.h @ self.V)
        return self.o

    def back(self, x, t):
        d = (1 - self.o ** 2) * self.loss.slope(self.o, t)
        e = d @ self.V.T * (1 - self.h ** 2)
        return x.T @ e, self.h.T @ d


net = Net(Squares())
x, t = rng.normal(size=(10, 4)), rng.uniform(-0.8, 0.8, (10, 2))
for turn in range(6):
    print(net.loss.value(net.run(x), t))
    dU, dV = net.back(x, t)
    net.U -= 0.1 * dU
    net.V -= 0.1 * dV
"""

#    id, program, what is right, what is written instead, whether it is mended with nothing else changed
WRONG = [
    ("layers in lists", LAYERS, "(delta @ self.W[k].T) * slope(zs[k - 1])", "slope(zs[k - 1])", True),
    ("the slope left out", LAYERS, "(delta @ self.W[k].T) * slope(zs[k - 1])", "delta @ self.W[k].T", True),
    ("one sample at a time", SAMPLES, "np.dot(W2.T, delta2) * dsig(z1)", "dsig(z1)", True),
    ("that of the loss", HELD, "(1 - self.o ** 2) * self.loss.slope(self.o, t)", "1 - self.o ** 2", True),
    ("goes straight into a product", GIVEN, "X.T @ d1", "X.T @ np.heaviside(Z1, 0)", False),
    ("in the function that is given it", GIVEN, "dA * (Z > 0)", "(Z > 0) * 1.0", False),
]


@pytest.mark.parametrize("text", [LAYERS, SAMPLES, GIVEN, HELD], ids=["layers", "samples", "given", "held"])
def test_the_right_program_is_left_alone(tmp_path: Path, text: str) -> None:
    assert not findings(tmp_path, text)


@pytest.mark.parametrize(("text", "right", "wrong", "mended"), [w[1:] for w in WRONG], ids=[w[0] for w in WRONG])
def test_the_line_that_lacks_a_factor_is_named(tmp_path: Path, text: str, right: str, wrong: str, mended: bool) -> None:
    assert text.count(right) == 1
    program = text.replace(right, wrong)
    finding = findings(tmp_path, program, trials=mended)[0]
    assert wrong in blamed_line(program, finding)
    if mended:
        assert finding.fixes[0].confidence == "verified"
        assert not findings(tmp_path, repaired(program, finding.fixes[0]))
