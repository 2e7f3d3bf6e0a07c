"""Programs that run with a wrong gradient: the search finds the line that was there, and proves it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from shapecheck.diagnose.finding import Finding
from shapecheck.pipeline import Request, diagnose_script
from shapecheck.repair.candidate import Place, apply_edits
from shapecheck.repair.rewritings import rewritings
from shapecheck.repair.surroundings import Surroundings
from shapecheck.trace.failure import see
from shapecheck.trace.process import run_program
from shapecheck.trace.run import Program

NETWORK = """\
import numpy as np

rng = np.random.default_rng(5)
X = rng.normal(size=(30, 4))
T = np.sin(X[:, :2])
W = [rng.normal(size=(5, 6)) * 0.4, rng.normal(size=(7, 3)) * 0.4, rng.normal(size=(4, 2)) * 0.4]


def with_ones(a):
    return np.concatenate((np.ones((len(a), 1)), a), axis=1)


for step in range(6):
    ins = [with_ones(X)]
    for w in W[:-1]:
        ins.append(with_ones(np.tanh(ins[-1] @ w)))
    out = ins[-1] @ W[-1]
    d = (out - T) / len(X)
    for i in (2, 1, 0):
        g = ins[i].T @ d
        d = (d @ W[i][1:].T) * (1 - ins[i][:, 1:] ** 2)
        W[i] -= 0.1 * g
    print(0.5 * np.sum((out - T) ** 2) / len(X))
"""
DELTA = "        d = (d @ W[i][1:].T) * (1 - ins[i][:, 1:] ** 2)\n"
LAYERS = """\
import numpy as np

rng = np.random.default_rng(6)
X = rng.normal(size=(40, 3))
T = X[:, :1] * X[:, 1:2]
A, a = rng.normal(size=(3, 8)) * 0.5, np.zeros(8)
B, b = rng.normal(size=(8, 5)) * 0.5, np.zeros(5)
C, c = rng.normal(size=(5, 1)) * 0.5, np.zeros(1)
n = len(X)
for step in range(6):
    z = X @ A + a
    h = np.maximum(0, z)
    k = np.tanh(h @ B + b)
    e = k @ C + c - T
    gC = k.T @ e / n
    gc = e.sum(axis=0) / n
    dk = e @ C.T * (1 - k ** 2)
    gB = h.T @ dk / n
    gb = dk.sum(axis=0) / n
    d = dk @ B.T
    d[z <= 0] = 0
    gA = X.T @ d / n
    ga = d.sum(axis=0) / n
    for p, g in ((A, gA), (a, ga), (B, gB), (b, gb), (C, gC), (c, gc)):
        p -= 0.005 * g
    print(0.5 * np.mean(e**2))
"""
NORMALISED = """\
import numpy as np

rng = np.random.default_rng(8)
X = rng.normal(size=(24, 4))
T = np.sin(X[:, :1])


class Normalisation:
    def __init__(self, size):
        self.gamma, self.beta = np.ones(size), np.zeros(size)

    def forward(self, x):
        self.centred = x - x.mean(axis=0)
        self.width = np.sqrt(np.mean(self.centred ** 2, axis=0) + 1e-6)
        self.normal = self.centred / self.width
        return self.gamma * self.normal + self.beta

    def backward(self, d):
        self.dgamma, self.dbeta = (d * self.normal).sum(axis=0), d.sum(axis=0)
        d = d * self.gamma
        return (d - d.mean(axis=0) - self.normal * (d * self.normal).mean(axis=0)) / self.width


A, a, B = rng.normal(size=(4, 6)), np.zeros(6), rng.normal(size=(6, 1)) * 0.4
norm = Normalisation(6)
for step in range(6):
    h = np.tanh(norm.forward(X @ A + a))
    e = (h @ B - T) / len(X)
    dz = norm.backward(e @ B.T * (1 - h ** 2))
    B -= 0.2 * h.T @ e
    A -= 0.2 * X.T @ dz
    a -= 0.2 * dz.sum(axis=0)
    norm.gamma -= 0.2 * norm.dgamma
    norm.beta -= 0.2 * norm.dbeta
    print(0.5 * np.sum((h @ B - T) ** 2) / len(X))
"""
POOLED = """\
import numpy as np

rng = np.random.default_rng(9)
X = rng.normal(size=(5, 9))
T = rng.normal(size=(5, 1))
K, V = rng.normal(size=9), rng.normal(size=(4, 1))
for step in range(6):
    z = X * K
    at = np.array([[2 * j + np.argmax(row[2 * j : 2 * j + 3]) for j in range(4)] for row in z])
    pooled = np.take_along_axis(z, at, axis=1)
    e = (pooled @ V - T) / len(X)
    d = e @ V.T
    back = np.zeros_like(z)
    for i in range(5):
        for j in range(4):
            window = z[i, 2 * j : 2 * j + 3]
            back[i, 2 * j + window.argmax()] += d[i, j]
    V -= 0.05 * pooled.T @ e
    K -= 0.05 * np.sum(back * X, axis=0)
    print(0.5 * np.sum((pooled @ V - T) ** 2) / len(X))
"""
PENALISED = """\
import numpy as np

rng = np.random.default_rng(11)
X = np.c_[np.ones(40), rng.normal(size=(40, 3))]
T = np.sin(X[:, 1:2]) > 0.2
U, V = rng.normal(size=(4, 5)) * 0.5, rng.normal(size=(6, 1)) * 0.5
keep = 0.03
for step in range(6):
    inner = np.tanh(X @ U)
    h = np.c_[np.ones(40), inner]
    out = 1 / (1 + np.exp(-h @ V))
    cost = -np.mean(T * np.log(out) + (1 - T) * np.log(1 - out))
    cost += keep / 2 * (np.sum(U[1:] ** 2) + np.sum(V[1:] ** 2))
    d = (out - T) / len(X)
    gV = h.T @ d
    back = d @ V[1:].T * (1 - inner ** 2)
    gU = X.T @ back
    gU[1:] += keep * U[1:]
    gV[1:] += keep * V[1:]
    U -= 0.5 * gU
    V -= 0.5 * gV
    print(cost)
"""
THROUGH_TIME = """\
import numpy as np

rng = np.random.default_rng(12)
X, T = rng.normal(size=(5, 3, 1)), rng.normal(size=(5, 2, 1))
W, U, V = rng.normal(size=(6, 3)) * 0.5, rng.normal(size=(6, 6)) * 0.5, rng.normal(size=(2, 6)) * 0.5


def through_time(given, hs):
    dW, dU, after = np.zeros_like(W), np.zeros_like(U), np.zeros((6, 1))
    for t in reversed(range(len(given))):
        d = (given[t] + after) * (1 - hs[t] ** 2)
        dW += d @ X[t].T
        dU += d @ hs[t - 1].T
        after = U.T @ d
    return dW, dU


for step in range(6):
    hs, given, dV, loss = {-1: np.zeros((6, 1))}, [], np.zeros_like(V), 0.0
    for t in range(len(X)):
        hs[t] = np.tanh(W @ X[t] + U @ hs[t - 1])
        e = V @ hs[t] - T[t]
        loss += 0.5 * np.sum(e ** 2)
        dV += e @ hs[t].T
        given.append(V.T @ e)
    dW, dU = through_time(given, hs)
    W -= 0.05 * dW
    U -= 0.05 * dU
    V -= 0.05 * dV
    print(loss)
"""
MIXED = """\
import numpy as np

rng = np.random.default_rng(14)
A, T = np.c_[rng.normal(size=(30, 1)), np.ones(30)], rng.normal(size=30)
E, G = rng.normal(size=(2, 3)) * 0.5, rng.normal(size=(2, 3)) * 0.5
for step in range(6):
    out = A @ E
    g = np.exp(A @ G)
    g /= g.sum(axis=1, keepdims=True)
    d = ((g * out).sum(axis=1) - T) / 30
    dg = d[:, None] * out
    dG = A.T @ (g * (dg - (dg * g).sum(axis=1, keepdims=True)))
    dE = np.zeros_like(E)
    for k in range(3):
        dE[:, k] = A.T @ (d * g[:, k])
    E -= 0.1 * dE
    G -= 0.1 * dG
    print(0.5 * np.mean(((g * out).sum(axis=1) - T) ** 2))
"""
# The first step says nothing of E, for V is zero.
BAGS = """\
import numpy as np

rng = np.random.default_rng(15)
bags, T = rng.integers(0, 6, size=(12, 4)), rng.normal(size=(12, 1))
E, V = rng.normal(size=(6, 3)), np.zeros((3, 1))
for step in range(6):
    bag = E[bags].mean(axis=1)
    e = (bag @ V - T) / 12
    dE = np.zeros_like(E)
    np.add.at(dE, bags, (e @ V.T / 4)[:, None])
    dV = bag.T @ e
    E -= 0.5 * dE
    V -= 0.5 * dV
    print(6 * np.sum(e ** 2))
"""
# What two uses of a state hand back is added up, and is a seventh of the derivative.
GATED = """\
import numpy as np

rng = np.random.default_rng(16)
X, T = rng.normal(size=(4, 7, 2)), rng.normal(size=(7, 1))
W, U, V = rng.normal(size=(2, 6)) * 0.5, rng.normal(size=(3, 6)) * 0.5, rng.normal(size=(3, 1))
for step in range(6):
    h, c, kept = np.zeros((7, 3)), np.zeros((7, 3)), []
    for x in X:
        z = x @ W + h @ U
        f, g = 1 / (1 + np.exp(-z[:, :3])), np.tanh(z[:, 3:])
        kept.append((x, h, c, f, g))
        c = f * c + (1 - f) * g
        h = np.tanh(c)
    e = h @ V - T
    dW, dU, dV = np.zeros_like(W), np.zeros_like(U), h.T @ e / 7
    dh, after, now = e @ V.T / 7, np.zeros_like(c), c
    for x, before, c, f, g in reversed(kept):
        dc = after + dh * (1 - np.tanh(now) ** 2)
        dz = np.hstack([dc * (c - g) * f * (1 - f), dc * (1 - f) * (1 - g ** 2)])
        dW += x.T @ dz
        dU += before.T @ dz
        dh, now = dz @ U.T, c
        after = dc * f
    W -= 0.1 * dW
    U -= 0.1 * dU
    V -= 0.1 * dV
    print(np.abs(e).max())
"""
# A likelihood is climbed, and its widths are worked out in another function.
LIKELIHOOD = """\
import numpy as np

rng = np.random.default_rng(17)
x = rng.normal((3, -1, 0), (2, 1, 4), (30, 3))
middle, log_width, slant = np.zeros(3), np.full(3, 0.7), np.zeros(3)


def likelihood(middle, log_width, slant):
    width = np.exp(log_width)
    z = (x - middle - slant * x[::-1] ** 2) / width
    return np.mean(-0.5 * z**2 - log_width), z


for step in range(6):
    value, z = likelihood(middle, log_width, slant)
    g_middle = z.sum(axis=0) / np.exp(log_width) / z.size
    g_width = (z**2 - 1).sum(axis=0) / z.size
    g_slant = (z * x[::-1] ** 2 / np.exp(log_width)).sum(axis=0) / z.size
    middle += 0.03 * g_middle
    log_width += 0.03 * g_width
    slant += 0.03 * g_slant
    print(value)
"""
# What a layer hands back comes from the layers in it, and is not all.
AROUND = """\
import numpy as np

rng = np.random.default_rng(18)


class Dense:
    def __init__(self, n, m):
        self.w = rng.normal(size=(n, m)) / np.sqrt(n)

    def there(self, x):
        self.x = x
        return x @ self.w

    def back(self, d):
        self.dw = self.x.T @ d
        return d @ self.w.T


class Bent:
    def __init__(self, n, m):
        self.inner = Dense(n, m)

    def there(self, x):
        self.y = np.tanh(self.inner.there(x))
        return self.y

    def back(self, d):
        return self.inner.back(d * (1 - self.y ** 2))


class Around:
    def __init__(self, *layers):
        self.layers = layers

    def there(self, x):
        y = x
        for layer in self.layers:
            y = layer.there(y)
        return x + y

    def back(self, dy):
        dx = dy
        for layer in reversed(self.layers):
            dx = layer.back(dx)
        return dy + dx


class Beside:
    def __init__(self, inner):
        self.inner = inner

    def there(self, x):
        return x + self.inner.there(x)

    def back(self, dy):
        return dy + self.inner.back(dy)


X = rng.normal(size=(20, 3))
T = np.sin(X[:, :1])
first, a, b, c = Dense(3, 4), Bent(4, 4), Dense(4, 4), Bent(4, 4)
layers = [first, Around(a, b), Beside(c)]
for step in range(6):
    x = X
    for layer in layers:
        x = layer.there(x)
    e = x.sum(axis=1, keepdims=True) - T
    print(0.5 * np.mean(e ** 2))
    d = np.repeat(e / len(X), 4, axis=1)
    for layer in reversed(layers):
        d = layer.back(d)
    for layer in (first, a.inner, b, c.inner):
        layer.w -= 0.1 * layer.dw
"""
# A derivative of widths is made from outputs alone, and stepped by what an optimizer keeps.
MIXTURE = """\
import numpy as np

rng = np.random.default_rng(19)
x = rng.uniform(-1, 1, (40, 1))
t = np.where(rng.random((40, 1)) < 0.5, x, -x) + 0.1 * rng.normal(size=(40, 1))
net = {"M": rng.normal(size=(1, 3)), "m": rng.normal(size=3), "S": 0.3 * rng.normal(size=(1, 3)), "s": np.zeros(3)}
kept = {k: (np.zeros_like(p), np.zeros_like(p)) for k, p in net.items()}
for step in range(1, 15):
    middle, width = x @ net["M"] + net["m"], np.exp(x @ net["S"] + net["s"])
    each = np.exp(-0.5 * ((t - middle) / width) ** 2) / width
    total = each.sum(axis=1, keepdims=True)
    loss = -np.mean(np.log(total))
    share = each / total
    d_middle = share * (middle - t) / width**2 / len(x)
    d_width = share * (1 - ((t - middle) / width) ** 2) / len(x)
    g = {"M": x.T @ d_middle, "m": d_middle.sum(axis=0), "S": x.T @ d_width, "s": d_width.sum(axis=0)}
    for k, p in net.items():
        mean, square = kept[k]
        mean[...] = 0.9 * mean + 0.1 * g[k]
        square[...] = 0.99 * square + 0.01 * g[k] ** 2
        p -= 0.01 * (mean / (1 - 0.9**step)) / (np.sqrt(square / (1 - 0.99**step)) + 1e-8)
    print(loss)
"""
#     id, program, what is right, what is written instead
# An optimizer that remembers squares; a loss with corners on both sides of the target, of which the print comes later.
CORNERS = """\
import numpy as np

rng = np.random.default_rng(9)
X = rng.normal(size=(40, 3))
T = 3 * X[:, :1] - 2 * X[:, 1:2]
A, B = rng.normal(size=(3, 6)) * 0.5, rng.normal(size=(6, 1)) * 0.5
squares = [np.zeros_like(A), np.zeros_like(B)]
far = 0.4


def cost(e):
    return np.where(abs(e) < far, 0.5 * e**2, far * abs(e) - 0.5 * far**2).sum() / len(e)


for turn in range(12):
    H = np.tanh(X @ A)
    e = H @ B - T
    d = np.where(abs(e) < far, e, far * np.sign(e)) / len(e)
    grads = [X.T @ (d @ B.T * (1 - H**2)), H.T @ d]
    for p, g, s in zip((A, B), grads, squares):
        s += g**2
        p -= 0.05 * g / (np.sqrt(s) + 1e-8)
    total = cost(e)
print(total)
"""
MARGINS = """\
import numpy as np

rng = np.random.default_rng(10)
X, labels = rng.normal(size=(30, 4)), rng.integers(0, 5, 30)
V, W = rng.normal(size=(4, 7)), rng.normal(size=(7, 5)) * 0.2
each = np.arange(30)
for turn in range(6):
    H = np.maximum(X @ V, 0)
    S = H @ W
    over = np.maximum(S - S[each, labels][:, None] + 1, 0)
    over[each, labels] = 0
    loss = over.sum() / 30
    g = np.where(over > 0, 1.0, 0.0)
    g[each, labels] = -g.sum(axis=1)
    gW = H.T @ g / 30
    gV = X.T @ (g @ W.T * (H > 0)) / 30
    W -= 0.1 * gW
    V -= 0.1 * gV
print(loss)
"""
STEPPED = """\
import numpy as np

rng = np.random.default_rng(21)
X, y = rng.normal(size=(24, 3)), rng.normal(size=24)
V, W, c = rng.normal(size=(3, 5)) * 0.6, rng.normal(size=5) * 0.5, 0.0
n, rate = len(X), 0.1
for turn in range(12):
    H = np.tanh(X @ V)
    e = H @ W + c - y
    gW, gc = H.T @ e / n, e.mean()
    V -= rate * X.T @ (np.outer(e, W) * (1 - H**2)) / n
    W -= rate * gW
    c -= rate * gc
    print(np.mean(e**2) / 2)
"""
KERNEL = """\
import numpy as np

rng = np.random.RandomState(2)
x, t = rng.randn(8, 1, 7), rng.randn(8, 4)
K, V = rng.randn(4, 3) * 0.5, rng.randn(20, 4) * 0.2
for turn in range(5):
    z = np.zeros((8, 4, 5))
    for k in range(3):
        z += x[:, :, k:k + 5] * K[None, :, k, None]
    a = np.tanh(z)
    e = (a.reshape(8, -1) @ V - t) / 8
    dz = (e @ V.T).reshape(a.shape) * (1 - a ** 2)
    dK = np.zeros_like(K)
    for k in range(3):
        dK[:, k] = np.sum(x[:, :, k:k + 5] * dz, axis=(0, 2))
    V -= 0.1 * a.reshape(8, -1).T @ e
    K -= 0.1 * dK
    print(np.sum(e ** 2))
"""
LEAKY = """\
import numpy as np

rng = np.random.default_rng(2)
X, T = rng.normal(size=(20, 4)), rng.normal(size=(20, 2))
A, B, C = rng.normal(size=(4, 6)), rng.normal(size=(6, 5)), rng.normal(size=(5, 2))
off, leak = 0.3, 0.1
for turn in range(5):
    Z = X @ A
    H = np.where(Z > 0, Z, leak * Z)
    H /= 1 - off
    Y = H @ B
    E = (np.where(Y > 0, Y, leak * Y) @ C - T) / 20
    dY = E @ C.T
    dY[Y <= 0] *= leak
    dH = dY @ B.T / (1 - off)
    dZ = np.where(Z > 0, dH, leak * dH)
    C -= 0.1 * np.where(Y > 0, Y, leak * Y).T @ E
    B -= 0.1 * H.T @ dY
    A -= 0.1 * X.T @ dZ
    print(np.sum(E ** 2))
"""
IN_TIME = """\
import numpy as np

rng = np.random.default_rng(4)
A, B, C = rng.normal(size=(3, 4)), rng.normal(size=(4, 4)) * 0.5, rng.normal(size=(4, 2))
for turn in range(4):
    X, T = rng.normal(size=(8, 5, 3)), rng.normal(size=(8, 5, 2))
    keep, states = rng.uniform(0.2, 0.9, (8, 5, 4)), np.zeros((8, 6, 4))
    for t in range(5):
        states[:, t + 1] = np.tanh(X[:, t] @ A + (keep[:, t] * states[:, t]) @ B)
    Z = states[:, 1:] @ C
    rows, length, _ = Z.shape
    n = rows * length
    s = np.sqrt(Z.var((0, 1)) + 1e-5)
    N = (Z - Z.mean((0, 1))) / s
    dN = (N * T > -0.5) * 0.1 + N * T
    print(np.sum(0.1 * N * (N * T > -0.5) + 0.5 * N ** 2 * T))
    dZ = (n * dN - dN.sum((0, 1)) - N * (dN * N).sum((0, 1))) / (n * s)
    dA, dB, dC = np.zeros_like(A), np.zeros_like(B), np.zeros_like(C)
    later = np.zeros((8, 4))
    for t in reversed(range(5)):
        dC += states[:, t + 1].T @ dZ[:, t]
        d = (dZ[:, t] @ C.T + later) * (1 - states[:, t + 1] ** 2)
        dA += X[:, t].T @ d
        dB += (keep[:, t] * states[:, t]).T @ d
        later = (d @ B.T) * keep[:, t]
    A -= 0.01 * dA
    B -= 0.01 * dB
    C -= 0.01 * dC
"""
MASKED = """\
import numpy as np

rng = np.random.default_rng(12)


class Linear:
    def __init__(self, a, b):
        self.w, self.c = rng.normal(size=(a, b)) * 0.5, np.zeros(b)

    def forward(self, x):
        self.x = x
        return x @ self.w + self.c

    def backward(self, g):
        self.dw, self.dc = self.x.T @ g, g.sum(axis=0)
        return (g @ self.w.T).reshape(self.x.shape)


class Bend:
    def forward(self, x):
        self.y = np.tanh(x)
        return self.y

    def backward(self, g):
        return g * (1 - self.y ** 2)


class Thin:
    def __init__(self, keep):
        self.keep = keep

    def forward(self, x):
        self.kept = rng.random(x.shape) < self.keep
        return x * self.kept

    def backward(self, g):
        return g * self.kept


x, t = rng.normal(size=(12, 4)), np.eye(3)[rng.integers(0, 3, 12)]
parts = [Linear(4, 8), Bend(), Thin(0.7), Linear(8, 3)]
for turn in range(5):
    y = x
    for part in parts:
        y = part.forward(y)
    p = np.exp(y - y.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    print(-np.sum(t * np.log(p + 1e-7)) / len(x))
    g = (p - t) / len(x)
    for part in reversed(parts):
        g = part.backward(g)
    for part in parts:
        if isinstance(part, Linear):
            part.w -= 0.1 * part.dw
            part.c -= 0.1 * part.dc
"""
RATINGS = """\
import numpy as np

rng = np.random.default_rng(14)
ratings = rng.normal(size=(12, 11)) + 2
seen = rng.random((12, 11)) < 0.7
P, Q = rng.random((12, 3)), rng.random((3, 11))
for sweep in range(5):
    gP, gQ, total = np.zeros((12, 3)), np.zeros((11, 3)), 0.0
    for u, i in zip(*np.nonzero(seen)):
        miss = P[u] @ Q[:, i] - ratings[u, i]
        total += 0.5 * miss ** 2
        gP[u] += miss * Q[:, i]
        gQ[i] += miss * P[u]
    P -= 0.02 * gP
    Q -= 0.02 * gQ.T
    print(total)
"""
# The targets are a row of numbers that only the accuracy speaks of, and what the network gives is a column.
SCORED = """\
import numpy as np

rng = np.random.default_rng(15)
X = rng.normal(size=(50, 4))
label = (X[:, 0] > X[:, 1] * X[:, 2]).astype(float)
A, a, B, b = rng.normal(size=(4, 9)) * 0.5, np.zeros(9), rng.normal(size=(9, 1)) * 0.5, np.zeros(1)


def accuracy(p):
    return np.mean((p[:, 0] > 0.5) == label)


for turn in range(8):
    h = np.tanh(X @ A + a)
    mask = (rng.random(h.shape) < 0.8) / 0.8
    p = 1 / (1 + np.exp(-(h * mask @ B + b)))
    error = (p - label[:, None]) / len(X)
    dh = (error @ B.T) * mask * (1 - h**2)
    A, a = A - 0.5 * X.T @ dh, a - 0.5 * dh.sum(axis=0)
    B, b = B - 0.5 * (h * mask).T @ error, b - 0.5 * error.sum(axis=0)
    print(accuracy(p))
"""
SLOPED = (
    SCORED.replace("label[:, None]) / len(X)", "label[:, None]) * p * (1 - p)")
    .replace("0.5 *", "0.1 *")
    .replace("accuracy(p))", "np.sum((p[:, 0] - label) ** 2))")
)
MEASURED = SLOPED.replace(
    "print(np.sum((p[:, 0] - label) ** 2))", "far = np.abs(p[:, 0] - label).mean()\n    print(far)"
)
SPARSE = """\
import numpy as np

rng = np.random.default_rng(16)
X = rng.normal(size=(40, 6))
y = X[:, :1] - 2 * X[:, 3:4]


def size(w):
    return 0.03 * np.abs(w).sum()


def slope(w):
    return 0.03 * np.sign(w)


W = rng.normal(size=(6, 1))
for turn in range(6):
    e = X @ W - y
    print(0.5 * np.mean(e**2) + size(W))
    g = X.T @ e / len(X) + slope(W)
    W = W - 0.1 * g
"""
STOPPED = """\
import numpy as np

rng = np.random.default_rng(17)
X, T = rng.normal(size=(9, 4, 5)), rng.normal(size=(9, 2, 3))
K, V = rng.normal(size=(5, 6)) * 0.5, rng.normal(size=(3, 3))
for turn in range(6):
    z = np.tanh(X @ K)
    means = z.reshape(9, 2, 2, 3, 2).mean(axis=(2, 4))
    e = (means @ V - T) / 9
    print(np.sum((means @ V - T) ** 2) / 18)
    d = e @ V.T
    dz, top = np.zeros(z.shape), 0
    for i in range(5):
        left = 0
        for j in range(6):
            dz[:, top:top + 2, left:left + 2] += d[:, i:i + 1, j:j + 1] / 4
            left += 2
            if left >= z.shape[2]:
                break
        top += 2
        if top >= z.shape[1]:
            break
    V -= 0.2 * np.einsum("nij,nik->jk", means, e)
    K -= 0.2 * np.einsum("nij,nik->jk", X, dz * (1 - z**2))
"""
THINNED = MASKED.replace("* self.kept", "* self.kept / self.keep")
VARIATIONAL = """\
import numpy as np

rng = np.random.default_rng(1)
X = rng.normal(size=(30, 5)) * 0.4 + (np.arange(30)[:, None] % 2)
A, M, S, B = (rng.normal(size=s) * 0.5 for s in ((5, 7), (7, 2), (7, 2), (2, 5)))
for turn in range(8):
    h = np.tanh(X @ A)
    mu, lv = h @ M, h @ S
    eps = rng.normal(size=mu.shape)
    std = np.exp(0.5 * lv)
    z = mu + std * eps
    out = z @ B
    print((0.5 * np.sum((out - X) ** 2) - 0.5 * np.sum(1 + lv - mu**2 - np.exp(lv))) / 30)
    d = (out - X) / 30
    dz = d @ B.T
    dmu = dz + mu / 30
    dlv = 0.5 * (np.exp(lv) - 1) / 30 + 0.5 * dz * eps * std
    dh = (dmu @ M.T + dlv @ S.T) * (1 - h**2)
    B -= 0.1 * z.T @ d
    M -= 0.1 * h.T @ dmu
    S -= 0.1 * h.T @ dlv
    A -= 0.1 * X.T @ dh
"""
MISTAKES = [
    ("a path through two operations", VARIATIONAL, " / 30 + 0.5 * dz * eps * std", " / 30"),
    ("a half", VARIATIONAL, "0.5 * dz * eps * std", "dz * eps * std"),
    ("a sign beyond a corner", CORNERS, "far * np.sign(e)", "far"),
    ("a count of what is set", MARGINS, "labels] = -g.sum(axis=1)", "labels] = -1"),
    ("a slope left out, of an activation with ones", NETWORK, DELTA, "        d = d @ W[i][1:].T\n"),
    ("the last column for the first", NETWORK, ":, 1:] ** 2", ":, :-1] ** 2"),
    ("a square left out", NETWORK, "ins[i][:, 1:] ** 2", "ins[i][:, 1:]"),
    ("a factor in every layer", NETWORK, "d = (d @", "d = 2 * (d @"),
    ("a mask of the wrong array", LAYERS, "d[z <= 0] = 0", "d[d <= 0] = 0"),
    ("a mask of what is never negative", LAYERS, "d[z <= 0] = 0", "d[h < 0] = 0"),
    (
        "the mean left out twice",
        LAYERS,
        "gB = h.T @ dk / n\n    gb = dk.sum(axis=0) / n",
        "gB = h.T @ dk\n    gb = dk.sum(axis=0)",
    ),
    ("a normalisation's mean", NORMALISED, "d - d.mean(axis=0) - self", "d - self"),
    ("a normalisation's variance", NORMALISED, " - self.normal * (d * self.normal).mean(axis=0)", ""),
    ("the penalty of other rows", PENALISED, "gU[1:] += keep * U[1:]", "gU[1:] += keep * U[:-1]"),
    ("a penalty without the weights", PENALISED, "gV[1:] += keep * V[1:]", "gV[1:] += keep"),
    ("a slope, where a penalty is added", PENALISED, "(1 - inner ** 2)", "(1 - inner)"),
    ("a number for a gradient", LAYERS, "gb = dk.sum(axis=0) / n", "gb = 1 / n"),
    ("windows that overlap", POOLED, "+= d[i, j]", "= d[i, j]"),
    ("a factor of what is stored column by column", MIXED, "A.T @ (d * g[:, k])", "A.T @ d"),
    ("rows that come twice", BAGS, "np.add.at(dE, bags, (e @ V.T / 4)[:, None])", "dE[bags] += (e @ V.T / 4)[:, None]"),
    ("another gate for a share", GATED, "after = dc * f", "after = dc * g"),
    ("a width of another function", LIKELIHOOD, "z.sum(axis=0) / np.exp(log_width)", "z.sum(axis=0)"),
    ("one of two shares left out", THROUGH_TIME, "(given[t] + after) *", "given[t] *"),
    ("a factor of what is made from outputs alone", MIXTURE, "d_width = share * (1", "d_width = (1"),
    ("its own row for that of the other table", RATINGS, "gP[u] += miss * Q[:, i]", "gP[u] += miss * P[u]"),
    ("its own column, turned in the end", RATINGS, "gQ[i] += miss * P[u]", "gQ[i] += miss * Q[:, i]"),
    ("a share that stands for a mask", MASKED, "g * self.kept", "g * (1.0 - self.keep)"),
    ("a mask and the share that it keeps", THINNED, "return g * self.kept / self.keep", "return g"),
    ("targets that are a row", SCORED, "(p - label[:, None]) / len(X)", "p / len(X)"),
    ("a derivative and a mask", SCORED, "(error @ B.T) * mask * (1 - h**2)", "1 - h**2"),
    ("an error before a slope", SLOPED, "(p - label[:, None]) * p * (1 - p)", "p * (1 - p)"),
    ("a slope beside the absolute error", MEASURED, "* p * (1 - p)", "* p * (1 - np.tanh(p))"),
    ("one number for all weights", SPARSE, "0.03 * np.sign(w)", "0.03 * np.sign(w).sum()"),
    ("a loop that ends by another's counter", STOPPED, "if top >= z.shape[1]", "if left >= z.shape[1]"),
    ("a slope that is set", LEAKY, "*= leak", "= leak"),
    ("a slope where the derivative is to be scaled", LEAKY, "dH, leak * dH", "dH, leak"),
    ("what the forward pass divides by", LEAKY, "dY @ B.T / (1 - off)", "dY @ B.T"),
    ("a gate of the same turn", IN_TIME, "(d @ B.T) * keep[:, t]", "(d @ B.T)"),
    ("a count of rows alone", IN_TIME, "n = rows * length", "n = rows"),
    ("what windows are multiplied by", KERNEL, "k:k + 5] * dz", "k:k + 5]"),
    ("a count for the rate", STEPPED, "V -= rate *", "V -= n *"),
    ("how far off it is for the rate", STEPPED, "W -= rate * gW", "W -= np.abs(e).mean() * gW"),
    ("the gradient of a bias for that of a weight", STEPPED, "W -= rate * gW", "W -= rate * gc"),
    ("the way around some layers", AROUND, "return dy + dx", "return dx"),
    ("the way around what a layer calls", AROUND, "return dy + self.inner.back(dy)", "return self.inner.back(dy)"),
]


def diagnosed(folder: Path, text: str, *, trials: bool = True) -> list[Finding]:
    script = folder / "script.py"
    script.write_text(text)
    return list(diagnose_script(Request(str(script), trials=trials, script_stdout_to_stderr=True)).findings)


@pytest.mark.parametrize(("program", "right", "wrong"), [m[1:] for m in MISTAKES], ids=[m[0] for m in MISTAKES])
def test_what_was_there_is_proven(tmp_path: Path, program: str, right: str, wrong: str) -> None:
    assert program.count(right) == 1
    text = program.replace(right, wrong)
    finding = diagnosed(tmp_path, text)[0]
    assert finding.fixes[0].confidence == "verified"
    mended = apply_edits(text, finding.fixes[0].edits)
    assert not diagnosed(tmp_path, mended, trials=False)
    changed = [old for old, new in zip(text.splitlines(), mended.splitlines(), strict=True) if old != new]
    meant = [old for old, new in zip(text.splitlines(), program.splitlines(), strict=True) if old != new]
    assert changed == meant


RECURRENT = """\
import numpy as np

rng = np.random.default_rng(4)
A, B, C = rng.normal(size=(5, 2)) * 0.5, rng.normal(size=(5, 5)) * 0.4, rng.normal(size=(1, 5)) * 0.5
words = rng.normal(size=(6, 4, 2))
for word in words:
    states = [np.zeros(5)]
    for letter in word:
        states.append(np.tanh(A @ letter + B @ states[-1]))
    errors = [C @ h - word[t, 0] for t, h in enumerate(states[1:])]
    print(0.5 * sum(np.sum(e ** 2) for e in errors))
    dA, dB, dC = np.zeros_like(A), np.zeros_like(B), np.zeros_like(C)
    for t in reversed(range(4)):
        dC += np.outer(errors[t], states[t + 1])
        d = C.T @ errors[t]
        dz = d * (1 - states[t + 1] ** 2)
        dA += np.outer(dz, word[t])
        dB += np.outer(dz, states[t])
    A -= 0.05 * dA
    B -= 0.05 * dB
    C -= 0.05 * dC
"""


def test_what_time_hands_back_is_added_and_begins_at_zero(tmp_path: Path) -> None:
    finding = diagnosed(tmp_path, RECURRENT)[0]
    fix = finding.fixes[0]
    assert fix.confidence == "verified"
    assert [e.line for e in fix.edits] == [15, 13]
    mended = apply_edits(RECURRENT, fix.edits)
    first, changed = (mended.splitlines()[number] for number in (12, 15))
    assert first.startswith("    dz = np.zeros")
    assert changed.startswith("        d = C.T @ errors[t] + ")
    assert not diagnosed(tmp_path, mended, trials=False)


CLASSES = """\
import numpy as np

rng = np.random.default_rng(7)
X, y = rng.normal(size=(30, 4)), rng.integers(0, 3, 30)
A, a, B, b = rng.normal(size=(4, 6)) * 0.5, np.zeros(6), rng.normal(size=(6, 3)) * 0.5, np.zeros(3)
for step in range(6):
    h = np.tanh(X @ A + a)
    p = np.exp(h @ B + b)
    p /= p.sum(axis=1, keepdims=True)
    print(-np.mean(np.log(p[np.arange(30), y])))
    d = p.copy()
    d = d / 30
    dz = d @ B.T * (1 - h ** 2)
    B, b = B - 0.3 * h.T @ d, b - 0.3 * d.sum(axis=0)
    A, a = A - 0.3 * X.T @ dz, a - 0.3 * dz.sum(axis=0)
"""


def test_of_two_shares_of_a_derivative_the_wrong_one_is_to_blame(tmp_path: Path) -> None:
    text = THROUGH_TIME.replace("after = U.T", "after = 0.5 * U.T")
    finding = diagnosed(tmp_path, text, trials=False)[0]
    assert finding.cause.line == text[: text.index("after = 0.5")].count("\n") + 1


def test_labels_that_were_never_subtracted_are(tmp_path: Path) -> None:
    finding = diagnosed(tmp_path, CLASSES)[0]
    assert (finding.cause.line, finding.fixes[0].confidence) in {(11, "verified"), (12, "verified")}
    mended = apply_edits(CLASSES, finding.fixes[0].edits)
    assert "np.eye(" in mended
    assert not diagnosed(tmp_path, mended, trials=False)


# Expressions of a function that runs, each with one that may have been meant.
EXPRESSIONS = {
    "the sum over another axis": ("pair.sum(axis=1)", "pair.sum(axis=1) - pair.sum(axis=0)"),
    "a product of two arrays in scope": ("h - h ** 2", "(d @ V.T) * (h - h ** 2)"),
    "a term that is a product": ("h.T @ back", "h.T @ back + h.T @ d"),
    "a function of an array in scope": ("d @ V.T", "(d @ V.T) * bend(h)"),
    "the sign of what has a size": ("np.abs(x) * 0.1", "np.sign(x) * 0.1"),
    "an item with another number": ('store["b" + str(k)]', 'store["b" + str(k - 1)]'),
    "the other part": ("wide[:, 1:]", "wide[:, :-1]"),
    "the sum over some axes": ("deep.sum()", "deep.sum(axis=(0, 1))"),
    "a term that a mean adds": ("d / 9", "d / 9 - np.mean(d / 9, axis=0)"),
    "a column that spreads": ("x - wide", "x - lengths[:, None] * wide"),
    "a product of an error alone": ("d", "h.T @ d"),
    "an outer product for a number": ("0.25", "0.25 * np.outer(lengths, lengths)"),
    "one that was left out": ("1 / wide ** 2", "1 / (1 + wide ** 2)"),
    "axes in another order": ("deep.reshape(4, -1)", "deep.transpose(2, 0, 1).reshape(4, -1)"),
    "axes as they were": ("deep.transpose(1, 0, 2).reshape(2, -1)", "deep.reshape(2, -1)"),
    "terms that a mean and a variance add": (
        "wide * 3",
        "(wide - np.mean(wide, axis=0) - x * np.mean(wide * x, axis=0)) * 3",
    ),
    "the other half of a Jacobian": ("wide * x", "x * (wide - np.sum(x * wide, axis=1, keepdims=True))"),
    "an exponential's slope": ("np.where(x > 0, 1, 0.5)", "np.where(x > 0, 1, 0.5 * np.exp(np.minimum(x, 0)))"),
    "an exponential's slope, from its value": ("np.where(x < 0, 0.5, 1)", "np.where(x < 0, 0.5 + x, 1)"),
    "what was joined behind": ("x[:, :2]", "x[:, size:]"),
    "the last columns": ("x[:, :2]", "x[:, -2:]"),
    "the inner part": ("x[:7, :3]", "x[pad:-pad, pad:-pad]"),
    "the next part, in all axes": ("x[:rest, :size]", "x[pad:pad + rest, pad:pad + size]"),
    "pieces in another order": (
        "np.hstack([x, wide, h, d])",
        "np.hstack([x, d, h, wide])",
    ),
    "pieces in a wholly other order": ("np.concatenate((h, d, x))", "np.concatenate((x, h, d))"),
    "a picture turned by half a turn": ("deep[0] * 2", "deep[0, ::-1, ::-1] * 2"),
    "a batch of them": ("np.sum(deep * 2)", "np.sum(deep[:, ::-1, ::-1] * 2)"),
    "one that was turned": ("wide[::-1, ::-1] * 2", "wide * 2"),
    "a row from its end": ("lengths * 3", "lengths[::-1] * 3"),
    "the mirror image": ('np.correlate(d[:, 0], d[0], "full")', 'np.convolve(d[:, 0], d[0], "full")'),
}
SHAPES = {"x": (9, 5), "h": (9, 4), "d": (9, 2), "V": (4, 2), "back": (9, 2), "pair": (9, 9), "wide": (9, 5)}
SHAPES |= {"deep": (2, 3, 4), "lengths": (9,)}
# The shapes that are asked for where the expression has another.
WANTED = {"d": (4, 2), "0.25": (9, 9)}
FUNCTION = f"""\
import numpy as np


def bend(a):
    return 1 - a ** 2


def step({", ".join(SHAPES)}, store):
    k = 1
    pad, size, rest = 1, 3, 7
    result = EXPRESSION
    return result, k, pad, size, rest


step(*[np.ones(s) for s in {list(SHAPES.values())}], {{"b0": np.ones(3), "b1": np.ones(3)}})
"""


@pytest.mark.parametrize(("written", "meant"), EXPRESSIONS.values(), ids=EXPRESSIONS.keys())
def test_what_may_be_meant_is_thought_of(tmp_path: Path, written: str, meant: str) -> None:
    script = tmp_path / "script.py"
    text = FUNCTION.replace("EXPRESSION", written)
    script.write_text(text)
    trace = run_program(Program(str(script))).trace
    assert trace is not None
    surroundings = Surroundings(trace)
    module = surroundings.modules[str(script)]
    whole = next(n for n in module.expressions() if module.source.of(n) == written)
    local = {name: see(np.ones(shape)) for name, shape in SHAPES.items()}
    local |= {name: see(number) for name, number in {"pad": 1, "size": 3, "rest": 7}.items()}
    place = Place(surroundings, str(script), module.statement(whole), 0, local=local, names=local)
    meant_text = FUNCTION.replace("EXPRESSION", meant)
    assert meant_text in {
        apply_edits(text, candidate.edits) for candidate in rewritings(place, whole, WANTED.get(written))
    }
