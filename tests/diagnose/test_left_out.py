"""Parts of a backward pass that are left out or stand for others: the line, and the edit that makes all steps right."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from training_programs import blamed_line, findings, repaired

THROUGH_TIME = """\
import numpy as np

rng = np.random.RandomState(3)
xs, ys = rng.randn(4, 3, 1), rng.randn(4, 2, 1)
Wx, Wh, Wy = 0.4 * rng.randn(5, 3), 0.4 * rng.randn(5, 5), rng.randn(2, 5)
bh, by = np.zeros((5, 1)), np.zeros((2, 1))


def loss_and_slopes():
    h, out, loss = [np.zeros((5, 1))], [], 0.0
    for x, y in zip(xs, ys):
        h.append(np.tanh(Wx @ x + Wh @ h[-1] + bh))
        out.append(Wy @ h[-1] + by)
        loss += 0.5 * np.sum((out[-1] - y) ** 2)
    gx, gh, gy, gbh, gby = (np.zeros_like(p) for p in (Wx, Wh, Wy, bh, by))
    carried = np.zeros((5, 1))
    for t in reversed(range(4)):
        e = out[t] - ys[t]
        gy += e @ h[t + 1].T
        gby += e
        dz = (Wy.T @ e + carried) * (1 - h[t + 1] ** 2)
        gx += dz @ xs[t].T
        gh += dz @ h[t].T
        gbh += dz
        carried = Wh.T @ dz
    return loss, (gx, gh, gy, gbh, gby)


for _ in range(6):
    loss, slopes = loss_and_slopes()
    for p, g in zip((Wx, Wh, Wy, bh, by), slopes):
        p -= 0.05 * np.clip(g, -1, 1)
print(loss)
"""

TWO_CLASSES = """\
import numpy as np

rng = np.random.RandomState(7)
X = rng.randn(3, 30)
Y = (X[:1] * X[1:2] > 0) * 1.0
params = {"W1": rng.randn(4, 3), "b1": np.zeros((4, 1)), "W2": rng.randn(1, 4), "b2": np.zeros((1, 1))}


class Sigmoid:
    def forward(self, z):
        self.a = 1 / (1 + np.exp(-z))
        self.slope = self.a * (1 - self.a)
        return self.a

    def backward(self, d):
        return d * self.slope


def gradients(layer, A1, A2):
    dA2 = -(Y / A2) + (1 - Y) / (1 - A2)
    dZ2 = dA2 * A2 * (1 - A2) / Y.shape[1]
    dA1 = params["W2"].T @ dZ2
    dZ1 = layer.backward(dA1)
    dW2, db2 = dZ2 @ A1.T, dZ2.sum(axis=1, keepdims=True)
    dW1, db1 = dZ1 @ X.T, dZ1.sum(axis=1, keepdims=True)
    return {"W1": dW1, "b1": db1, "W2": dW2, "b2": db2}


for _ in range(6):
    layer = Sigmoid()
    A1 = layer.forward(params["W1"] @ X + params["b1"])
    A2 = 1 / (1 + np.exp(-(params["W2"] @ A1 + params["b2"])))
    loss = -np.mean(Y * np.log(A2) + (1 - Y) * np.log(1 - A2))
    for name, gradient in gradients(layer, A1, A2).items():
        params[name] -= 0.5 * gradient
print(loss)
"""

EXPLODES = """\
import numpy as np

rng = np.random.RandomState(2)
X = rng.randn(60, 3)
T = X @ rng.randn(3, 2)
W, b, V, c = rng.randn(3, 5), np.zeros(5), rng.randn(5, 2), np.zeros(2)
losses = []
for _ in range(40):
    h = np.maximum(X @ W + b, 0)
    out = h @ V + c
    losses.append(np.sum((out - T) ** 2) / 2 / len(X))
    d = (out - T) / len(X)
    dh = d @ V.T * (h > 0)
    V -= 0.1 * h.T @ d
    c -= 0.1 * d.sum(axis=0)
    W -= 0.1 * X.T @ dh
    b -= 0.1 * dh.sum(axis=0)
print(losses[-1])
"""

# All outputs are one half at first.
SATURATES = """\
import numpy as np

rng = np.random.default_rng(1)
y = rng.integers(0, 2, 80) * 1.0
x = rng.normal(size=(80, 2)) + 3 * y[:, None]
w, b = np.zeros(2), np.zeros(1)
for turn in range(60):
    p = 1 / (1 + np.exp(-(x @ w + b)))
    print(-np.mean(y * np.log(p) + (1 - y) * np.log(1 - p)))
    d = (p - y) / y.size
    w -= 2.0 * x.T @ d
    b -= 2.0 * d.sum()
"""

HANDED_WHOLE = """\
import numpy as np

rng = np.random.default_rng(2)
X = rng.normal(size=(50, 3))
T = np.sin(X @ rng.normal(size=(3, 2)))
p = {"W": rng.normal(size=(3, 8)), "V": rng.normal(size=(8, 2))}


def gradients(h, err):
    dz = err @ p["V"].T * (h > 0)
    return {"V": h.T @ err, "W": X.T @ dz}


for i in range(80):
    h = np.maximum(X @ p["W"], 0)
    err = h @ p["V"] - T
    print((err**2).sum() / (2 * len(X)))
    g = gradients(h, err / len(X))
    for k in p:
        p[k] -= 0.1 * g[k]
"""

NORMALISED = """\
import numpy as np

rng = np.random.RandomState(6)
X = rng.randn(12, 3)
T = np.sin(X[:, :1])
A, B, C = rng.randn(3, 5), rng.randn(5, 4), rng.randn(4, 1)
gains, shifts = [np.ones(5), np.ones(4)], [np.zeros(5), np.zeros(4)]


def normal(z, gain, shift):
    apart = z - z.mean(axis=0)
    inverse = 1 / np.sqrt((apart**2).mean(axis=0) + 1e-5)
    return gain * apart * inverse + shift, (apart, inverse, gain)


def backwards(d, kept):
    apart, inverse, gain = kept
    g_gain, g_shift = (d * apart * inverse).sum(axis=0), d.sum(axis=0)
    d = d * gain
    d_spread = -0.5 * inverse ** 3 * (d * apart).sum(axis=0)
    d = d * inverse + 2 / len(d) * apart * d_spread - (d * inverse).mean(axis=0)
    return d, g_gain, g_shift


for _ in range(3):
    a, first = normal(X @ A, gains[0], shifts[0])
    b, second = normal(np.tanh(a) @ B, gains[1], shifts[1])
    o = np.tanh(b) @ C
    d = (o - T) / len(X)
    gC = np.tanh(b).T @ d
    d, g1, s1 = backwards(d @ C.T * (1 - np.tanh(b) ** 2), second)
    gB = np.tanh(a).T @ d
    d, g0, s0 = backwards(d @ B.T * (1 - np.tanh(a) ** 2), first)
    for p, g in ((A, X.T @ d), (B, gB), (C, gC), (gains[0], g0), (gains[1], g1), (shifts[0], s0), (shifts[1], s1)):
        p -= 0.1 * g
print(o)
"""

# The classes are balanced, and the weights start at zero: at first the bias has no gradient.
AXES = """\
import numpy as np

rng = np.random.RandomState(4)
m = 12
X = rng.randn(3, m)
Y = np.eye(3)[np.arange(m) % 3].T


def share(S):
    e = np.exp(S - S.max(axis=0))
    return e / e.sum(axis=0)


W, b = 0.01 * rng.randn(3, 3), np.zeros((3, 1))
for _ in range(6):
    P = share(W @ X + b)
    cost = -np.sum(Y * np.log(P)) / m
    D = (P - Y) / m
    W -= 0.3 * D @ X.T
    b -= 0.3 * D.sum(axis=1, keepdims=True)
print(cost)
"""

DROPS = """import numpy as np

rng = np.random.RandomState(8)
X = rng.randn(20, 3)
T = X[:, :1] * X[:, 1:2]


class Dense:
    def __init__(self, i, o):
        self.W, self.b = rng.randn(i, o), np.zeros((1, o))

    def forward(self, x):
        self.x = x
        return x @ self.W + self.b

    def backward(self, g):
        self.steps = [(self.W, self.x.T @ g), (self.b, g.sum(axis=0, keepdims=True))]
        return g @ self.W.T


class Bend:
    steps = ()

    def forward(self, x):
        self.rising = x > 0
        return x * self.rising

    def backward(self, g):
        return g * self.rising


class Drop:
    steps = ()

    def forward(self, x):
        self.kept = (rng.rand(*x.shape) < 0.7) / 0.7
        return x * self.kept

    def backward(self, g):
        return g * self.kept


net = [Dense(3, 6), Bend(), Drop(), Dense(6, 5), Bend(), Drop(), Dense(5, 1)]
for _ in range(5):
    out = X
    for layer in net:
        out = layer.forward(out)
    cost = np.mean((out - T) ** 2)
    g = 2 * (out - T) / len(X)
    for layer in net[::-1]:
        g = layer.backward(g)
    for layer in net:
        for p, step in layer.steps:
            p -= 0.05 * step
print(cost)
"""

# What each step sends back is handed over, one array for all of them.
HANDED = """\
import numpy as np

rng = np.random.RandomState(11)
X, T = rng.randn(4, 6, 2), rng.randn(4, 6, 3) * 0.5
U, W = 0.4 * rng.randn(2, 3), 0.4 * rng.randn(3, 3)


def states():
    h = [np.zeros((6, 3))]
    for x in X:
        h.append(np.tanh(x @ U + h[-1] @ W))
    return h


def backward(sent, h):
    gU, gW, later = np.zeros_like(U), np.zeros_like(W), np.zeros((6, 3))
    for t in reversed(range(4)):
        dz = (sent[t] + later) * (1 - h[t + 1] ** 2)
        gU += X[t].T @ dz
        gW += h[t].T @ dz
        later = dz @ W.T
    return gU, gW


for _ in range(6):
    h = states()
    sent = (np.array(h[1:]) - T) / 6
    gU, gW = backward(sent, h)
    U -= 0.1 * gU
    W -= 0.1 * gW
    print("loss", 3 * np.sum(sent**2))
"""

SLOPE = "(Wy.T @ e + carried) * (1 - h[t + 1] ** 2)"
HANDED_BACK = '"b1": db1, "W2"'
# The mistake, the program, what stands there and what the mistake makes of it; whether the edit is the original again.
WRONG = [
    ("no slope in time", THROUGH_TIME, SLOPE, "Wy.T @ e + carried", "SC301", True),
    ("only the slope", THROUGH_TIME, SLOPE, "(1 - h[t + 1] ** 2)", "SC306", False),
    ("another time", THROUGH_TIME, "gh += dz @ h[t].T", "gh += dz @ h[t + 1].T", "SC305", True),
    ("half of a loss", TWO_CLASSES, " + (1 - Y) / (1 - A2)", "", "SC306", False),
    ("no slope in a layer", TWO_CLASSES, "return d * self.slope", "return d", "SC301", False),
    ("another key's", TWO_CLASSES, HANDED_BACK, '"b1": db2, "W2"', "SC305", True),
    ("a power", NORMALISED, "inverse ** 3 * (d", "inverse * (d", "SC305", False),
    ("a mean's own way", NORMALISED, " - (d * inverse).mean(axis=0)", "", "SC306", False),
    ("a mask before a slope", DROPS, "return g * self.kept", "return g", "SC306", True),
    ("shares of a sample", AXES, "e.sum(axis=0)", "e.sum(axis=1, keepdims=True)", "SC304", False),
    ("what was handed over", HANDED, "(sent[t] + later)", "later", "SC306", False),
    ("a sum for a mean", EXPLODES, "d = (out - T) / len(X)", "d = out - T", "SC302", True),
    ("a sum for a mean, handed on", HANDED_WHOLE, "(h, err / len(X))", "(h, err)", "SC302", True),
    ("a sum for a mean, from zeros", SATURATES, "d = (p - y) / y.size", "d = p - y", "SC302", False),
]


@pytest.mark.parametrize(
    "text", [THROUGH_TIME, TWO_CLASSES, AXES, DROPS, NORMALISED, EXPLODES, HANDED, SATURATES, HANDED_WHOLE]
)
def test_the_right_program_is_left_alone(tmp_path: Path, text: str) -> None:
    assert [f for f in findings(tmp_path, text) if f.severity != "note"] == []


@pytest.mark.parametrize(
    ("text", "was", "wrong", "code", "again"), [w[1:] for w in WRONG], ids=[w[0].replace(" ", "-") for w in WRONG]
)
def test_the_line_is_named_and_mended(tmp_path: Path, text: str, was: str, wrong: str, code: str, again: bool) -> None:
    assert text.count(was) == 1
    changed = text.replace(was, wrong)
    found = findings(tmp_path, changed, trials=True)
    place = text[: text.index(was)].count("\n") + 1
    assert (found[0].code, found[0].cause.line) == (code, place), blamed_line(changed, found[0])
    assert found[0].fixes[0].confidence == "verified"
    if again:
        assert repaired(changed, found[0].fixes[0]).replace(" ", "") == text.replace(" ", "")


def test_two_reductions_of_one_softmax_are_mended_together(tmp_path: Path) -> None:
    changed = AXES.replace("S.max(axis=0)", "S.max(axis=1, keepdims=True)")
    changed = changed.replace("e.sum(axis=0)", "e.sum(axis=1, keepdims=True)")
    found = findings(tmp_path, changed, trials=True)
    assert [f.code for f in found] == ["SC304", "SC304"]
    assert [f.cause.line for f in found] == [10, 11]
    assert {f.fixes[0].confidence for f in found} == {"verified"}
