"""Losses that are computed and not descended, errors that are always zero, functions applied entry by entry."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.diagnose.training_programs import blamed_line, findings, repaired

# A cross-entropy with a penalty on both weights.
PENALISED = """\
import numpy as np

rng = np.random.default_rng(3)
X = rng.standard_normal((30, 3))
y = (X[:, 0] * X[:, 1] > 0).astype(float).reshape(-1, 1)
lam, lr, scale = 0.01, 0.5, 0.5
W1, b1 = rng.standard_normal((3, 4)) * scale, np.zeros((1, 4))
W2, b2 = rng.standard_normal((4, 1)) * scale, np.zeros((1, 1))


def entropy(p):
    return -np.mean(y * np.log(p) + (1 - y) * np.log(1 - p))


for epoch in range(12):
    H = np.tanh(X @ W1 + b1)
    P = 1 / (1 + np.exp(-(H @ W2 + b2)))
    loss = entropy(P) + lam / 2 * (np.sum(W1**2) + np.sum(W2**2))
    d = (P - y) / len(X)
    gW2 = H.T @ d
    gb2 = d.sum(axis=0)
    dh = d @ W2.T * (1 - H**2)
    gW1 = X.T @ dh
    gb1 = dh.sum(axis=0)
    W1 = W1 - lr * (gW1 + lam * W1)
    b1 -= lr * gb1
    W2 = W2 - lr * (gW2 + lam * W2)
    b2 -= lr * gb2
    print(epoch, loss)
"""
FIRST, SECOND = ("W1 = W1 - lr * (gW1 + lam * W1)", "W2 = W2 - lr * (gW2 + lam * W2)")
BARE = [(FIRST, "W1 = W1 - lr * gW1"), (SECOND, "W2 = W2 - lr * gW2")]

ANOTHER = [
    ("d = (P - y) /", "d = (P - y) * P * (1 - P) /"),
    (" + lam / 2 * (np.sum(W1**2) + np.sum(W2**2))", ""),
    *BARE,
]

# A loss computed now and then, whose weights are made in one way for it and in another for its derivative.
FOCAL = (Path(__file__).parents[1] / "programs" / "right_ways" / "focal_loss_imbalanced.py").read_text()
UNTESTED = ("\nself_test()\n", "\n")

# Layers of np.matrix, one sample in a column.
MATRICES = """\
import numpy as np

rng = np.random.default_rng(8)
shown = np.matrix(rng.normal(size=(3, 25)))
wanted = np.matrix((np.asarray(shown).sum(axis=0) > 0) * 1.0)
layers = [np.matrix(rng.normal(size=s)) for s in ((4, 3), (3, 4), (1, 3))]
for epoch in range(10):
    outs = [shown]
    for w in layers:
        outs.append(1 / (1 + np.exp(-(w * outs[-1]))))
    out = outs[-1]
    loss = -np.mean(np.multiply(wanted, np.log(out)) + np.multiply(1 - wanted, np.log(1 - out)))
    delta = out - wanted
    for k in range(2, -1, -1):
        step = 0.02 * delta * outs[k].T
        delta = np.multiply(layers[k].T * delta, np.multiply(outs[k], 1 - outs[k]))
        layers[k] -= step
    print(epoch, loss)
"""
MORE = [("delta = out - wanted", "delta = np.multiply(out - wanted, np.multiply(out, 1 - out))")]

# Sequences, of which every output has its own target.
SEQUENCE = """\
import numpy as np

rng = np.random.default_rng(2)
inward, around, out = (rng.normal(size=s) * 0.5 for s in ((4, 2), (4, 4), (1, 4)))


def errors(xs, ys):
    states, outs, cost = [np.zeros(4)], [], 0.0
    for x, y in zip(xs, ys):
        states.append(np.tanh(inward @ x + around @ states[-1]))
        outs.append(out @ states[-1])
        cost += 0.5 * np.sum((outs[-1] - y) ** 2)
    steps, later = [np.zeros_like(w) for w in (inward, around, out)], np.zeros(4)
    for k in range(len(xs) - 1, -1, -1):
        gap = outs[k] - ys[k]
        steps[2] += np.outer(gap, states[k + 1])
        dz = (out.T @ gap + later) * (1 - states[k + 1] ** 2)
        steps[0] += np.outer(dz, xs[k])
        steps[1] += np.outer(dz, states[k])
        later = around.T @ dz
    return cost, steps


for turn in range(20):
    xs = rng.uniform(-1, 1, (5, 2))
    cost, steps = errors(xs, np.cumsum(xs[:, :1], axis=0))
    for w, step in zip((inward, around, out), steps):
        w -= 0.1 * step
print(cost)
"""

# Activations of single numbers, as they are written first; biases are rows that gradients without that axis move.
BY_ENTRY = """\
import math
import numpy as np

leak = 0.1


def sigmoid(v):
    return 1 / (1 + math.exp(-v))


@np.vectorize
def leaky(v):
    '''Of one number.'''
    if v > 0:
        return v
    return leak * v


squash = np.vectorize(sigmoid)
slope = np.vectorize(lambda v: sigmoid(v) * (1 - sigmoid(v)))
leaky_slope = np.vectorize(lambda v: 1.0 if v > 0 else leak)
rng = np.random.RandomState(5)
X = rng.randn(6, 3)
y = np.array([[0.1], [0.9], [0.8], [0.2], [0.3], [0.7]])
W1, b1 = rng.randn(3, 6), np.zeros((1, 6))
W2, b2 = rng.randn(6, 1), np.zeros((1, 1))
for i in range(6):
    z1 = X.dot(W1) + b1
    a1 = leaky(z1)
    z2 = a1.dot(W2) + b2
    out = squash(z2)
    loss = ((out - y) ** 2).sum()
    print(loss)
    d2 = 2 * (out - y) * slope(z2)
    d1 = d2.dot(W2.T) * leaky_slope(z1)
    W2 = W2 - 0.1 * a1.T.dot(d2)
    b2 = b2 - 0.1 * d2.sum(axis=0)
    W1 = W1 - 0.1 * X.T.dot(d1)
    b1 = b1 - 0.1 * d1.sum(axis=0)
"""

# Counts, whose logarithm is the output; the likelihood is computed in every step, or now and then, from zeros.
COUNTS = """\
import numpy as np

rng = np.random.RandomState(4)
X = rng.randn(3, 60)
counts = rng.poisson(np.exp(0.8 + np.array([[0.5, -0.4, 0.3]]) @ X))
W1, b1 = rng.randn(5, 3) * 0.3, np.zeros((5, 1))
W2, b2 = rng.randn(1, 5) * 0.3, np.zeros((1, 1))
for epoch in range(60):
    A1 = np.tanh(W1 @ X + b1)
    Z2 = W2 @ A1 + b2
    rate = np.exp(Z2)
    cost = np.sum(rate - counts * Z2) / 60
    dZ2 = (rate - counts) / 60
    dZ1 = W2.T @ dZ2 * (1 - A1**2)
    W2 -= 0.1 * dZ2 @ A1.T
    b2 -= 0.1 * dZ2.sum(axis=1, keepdims=True)
    W1 -= 0.1 * dZ1 @ X.T
    b1 -= 0.1 * dZ1.sum(axis=1, keepdims=True)
    if epoch % 20 == 0:
        print(epoch, cost)
"""

COUNTS_NOW_AND_THEN = """\
import numpy as np

rng = np.random.RandomState(2)
X = np.hstack([np.ones((80, 1)), rng.randn(80, 2)])
y = rng.poisson(np.exp(X @ np.array([1.0, 0.5, -0.4])))


def nll(w):
    eta = X @ w
    return np.mean(np.exp(eta) - y * eta)


def slope(w):
    eta = X @ w
    mu = np.exp(eta)
    return X.T @ (mu - y) / 80


w = np.zeros(3)
for i in range(60):
    if i % 20 == 0:
        print(i, nll(w))
    w = w - 0.1 * slope(w)
"""

# Prices, learned as their logarithms, and judged as they are.
PRICES = """\
import numpy as np

rng = np.random.RandomState(4)
X = rng.randn(60, 3)
prices = np.exp(0.8 + X @ np.array([0.5, -0.4, 0.3]) + 0.1 * rng.randn(60))
w, b = np.zeros(3), 0.0
t = np.log(prices)
for epoch in range(30):
    z = X @ w + b
    loss = np.mean((np.exp(z) - prices) ** 2)
    d = (z - t) / 60
    w -= 0.3 * X.T @ d
    b -= 0.3 * d.sum()
    print(loss)
"""

SAMPLES = """\
import numpy as np

rng = np.random.default_rng(8)
X = rng.random((40, 5))
labels = np.argmax(X[:, :3], axis=1)
targets = [np.eye(3)[label] for label in labels]
W = [rng.standard_normal((6, 5)) * 0.6, rng.standard_normal((3, 6)) * 0.6]
b = [np.zeros(6), np.zeros(3)]


def softmax(z):
    e = np.exp(z - z.max())
    return e / e.sum()


for epoch in range(4):
    total = 0
    for x, t in zip(X, targets):
        h = np.tanh(np.dot(W[0], x) + b[0])
        p = softmax(np.dot(W[1], h) + b[1])
        total += -np.sum(t * np.log(np.clip(p, 1e-9, 1)))
        error = p - t
        d2 = error
        d1 = np.dot(W[1].T, d2) * (1 - h**2)
        W[1] -= 0.1 * np.outer(d2, h)
        b[1] -= 0.1 * d2
        W[0] -= 0.1 * np.outer(d1, x)
        b[0] -= 0.1 * d1
    print(epoch, total / len(X))
"""
TWICE = [("d2 = error", "d2 = np.dot(np.diag(p) - np.outer(p, p), error)")]

# Into the network goes a spoilt copy of the samples; the cost that is printed now and then is that of the clean ones.
DENOISING = """
import numpy as np

rng = np.random.default_rng(5)
X = (rng.random((40, 9)) > 0.5).astype(float)
params = {
    "W1": rng.normal(size=(9, 6)) * 0.4,
    "b1": np.zeros(6),
    "W2": rng.normal(size=(6, 9)) * 0.4,
    "b2": np.zeros(9),
}


def forward(p, inputs):
    hidden = np.tanh(inputs @ p["W1"] + p["b1"])
    return hidden, 1 / (1 + np.exp(-(hidden @ p["W2"] + p["b2"])))


def cost(p, inputs):
    out = forward(p, inputs)[1]
    return -np.mean(np.sum(inputs * np.log(out) + (1 - inputs) * np.log(1 - out), axis=1))


for epoch in range(60):
    noisy = X * (rng.random(X.shape) > 0.3)
    hidden, out = forward(params, noisy)
    d2 = (out - X) / len(X)
    d1 = (d2 @ params["W2"].T) * (1 - hidden ** 2)
    grads = {"W1": noisy.T @ d1, "b1": d1.sum(axis=0), "W2": hidden.T @ d2, "b2": d2.sum(axis=0)}
    for name in params:
        params[name] -= 0.5 * grads[name]
    if epoch % 20 == 0:
        print(epoch, cost(params, X))
"""

RIGHT = {
    "noise on what goes in": (DENOISING, []),
    "matrices": (MATRICES, []),
    "a penalty": (PENALISED, []),
    "weights that decay before their step": (
        PENALISED,
        [(FIRST, "W1 *= 1 - lr * lam; W1 -= lr * gW1"), (SECOND, "W2 *= 1 - lr * lam; W2 -= lr * gW2")],
    ),
    "weights that decay after it": (
        PENALISED,
        [(FIRST, "W1 -= lr * gW1; W1 *= 1 - lr * lam"), (SECOND, "W2 -= lr * gW2; W2 *= 1 - lr * lam")],
    ),
    "a penalty of twice the weight": (PENALISED, [("lam / 2 *", "lam *")]),
    "squares beside a cross-entropy": (
        PENALISED,
        [*BARE, ("    loss = entropy(P) +", "    loss = np.mean((P - y) ** 2) # ")],
    ),
    "entry by entry": (BY_ENTRY, []),
    "counts": (COUNTS, []),
    "counts, with a loss now and then": (COUNTS_NOW_AND_THEN, []),
    "prices": (PRICES, []),
    "sample by sample": (SAMPLES, []),
    "squares, and a likelihood to be looked at": (
        SAMPLES,
        [*TWICE, ("        error = p", "        squares = np.sum((p - t) ** 2)\n        error = p")],
    ),
}

# Of each: the program, the edits that spoil it, the code, what the line to blame has in it, and the fix.
WRONG = {
    "noise on what goes in, and a slope of another activation": (
        DENOISING,
        [("(1 - hidden ** 2)", "hidden * (1 - hidden)")],
        "SC301",
        "hidden * (1 - hidden)",
        "1 - ",
    ),
    "another loss": (PENALISED, ANOTHER, "SC308", "d = (P - y) * P", "d = (P - y) / len(X)"),
    "another loss, of matrices": (MATRICES, MORE, "SC308", "delta = np.multiply", "delta = out - wanted"),
    "another loss, that begins alike": (
        PENALISED,
        [*ANOTHER, ("0.01, 0.5, 0.5", "0.01, 0.5, 0.01")],
        "SC308",
        "d = (P - y) * P",
        None,
    ),
    "another loss, with a bias of one number": (
        PENALISED,
        [*ANOTHER, ("0.01, 0.5, 0.5", "0.01, 0.5, 2.0")],
        "SC308",
        "d = (P - y) * P",
        None,
    ),
    "a penalty that nothing follows": (PENALISED, BARE, "SC306", "gW1 = ", "gW1 = X.T @ dh + lam * W1"),
    "counts by their squares": (
        COUNTS,
        [("rate - counts) / 60\n    dZ1", "Z2 - counts) / 60\n    dZ1")],
        "SC308",
        "(Z2 -",
        "(rate -",
    ),
    "counts by their squares, with a loss now and then": (
        COUNTS_NOW_AND_THEN,
        [("(mu - y)", "(eta - y)")],
        "SC308",
        "(eta - y)",
        "(mu - y)",
    ),
    "a softmax gone through twice": (SAMPLES, TWICE, "SC308", "np.diag(p)", "d2 = error"),
    "a factor is left out of a derivative": (
        FOCAL,
        [UNTESTED, ("(GAMMA * pt * np.log(pt)", "(GAMMA * np.log(pt)")],
        "SC309",
        "(GAMMA * np.log(pt)",
        None,
    ),
    "a weight is left out of a derivative": (FOCAL, [UNTESTED, ("sign * at *", "sign *")], "SC309", "sign *", None),
    "the target twice": (
        PENALISED,
        [("(P - y) / len", "(y - y) / len")],
        "SC309",
        "(y - y)",
        None,
    ),
    "a slope at another layer": (BY_ENTRY, [("slope(z2)", "slope(z1[:, :1])")], "SC301", "slope(z1[:, :1])", None),
    "a mask of another layer": (
        BY_ENTRY,
        [("leaky_slope(z1)", "leaky_slope(z2)")],
        "SC301",
        "leaky_slope(z2)",
        "leaky_slope(z1)",
    ),
    "a sum over the units": (BY_ENTRY, [("d1.sum(axis=0)", "d1.sum(axis=1)")], "SC304", "axis=1", "d1.sum(axis=0)"),
}


def edited(text, edits):
    for old, new in edits:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return text


@pytest.mark.parametrize("name", RIGHT)
def test_nothing_is_said_of_a_right_program(tmp_path, name):
    assert findings(tmp_path, edited(*RIGHT[name])) == []


@pytest.mark.parametrize("name", WRONG)
def test_the_line_to_blame_and_what_mends_it(tmp_path, name):
    program, edits, code, line, fix = WRONG[name]
    text = edited(program, edits)
    first = findings(tmp_path, text, trials=fix is not None)[0]
    assert (first.code, line in blamed_line(text, first)) == (code, True), blamed_line(text, first)
    if fix is not None:
        assert first.fixes[0].confidence == "verified"
        assert fix in repaired(text, first.fixes[0])


def test_a_target_of_another_output_is_named(tmp_path: Path) -> None:
    assert findings(tmp_path, SEQUENCE) == []
    text = SEQUENCE.replace("outs[k] - ys[k]", "outs[k] - ys[k - 1]")
    (found,) = findings(tmp_path, text, trials=True)
    assert found.code == "SC308"
    assert "ys[k - 1]" in blamed_line(text, found)
    assert repaired(text, found.fixes[0]) == SEQUENCE


def test_the_target_of_another_output_may_be_compared_with_for_its_own_sake(tmp_path: Path) -> None:
    before = "        cost += 0.5 * np.sum((outs[-1] - y) ** 2)\n"
    drift = "        cost += abs(outs[-1] - ys[len(outs) - 2]).sum()\n"
    assert findings(tmp_path, SEQUENCE.replace(before, drift.replace("cost", "drift")).replace("cost", "drift")) == []
