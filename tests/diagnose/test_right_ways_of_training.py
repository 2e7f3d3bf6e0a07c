"""Right ways of training that are easily taken for mistakes: nothing is said of them; a mistake in them still is."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.diagnose.training_programs import blamed_line, findings

# A net with a place for the optimizer: `before` the loop, and `step` within it.
NET = """\
import numpy as np

rng = np.random.default_rng(61)
X = rng.normal(size=(30, 3))
T = np.tanh(X @ rng.normal(size=(3, 2)))
params = [rng.normal(size=(3, 6)) * 0.5, np.zeros(6), rng.normal(size=(6, 2)) * 0.5, np.zeros(2)]
m, v = [np.zeros_like(p) for p in params], [np.zeros_like(p) for p in params]
for t in range(1, 6):
    W1, b1, W2, b2 = params
    h = np.tanh(X @ W1 + b1)
    err = h @ W2 + b2 - T
    print((err**2).sum() / len(X))
    d = 2 * err / len(X)
    dh = d @ W2.T * (1 - h**2)
    for i, g in enumerate([X.T @ dh, dh.sum(0), h.T @ d, d.sum(0)]):
"""

# The gradient goes into the velocity, and beside it.
LOOKING_AHEAD = (
    NET
    + """\
        m[i] = 0.9 * m[i] + g
        params[i] = params[i] - 0.02 * (g + 0.9 * m[i])
"""
)

NADAM = (
    NET
    + """\
        m[i] = 0.9 * m[i] + 0.1 * g
        v[i] = 0.999 * v[i] + 0.001 * g**2
        ahead = 0.9 * m[i] / (1 - 0.9 ** (t + 1)) + 0.1 * g / (1 - 0.9**t)
        params[i] = params[i] - 0.02 * ahead / (np.sqrt(v[i] / (1 - 0.999**t)) + 1e-8)
"""
)

# The velocity of the second weight is made after the first weight has been moved.
LAYERWISE_RATES = (
    NET
    + """\
        size = np.linalg.norm(params[i]) or 1.0
        m[i] = 0.9 * m[i] + 0.05 * size / np.linalg.norm(g) * (g + 1e-4 * params[i])
        params[i] = params[i] - m[i]
"""
)

IN_BOUNDS = (
    NET
    + """\
        params[i] = bounded(params[i] - 0.2 * g)
"""
).replace(
    "for t in",
    """

def bounded(W):
    norm = np.sqrt((W**2).sum(axis=0, keepdims=True))
    return W * np.minimum(1, 1.5 / (norm + 1e-12))


for t in""",
)

# The gradients of both biases are zero but for rounding: inputs and targets are odd about zero.
ODD = """\
import numpy as np

np.random.seed(25)
x = np.linspace(-1, 1, 30).reshape(30, 1)
y = x**3 - 0.5 * x
params = [np.random.randn(1, 9), np.zeros((1, 9)), np.random.randn(9, 1) / 3, np.zeros((1, 1))]
m, v = [0.0] * 4, [0.0] * 4
for t in range(1, 6):
    w1, c1, w2, c2 = params
    h = np.tanh(x.dot(w1) + c1)
    pred = h.dot(w2) + c2
    print(np.square(pred - y).mean())
    dpred = 2.0 * (pred - y) / y.size
    dh = dpred.dot(w2.T) * (1 - h**2)
    for i, g in enumerate([x.T.dot(dh), dh.sum(0, keepdims=True), h.T.dot(dpred), dpred.sum(0, keepdims=True)]):
        m[i] = 0.9 * m[i] + 0.1 * g
        v[i] = 0.999 * v[i] + 0.001 * g**2
        params[i] = params[i] - 0.01 * m[i] / (1 - 0.9**t) / (np.sqrt(v[i]) + 1e-4)
"""

# Several steps of the critic for one of the generator, its last layer linear.
CRITIC = """\
import numpy as np

rng = np.random.default_rng(5)
A, a, B = rng.normal(size=(2, 8)) * 0.1, np.zeros(8), rng.normal(size=(8, 1)) * 0.1
G, g = rng.normal(size=(3, 2)) * 0.1, np.zeros(2)
rate = 0.05
for turn in range(4):
    for _ in range(5):
        real = rng.normal(size=(20, 2)) * 0.3 + np.array([1.0, -1.0])
        fake = rng.normal(size=(20, 3)) @ G + g
        hr, hf = np.maximum(real @ A + a, 0), np.maximum(fake @ A + a, 0)
        loss = (hf @ B).mean() - (hr @ B).mean()
        dr, df = -np.ones((20, 1)) / 20, np.ones((20, 1)) / 20
        er, ef = dr @ B.T * (hr > 0), df @ B.T * (hf > 0)
        dB = hr.T @ dr + hf.T @ df
        A = np.clip(A - rate * (real.T @ er + fake.T @ ef), -0.2, 0.2)
        a = np.clip(a - rate * (er.sum(0) + ef.sum(0)), -0.2, 0.2)
        B = np.clip(B - rate * dB, -0.2, 0.2)
    z = rng.normal(size=(20, 3))
    h = np.maximum((z @ G + g) @ A + a, 0)
    print(loss, -(h @ B).mean())
    down = (-np.ones((20, 1)) / 20 @ B.T * (h > 0)) @ A.T
    G = G - rate * z.T @ down
    g = g - rate * down.sum(0)
"""

# One number that the one network climbs and the other descends.
MINIMAX = """\
import numpy as np

rng = np.random.RandomState(4)
sig = lambda s: 1 / (1 + np.exp(-s))
G1, G2 = rng.randn(2, 6) * 0.5, rng.randn(6, 1) * 0.5
D1, D2 = rng.randn(1, 6) * 0.5, rng.randn(6, 1) * 0.5
for step in range(4):
    real, z = rng.randn(16, 1) * 0.5 + 2, rng.randn(16, 2)
    hg = np.tanh(z @ G1)
    fake = hg @ G2
    hr, hf = np.tanh(real @ D1), np.tanh(fake @ D1)
    pr, pf = sig(hr @ D2), sig(hf @ D2)
    print(np.mean(np.log(pr)) + np.mean(np.log(1 - pf)))
    dr, df = (1 - pr) / 16, -pf / 16
    gD2 = hr.T @ dr + hf.T @ df
    er, ef = dr @ D2.T * (1 - hr**2), df @ D2.T * (1 - hf**2)
    gD1 = real.T @ er + fake.T @ ef
    back = ef @ D1.T
    gG2 = hg.T @ back
    gG1 = z.T @ (back @ G2.T * (1 - hg**2))
    D1 += 0.1 * gD1
    D2 += 0.1 * gD2
    G1 -= 0.1 * gG1
    G2 -= 0.1 * gG2
"""

PROTOTYPES = """\
import numpy as np

np.random.seed(13)
data, grid = np.random.rand(40, 3), np.random.rand(4, 4, 3)
ii, jj = np.meshgrid(np.arange(4), np.arange(4), indexing="ij")
for it in range(40):
    x = data[it]
    far = np.sum((grid - x) ** 2, axis=2)
    bi, bj = np.unravel_index(np.argmin(far), far.shape)
    near = np.exp(-((ii - bi) ** 2 + (jj - bj) ** 2) / (2 * np.exp(-it / 20)))
    grid += 0.5 * np.exp(-it / 20) * near[:, :, None] * (x - grid)
print(grid)
"""

# A rate of its own for each number of each row.
ROWS = """\
import numpy as np

rng = np.random.default_rng(45)
C = rng.integers(1, 9, size=(6, 6))
W, V = rng.normal(size=(6, 4)) * 0.1, rng.normal(size=(6, 4)) * 0.1
b, c = np.zeros(6), np.zeros(6)
roots = [np.ones_like(p) for p in (W, V, b, c)]
for i, j in [(i, j) for i in range(6) for j in range(6)] * 2:
    f = min(1.0, (C[i, j] / 6) ** 0.75)
    diff = W[i] @ V[j] + b[i] + c[j] - np.log(C[i, j])
    print(0.5 * f * diff**2)
    g = f * diff
    gi, gj = g * V[j], g * W[i]
    W[i] -= 0.05 * gi / np.sqrt(roots[0][i])
    V[j] -= 0.05 * gj / np.sqrt(roots[1][j])
    b[i] -= 0.05 * g / np.sqrt(roots[2][i])
    c[j] -= 0.05 * g / np.sqrt(roots[3][j])
    roots[0][i] += gi**2
    roots[1][j] += gj**2
    roots[2][i] += g**2
    roots[3][j] += g**2
"""

SHARPNESS = """\
import numpy as np

rng = np.random.RandomState(56)
X = rng.randn(30, 2)
T = np.tanh(X @ rng.randn(2, 1))
weights = [rng.randn(2, 6), rng.randn(6, 1)]


def gradient(weights):
    H = np.tanh(X @ weights[0])
    E = (H @ weights[1] - T) / len(X)
    return [X.T @ (E @ weights[1].T * (1 - H**2)), H.T @ E]


for k in range(5):
    g = gradient(weights)
    size = np.sqrt(sum((d * d).sum() for d in g))
    above = [w + 0.05 * d / size for w, d in zip(weights, g)]
    weights = [w - 0.3 * d for w, d in zip(weights, gradient(above))]
print(weights)
"""

# Nothing is a step by itself of what is written down here: the velocity of before is no gradient, and there is a third.
SEVERAL_TERMS = (
    NET
    + """\
        before, m[i] = m[i], 0.9 * m[i] - 0.02 * g
        params[i] = params[i] - 0.9 * before + 1.9 * m[i]
"""
)

# Means that run along with the steps are written in several terms, too.
RUNNING = SEVERAL_TERMS + "    v[1] = v[1] - 0.1 * v[1] + 0.1 * h.mean(0)\n"

# What goes round a block is no bias of it, though the block hands back a derivative by it that nobody reads.
CHECKPOINTS = """\
import numpy as np

rng = np.random.RandomState(2)


def forward(x, p):
    h = np.tanh(x @ p["W"] + p["b"])
    return x + h @ p["V"] + p["c"], h


def backward(x, dy, p):
    _, h = forward(x, p)
    dz = dy @ p["V"].T * (1 - h * h)
    return dy + dz @ p["W"].T, {"W": x.T @ dz, "b": dz.sum(0), "V": h.T @ dy, "c": dy.sum(0)}


blocks = [{"W": rng.randn(3, 5) / 2, "b": np.zeros(5), "V": rng.randn(5, 3) / 2, "c": np.zeros(3)} for _ in range(2)]
X = rng.randn(20, 3)
T = np.sin(X)
for step in range(5):
    saved = [X]
    for p in blocks:
        saved.append(forward(saved[-1], p)[0])
    d = (saved.pop() - T) / len(X)
    for p in reversed(blocks):
        d, g = backward(saved.pop(), d, p)
        for k in p:
            p[k] -= 0.2 * g[k]
"""

# The data meet a weight that is made from what is learned.
SPECTRAL = """\
import numpy as np

rng = np.random.default_rng(1)
X = rng.normal(size=(30, 4))
T = (X[:, :1] * X[:, 1:2] > 0) * 1.0


class Layer:
    def __init__(self, n, m):
        self.W, self.b, self.u = rng.normal(size=(n, m)), np.zeros(m), rng.normal(size=m)

    def forward(self, x):
        v = self.W @ self.u
        self.v = v / np.linalg.norm(v)
        u = self.W.T @ self.v
        self.u = u / np.linalg.norm(u)
        self.size = self.v @ self.W @ self.u
        self.x, self.scaled = x, self.W / self.size
        return x @ self.scaled + self.b

    def backward(self, g):
        d = self.x.T @ g
        self.dW = (d - np.sum(d * self.scaled) * np.outer(self.v, self.u)) / self.size
        self.db = g.sum(axis=0)
        return g @ self.scaled.T


first, last = Layer(4, 6), Layer(6, 1)
for step in range(5):
    h = np.tanh(first.forward(X))
    p = 1 / (1 + np.exp(-last.forward(h)))
    print(-np.mean(T * np.log(p) + (1 - T) * np.log(1 - p)))
    first.backward(last.backward((p - T) / len(X)) * (1 - h**2))
    for one in (first, last):
        one.W -= 0.5 * one.dW
        one.b -= 0.5 * one.db
"""

# Each sample goes forwards and backwards before the next one replaces what the layers keep.
IN_TURN = """\
import numpy as np
class Conv1D:
    def __init__(self, cin, cout, k, rng):
        self.w = rng.normal(0, .4, (cout, cin, k)); self.b = np.zeros(cout); self.k = k
    def forward(self, x):
        self.x = x
        n = x.shape[1] - self.k + 1
        out = np.empty((len(self.w), n))
        for t in range(n):
            out[:, t] = np.tensordot(self.w, x[:, t:t + self.k], axes=([1, 2], [0, 1])) + self.b
        return out
    def backward(self, d):
        self.gw += sum(d[:, t][:, None, None] * self.x[None, :, t:t + self.k] for t in range(d.shape[1]))
        self.gb += d.sum(axis=1)
        dx = np.zeros_like(self.x)
        for t in range(d.shape[1]):
            dx[:, t:t + self.k] += np.tensordot(d[:, t], self.w, axes=(0, 0))
        return dx
class AvgPool1D:
    def __init__(self, s): self.s = s
    def forward(self, x):
        c, n = x.shape; self.n = n
        return x[:, :n // self.s * self.s].reshape(c, -1, self.s).mean(axis=2)
    def backward(self, d):
        dx = np.zeros((d.shape[0], self.n))
        up = np.repeat(d, self.s, axis=1) / self.s
        dx[:, :up.shape[1]] = up
        return dx
class ReLU:
    def forward(self, x): self.on = x > 0; return x * self.on
    def backward(self, d): return d * self.on
class Out:
    def __init__(self, n, rng): self.w = rng.normal(0, .3, n); self.b = np.zeros(1)
    def forward(self, x):
        self.s = x.shape; self.x = x.ravel()
        return 1 / (1 + np.exp(-(self.w @ self.x + self.b[0])))
    def backward(self, d):
        self.gw += d * self.x; self.gb += d
        return (d * self.w).reshape(self.s)
rng = np.random.default_rng(6)
tt = np.linspace(0, 3, 9); Y = np.array([0, 1, 1, 0])
X = [np.stack([np.sin((2 + 3 * y) * tt + rng.uniform(0, 3)), np.cos(tt)]) + .1 * rng.normal(size=(2, 9)) for y in Y]
layers = [Conv1D(2, 4, 3, rng), ReLU(), AvgPool1D(2), Conv1D(4, 3, 2, rng), ReLU(), Out(6, rng)]
trained = [l for l in layers if hasattr(l, "w")]
vel = [{"w": np.zeros_like(l.w), "b": np.zeros_like(l.b)} for l in trained]
for epoch in range(12):
    loss = 0.0
    for l in trained: l.gw, l.gb = np.zeros_like(l.w), np.zeros_like(l.b)
    for x, y in zip(X, Y):
        h = x
        for l in layers: h = l.forward(h)
        loss -= (y * np.log(h) + (1 - y) * np.log(1 - h)) / len(X)
        d = (h - y) / len(X)
        for l in reversed(layers): d = l.backward(d)
    for l, v in zip(trained, vel):
        for n, g in (("w", l.gw), ("b", l.gb)):
            old = v[n]
            v[n] = 0.9 * v[n] - 0.1 * g
            getattr(l, n)[...] += 1.9 * v[n] - 0.9 * old
    if epoch % 4 == 0: print(epoch, loss)
"""

# One output, one sample at a time; one layer's gradient is clipped by its norm.
CLIPPED = """\
import numpy as np

rng = np.random.default_rng(4)
X = rng.normal(size=(12, 3))
A, a, B, b = rng.normal(size=(3, 4)), np.zeros((1, 4)), rng.normal(size=(4, 1)), np.zeros((1, 1))
for epoch in range(4):
    for x in X:
        h = np.tanh(x[None] @ A + a)
        y = 1 / (1 + np.exp(-(h @ B + b)))
        e = (y - (x[0] > 0)) * y * (1 - y)
        d = e @ B.T * (1 - h**2)
        g = x[:, None] @ d
        g = g / max(1.0, 10 * np.linalg.norm(g))
        A -= 0.3 * g; a -= 0.3 * d; B -= 0.3 * h.T @ e; b -= 0.3 * e
print(B.ravel())
"""
# Of two classes' bias, whose gradients are each other's negative, clipping leaves the signs alone.
SIGNS = """\
import numpy as np

rng = np.random.default_rng(1)
X = rng.normal(size=(30, 3))
Y = np.eye(2)[(X[:, 0] > -0.8).astype(int)]
A, a, B, b = rng.normal(size=(3, 5)), np.zeros(5), 0.05 * rng.normal(size=(5, 2)), np.zeros(2)
for epoch in range(6):
    h = np.tanh(X @ A + a)
    s = h @ B + b
    p = np.exp(s) / np.exp(s).sum(axis=1, keepdims=True)
    d = p - Y
    dB, db = h.T @ d, d.sum(axis=0)
    dh = d @ B.T * (1 - h**2)
    dA, da = X.T @ dh, dh.sum(axis=0)
    A -= 0.02 * np.clip(dA, -5, 5)
    a -= 0.02 * np.clip(da, -5, 5)
    B -= 0.02 * np.clip(dB, -5, 5)
    b -= 0.02 * np.clip(db, -5, 5)
print(-np.sum(Y * np.log(p)))
"""
# Adam's steps, each as long as a share of its array; and steps towards the worst loss nearby before each step back.
SIZED = """\
import numpy as np

rng = np.random.default_rng(2)
X = rng.normal(size=(20, 3))
Y = np.eye(2)[(X[:, 0] > 0).astype(int)]
p = {"A": rng.normal(size=(3, 5)), "a": np.zeros(5), "B": rng.normal(size=(5, 2)) / 2, "b": np.zeros(2)}
m, v = {k: 0 * w for k, w in p.items()}, {k: 0 * w for k, w in p.items()}


def slopes():
    h = np.tanh(X @ p["A"] + p["a"])
    s = h @ p["B"] + p["b"]
    q = np.exp(s) / np.exp(s).sum(axis=1, keepdims=True)
    d = (q - Y) / len(X)
    e = d @ p["B"].T * (1 - h**2)
    return {"A": X.T @ e, "a": e.sum(0), "B": h.T @ d, "b": d.sum(0)}, -np.sum(Y * np.log(q)) / len(X)


for t in range(1, 8):
    g, loss = slopes()
    STEP
    print(loss)
"""
LAMB = """for k, w in p.items():
        m[k], v[k] = 0.9 * m[k] + 0.1 * g[k], 0.99 * v[k] + 0.01 * g[k] * g[k]
        r = m[k] / (1 - 0.9**t) / (np.sqrt(v[k] / (1 - 0.99**t)) + 1e-6) + 0.01 * w
        size, long = np.linalg.norm(w), np.linalg.norm(r)
        w -= 0.02 * (size / long if size > 0 else 1.0) * r"""
SAM = """size = np.sqrt(sum(np.sum(d**2) for d in g.values())) + 1e-12
    away = {}
    for k, d in g.items():
        away[k] = 0.05 * d / size
        p[k] += away[k]
    there, _ = slopes()
    for k in p:
        p[k] -= away[k]
        p[k] -= 0.3 * there[k]"""
RIGHT = {
    "Adam by the size of each array": SIZED.replace("STEP", LAMB),
    "a step away and a step back": SIZED.replace("STEP", SAM),
    "clipped to the signs": SIGNS,
    "one layer's gradient, clipped": CLIPPED,
    "Nesterov's momentum, gradient beside velocity": LOOKING_AHEAD,
    "Nadam": NADAM,
    "a rate by the size of each layer": LAYERWISE_RATES,
    "norms that may not grow": IN_BOUNDS,
    "adaptive rates of gradients that are nothing": ODD,
    "clipped critic": CRITIC,
    "minimax game": MINIMAX,
    "self-organising map": PROTOTYPES,
    "adaptive rates of rows": ROWS,
    "sharpness-aware steps from copies": SHARPNESS,
    "steps of several terms, and running means": RUNNING,
    "blocks made anew from their inputs": CHECKPOINTS,
    "weights by their largest singular value": SPECTRAL,
}

# (what, program, what of it, is replaced by what, what the blamed line contains)
WRONG = [
    ("sign under a clip", SIGNS, "d.sum(axis=0)", "-d.sum(axis=0)", "np.clip(db"),
    ("slope under a look-ahead", LOOKING_AHEAD, "(1 - h**2)", "(1 - h)", "(1 - h)"),
    ("slope under Nadam", NADAM, "(1 - h**2)", "(1 - h)", "(1 - h)"),
    ("slope under rates of layers", LAYERWISE_RATES, "(1 - h**2)", "(1 - h)", "(1 - h)"),
    ("slope in bounds", IN_BOUNDS, "(1 - h**2)", "(1 - h)", "(1 - h)"),
    ("slope within a critic", CRITIC, "df @ B.T * (hf > 0)", "df @ B.T", "er, ef ="),
    ("slope within a game", MINIMAX, "(1 - hf**2)", "(1 - hf)", "(1 - hf)"),
    ("slope under several terms", SEVERAL_TERMS, "(1 - h**2)", "(1 - h)", "(1 - h)"),
    ("row of another", ROWS, "g * W[i]", "g * W[j]", "g * W[j]"),
]


@pytest.mark.parametrize("text", RIGHT.values(), ids=RIGHT)
def test_a_right_way_is_left_alone(tmp_path: Path, text: str) -> None:
    assert findings(tmp_path, text) == []


@pytest.mark.parametrize(("text", "was", "wrong", "line"), [w[1:] for w in WRONG], ids=[w[0] for w in WRONG])
def test_a_mistake_in_it_is_seen(tmp_path: Path, text: str, was: str, wrong: str, line: str) -> None:
    assert text.count(was) == 1
    text = text.replace(was, wrong)
    assert line in blamed_line(text, findings(tmp_path, text)[0])


@pytest.mark.corpus
def test_samples_that_go_forwards_and_backwards_in_turn_are_left_alone(tmp_path: Path) -> None:
    assert findings(tmp_path, IN_TURN) == []
