"""Right programs in styles of their own: none of them gets an error or a warning; a mistake in them is still seen."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.diagnose.training_programs import blamed_line, findings

PRUNED = """\
import numpy as np

rng = np.random.RandomState(4)
data = rng.randn(12, 5)
goal = np.tanh(data @ rng.randn(5, 2))


def thin(rows, columns):
    full = rng.randn(rows, columns)
    full[np.abs(full) < 0.6] = 0
    return full


layers = [thin(6, 5), thin(2, 6)]
for epoch in range(4):
    total = [np.zeros(w.shape) for w in layers]
    for x, t in zip(data, goal):
        x, t = x.reshape(-1, 1), t.reshape(-1, 1)
        h = np.tanh(layers[0] @ x)
        o = layers[1] @ h
        back = o - t
        open_ = np.zeros(layers[1].shape)
        open_[np.nonzero(layers[1])] = 1
        total[1] = total[1] + (back @ h.T) * open_
        below = (layers[1].T @ back) * (1 - h**2)
        grown = below @ x.T
        grown[layers[0] == 0] = 0
        total[0] = total[0] + grown
    layers = [w - 0.05 / len(data) * g for w, g in zip(layers, total)]
print(layers[1])
"""

FROZEN_ROWS = """\
import numpy as np

rng = np.random.RandomState(1)
X, T = rng.randn(20, 4), rng.randn(20, 3)
held = np.zeros((4, 6), dtype=bool)
held[0] = True
A, a = rng.randn(4, 6) * 0.5, np.zeros(6)
B, b = rng.randn(6, 3) * 0.5, np.zeros(3)
for step in range(5):
    H = np.tanh(X @ A + a)
    O = H @ B + b
    dO = (O - T) / len(X)
    dB, db = H.T @ dO, dO.sum(axis=0)
    dH = dO @ B.T * (1 - H**2)
    dA, da = np.where(held, 0, X.T @ dH), dH.sum(axis=0)
    dA *= A > -0.8
    A -= 0.3 * dA
    a -= 0.3 * da
    B -= 0.3 * dB
    b -= 0.3 * db
print(O)
"""

DRAWN_WITH_MOMENTUM = """\
import numpy as np

rng = np.random.RandomState(2)
kinds = rng.randint(0, 3, 60)
X = rng.randn(3, 5)[kinds] + 0.3 * rng.randn(60, 5)
params = {"A": 0.3 * rng.randn(5, 8), "a": np.zeros(8), "B": 0.3 * rng.randn(8, 3), "b": np.zeros(3)}
speed = {name: np.zeros_like(p) for name, p in params.items()}


def gradients(x, labels):
    h = np.maximum(0, x @ params["A"] + params["a"])
    scores = h @ params["B"] + params["b"]
    p = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    p[np.arange(len(x)), labels] -= 1
    p /= len(x)
    dh = p @ params["B"].T
    dh[h <= 0] = 0
    return {"A": x.T @ dh, "a": dh.sum(axis=0), "B": h.T @ p, "b": p.sum(axis=0)}


for step in range(8):
    some = rng.choice(60, 20)
    g = gradients(X[some], kinds[some])
    for name in params:
        speed[name] = 0.9 * speed[name] - 0.1 * g[name]
        params[name] = params[name] + speed[name]
print(params["b"])
"""

DEEP_COPIES = """\
import copy
import numpy as np

rng = np.random.RandomState(3)
A, B, C = rng.randn(2, 5) * 0.5, rng.randn(5, 5) * 0.4, rng.randn(5, 1)
for game in range(4):
    seen = rng.randn(6, 1, 2)
    goal = np.cumsum(seen.sum(axis=2), axis=0)
    kept, back = [np.zeros((1, 5))], []
    for x, t in zip(seen, goal):
        state = np.tanh(x @ A + kept[-1] @ B)
        back.append(state @ C - t)
        kept.append(copy.deepcopy(state))
    gA, gB, gC = np.zeros_like(A), np.zeros_like(B), np.zeros_like(C)
    later = np.zeros((1, 5))
    for i in reversed(range(6)):
        now, before = kept[i + 1], kept[i]
        gC += now.T @ back[i]
        later = (later @ B.T + back[i] @ C.T) * (1 - now**2)
        gB += before.T @ later
        gA += seen[i].T @ later
    A -= 0.01 * gA
    B -= 0.01 * gB
    C -= 0.01 * gC
print(C)
"""

OWN_RATES = """\
import numpy as np

draw = np.random.default_rng(6)
X = draw.normal(size=(20, 3))
Y = (X.sum(axis=1, keepdims=True) > 0) * 1.0
V, v, U, u = draw.normal(size=(3, 4)), np.zeros((1, 4)), draw.normal(size=(4, 1)), np.zeros((1, 1))
fast, slow = 0.5, 0.02
for turn in range(6):
    H = np.tanh(X @ V + v)
    P = 1 / (1 + np.exp(-(H @ U + u)))
    print(-np.mean(Y * np.log(P) + (1 - Y) * np.log(1 - P)))
    d = (P - Y) / len(X)
    e = d @ U.T * (1 - H**2)
    du = d.sum(axis=0, keepdims=True)
    U = U - fast * (H.T @ d)
    u = u - slow * du
    V = V - 0.3 * X.T @ e
    v = v - slow * 2 * e.sum(axis=0, keepdims=True)
"""

# Two parts of one loss, each printed by itself.
PARTS_APART = """\
import numpy as np

rng = np.random.default_rng(6)
X = rng.normal(size=(40, 5)) @ rng.normal(size=(5, 5))
E, e = rng.normal(size=(5, 3)) * 0.3, np.zeros(3)
D, d = rng.normal(size=(3, 5)) * 0.3, np.zeros(5)
memory = [np.zeros_like(p) for p in (E, e, D, d)]
for turn in range(12):
    code = np.tanh(X @ E + e)
    back = code @ D + d
    missing = 0.5 * np.sum((back - X) ** 2) / len(X)
    spread = 0.5 * np.sum(code**2) / len(X)
    g = (back - X) / len(X)
    h = (g @ D.T + 0.2 * code / len(X)) * (1 - code**2)
    for p, m, slope in zip((E, e, D, d), memory, (X.T @ h, h.sum(axis=0), code.T @ g, g.sum(axis=0))):
        m += slope**2
        p -= 0.05 * slope / (np.sqrt(m) + 1e-8)
    print(missing, spread)
"""
# Rows that are input and target in one, in another order for each epoch.
PAIRS = """\
import numpy as np

rng = np.random.default_rng(6)
pairs = np.array([(i, (i + k) % 9) for i in range(9) for k in (1, 2, 8)])
U, V = rng.normal(size=(9, 4)) * 0.1, rng.normal(size=(4, 9)) * 0.1
for epoch in range(4):
    order = rng.permutation(len(pairs))
    for k in range(0, len(pairs), 9):
        some = pairs[order[k : k + 9]]
        here, there = some[:, 0], some[:, 1]
        hidden = U[here]
        p = np.exp(hidden @ V)
        p /= p.sum(axis=1, keepdims=True)
        p[np.arange(len(some)), there] -= 1
        p /= len(some)
        dV, dh = hidden.T @ p, p @ V.T
        V -= 0.5 * dV
        np.add.at(U, here, -0.5 * dh)
    q = np.exp(U[pairs[:, 0]] @ V)
    print(-np.log(q[np.arange(len(pairs)), pairs[:, 1]] / q.sum(axis=1)).mean())
"""
# Each of two networks has a loss of its own, which nobody computes; what one thinks of the other is printed.
AGAINST_EACH_OTHER = """\
import numpy as np

rng = np.random.default_rng(6)


def made(rows, columns):
    return [rng.normal(size=(rows, columns)) * 0.5, np.zeros(columns), rng.normal(size=(columns, 1)), np.zeros(1)]


def through(net, x):
    h = np.tanh(x @ net[0] + net[1])
    return h @ net[2] + net[3], h


def back(net, x, h, d):
    e = (d @ net[2].T) * (1 - h**2)
    return e @ net[0].T, [x.T @ e, e.sum(axis=0), h.T @ d, d.sum(axis=0)]


def squashed(a):
    return 1 / (1 + np.exp(-a))


maker, judge = made(2, 6), made(1, 6)
for turn in range(8):
    real, noise = rng.normal(2, 0.5, (32, 1)), rng.normal(size=(32, 2))
    fake, h = through(maker, noise)
    (a, ha), (b, hb) = through(judge, real), through(judge, fake)
    one = back(judge, real, ha, (squashed(a) - 1) / 32)[1]
    two = back(judge, fake, hb, squashed(b) / 32)[1]
    for p, g, k in zip(judge, one, two):
        p -= 0.1 * (g + k)
    b, hb = through(judge, fake)
    down = back(judge, fake, hb, (squashed(b) - 1) / 32)[0]
    for p, g in zip(maker, back(maker, noise, h, down)[1]):
        p -= 0.05 * g
    print(squashed(a).mean(), squashed(b).mean(), fake.mean())
"""

WITH_MEAN_SQUARES = """\
import numpy as np

rng = np.random.default_rng(6)


def network(*sizes):
    return [{"W": rng.normal(0, 0.5, s), "b": np.zeros(s[1])} for s in zip(sizes, sizes[1:])]


def forward(net, x):
    kept = [x]
    for layer in net[:-1]:
        kept.append(np.tanh(kept[-1] @ layer["W"] + layer["b"]))
    return kept[-1] @ net[-1]["W"] + net[-1]["b"], kept


def backward(net, kept, d):
    grads = []
    for layer, x in zip(net[::-1], kept[::-1]):
        grads.insert(0, {"W": x.T @ d, "b": d.sum(axis=0)})
        d = d @ layer["W"].T
        if x is not kept[0]:
            d = d * (1 - x**2)
    return grads, d


class Rms:
    def __init__(self, net):
        self.net, self.mean = net, [{k: np.zeros_like(v) for k, v in layer.items()} for layer in net]

    def step(self, grads):
        for layer, mean, grad in zip(self.net, self.mean, grads):
            for k in layer:
                mean[k] += 0.1 * (grad[k] ** 2 - mean[k])
                layer[k] -= 0.01 * grad[k] / (np.sqrt(mean[k]) + 1e-6)


maker, judge = network(2, 5, 2), network(2, 6, 1)
makes, judges = Rms(maker), Rms(judge)
for turn in range(12):
    real = np.array([1.0, -0.5]) + 0.4 * rng.normal(size=(10, 2))
    fake = forward(maker, rng.normal(size=(10, 2)))[0]
    score, kept = forward(judge, np.concatenate([real, fake]))
    told = 1 / (1 + np.exp(-score))
    judges.step(backward(judge, kept, (told - np.repeat([[1.0], [0.0]], 10, axis=0)) / 20)[0])
    fake, way = forward(maker, rng.normal(size=(10, 2)))
    score, kept = forward(judge, fake)
    _, pull = backward(judge, kept, (1 / (1 + np.exp(-score)) - 1) / 10)
    makes.step(backward(maker, way, pull)[0])
    print(turn, fake.mean(axis=0), score.mean())
"""

# Up to where it is steeper, the gradient there, and back (Foret and others 2021).
SHARPNESS_AWARE = """\
import numpy as np

rng = np.random.default_rng(1)
X = rng.normal(size=(30, 4))
y = (X[:, :1] > 0).astype(float)
U, V = rng.normal(size=(4, 6)) * 0.5, rng.normal(size=(6, 1)) * 0.5


def slopes():
    h = np.tanh(X @ U)
    d = (1 / (1 + np.exp(-h @ V)) - y) / len(X)
    return X.T @ (d @ V.T * (1 - h**2)), h.T @ d


for turn in range(30):
    gU, gV = slopes()
    far = np.sqrt(np.sum(gU**2) + np.sum(gV**2))
    up, right = 0.05 * gU / far, 0.05 * gV / far
    U += up
    V += right
    gU, gV = slopes()
    U -= up
    V -= right
    U -= 0.5 * gU
    V -= 0.5 * gV
print(U.sum(), V.sum())
"""

# The outer product is written as a product, and `second` becomes a row with its first step: the same numbers.
ONE_SAMPLE = """\
import numpy as np

x, goal = np.array([[0.4], [0.9], [-0.3]]), np.array([[0.2]])
first = np.array([[0.1, 0.8, 0.3], [0.4, 0.6, -0.5], [-0.2, 0.7, 0.9]])
second = np.array([0.3, 0.9, -0.4])
for turn in range(20):
    hidden = np.tanh(np.dot(first, x))
    answer = np.tanh(np.dot(second, hidden))
    signal = (answer - goal) * (1 - answer**2)
    first = first - 0.5 * (signal * second * (1 - hidden.T**2) * x).T
    second = second - 0.5 * signal * hidden.T
print(answer)
"""

RIGHT = {
    "one sample": ONE_SAMPLE,
    "up and back before each step": SHARPNESS_AWARE,
    "two parts of a loss": PARTS_APART,
    "pairs in another order": PAIRS,
    "two networks against each other": AGAINST_EACH_OTHER,
    "two networks, each step divided by mean squares": WITH_MEAN_SQUARES,
    "a rate for each": OWN_RATES,
    "pruned": PRUNED,
    "frozen-rows": FROZEN_ROWS,
    "drawn-with-momentum": DRAWN_WITH_MOMENTUM,
    "deep-copies": DEEP_COPIES,
}

#     id                           program               was                       is                      line
WRONG = [
    ("a mean beside rates of their own", OWN_RATES, "e.sum(", "e.mean(", "v = v - slow"),
    ("slope under a mask", PRUNED, "(1 - h**2)", "(1 - h)", "(1 - h)"),
    ("slope above frozen rows", FROZEN_ROWS, "(1 - H**2)", "H * (1 - H)", "H * (1 - H)"),
    ("targets of other samples", DRAWN_WITH_MOMENTUM, "kinds[some])", "kinds[rng.choice(60, 20)])", "g = gradients"),
    (
        "biases that climb",
        FROZEN_ROWS,
        "a -= 0.3 * da\n    B -= 0.3 * dB\n    b -=",
        "a += 0.3 * da\n    B -= 0.3 * dB\n    b +=",
        "a += 0.3",
    ),
    ("not turned", ONE_SAMPLE, "* x).T", "* x)", "* x)"),
    ("weight of another place", DEEP_COPIES, "later @ B.T", "later @ B", "later @ B "),
]


@pytest.mark.parametrize("text", RIGHT.values(), ids=RIGHT)
def test_a_right_program_is_left_alone(tmp_path: Path, text: str) -> None:
    assert findings(tmp_path, text) == []


@pytest.mark.parametrize(("text", "was", "wrong", "line"), [w[1:] for w in WRONG], ids=[w[0] for w in WRONG])
def test_a_mistake_in_it_is_seen(tmp_path: Path, text: str, was: str, wrong: str, line: str) -> None:
    assert text.count(was) == 1
    text = text.replace(was, wrong)
    assert line in blamed_line(text, findings(tmp_path, text)[0])
