"""Adjoints of every intermediate, held against differences of the replayed program."""

from __future__ import annotations

import numpy as np
import pytest

from shapecheck.gradients.adjoints import Belief, adjoints, numeric_adjoint
from shapecheck.gradients.rules import LocalDerivative

HEAD = """
import math
import numpy as np
rng = np.random.default_rng(3)
"""

#    id, program; the last value bound to `loss` is differentiated
PROGRAMS = [
    (
        "two layers, in-place bias, mean",
        """
X, Y = rng.normal(size=(7, 4)), rng.normal(size=(7, 3))
W1, b1, W2 = rng.normal(size=(4, 5)), np.zeros(5), rng.normal(size=(5, 3))
Z = X @ W1
Z += b1
A = np.tanh(Z)
loss = np.mean((A.dot(W2) - Y) ** 2)
""",
    ),
    (
        "user-written activations",
        """
def sigmoid(z): return 1.0 / (1.0 + np.exp(-z))
def swish(z): return z * sigmoid(z)
def leaky(z): return np.where(z > 0, z, 0.1 * z)
def elu(z): return np.where(z < 0, np.exp(np.minimum(z, 0)) - 1, z)
W = rng.normal(size=(4, 4)); x = rng.normal(size=(4, 6))
h = leaky(W @ swish(W @ elu(W @ x)))
loss = 0.5 * np.sum(h ** 2) / 6
""",
    ),
    (
        "layer classes with state",
        """
class Dense:
    def __init__(self, n, m): self.W = rng.normal(size=(n, m)); self.b = np.zeros((1, m))
    def forward(self, x):
        self.x = x
        return np.dot(x, self.W) + self.b
class Relu:
    def forward(self, x):
        self.mask = x > 0
        return x * self.mask
net = [Dense(3, 6), Relu(), Dense(6, 2)]
out = rng.normal(size=(5, 3))
for layer in net: out = layer.forward(out)
e = np.exp(out - out.max(axis=1, keepdims=True))
p = e / e.sum(axis=1, keepdims=True)
y = np.array([0, 1, 1, 0, 1])
loss = -np.log(p[np.arange(5), y]).mean()
""",
    ),
    (
        "recurrent loop over a dictionary of states",
        """
Wx, Wh, b = rng.normal(size=(4, 3)), 0.5 * rng.normal(size=(4, 4)), np.zeros((4, 1))
xs = rng.normal(size=(6, 3))
hs = {-1: np.zeros((4, 1))}
loss = 0.0
for t in range(6):
    hs[t] = np.tanh(Wx @ xs[t].reshape(-1, 1) + Wh @ hs[t - 1] + b)
    loss += float(np.sum(hs[t] ** 2)) / (t + 1)
""",
    ),
    (
        "fancy indexing with repeats, add.at, item assignment",
        """
E = rng.normal(size=(9, 4)); ids = np.array([1, 1, 3, 8, 3])
ctx = E[ids]
bag = np.zeros((3, 4)); np.add.at(bag, [0, 0, 1, 2, 2], ctx)
bag[1] = bag[1] * 2; bag[:, 2] -= bag[:, 0]; bag[0, [1, 1]] += 1.5 * bag[2, 0]
loss = np.sum(np.sin(bag))
""",
    ),
    (
        "einsum, concatenation, stacking, splitting",
        """
A, B = rng.normal(size=(2, 3, 4)), rng.normal(size=(2, 4, 5))
S = np.einsum('bij,bjk->bik', A, B)
joined = np.concatenate([S, A], axis=2)
stacked = np.vstack([joined[0], np.hstack([joined[1]])])
wide = np.stack([stacked, stacked ** 2])
loss = np.sum(np.tensordot(wide, np.ones((6, 2)), axes=([1], [0])) ** 3) / 1000
""",
    ),
    (
        "boolean masks and dropout",
        """
W = rng.normal(size=(5, 5)); x = rng.normal(size=(8, 5))
h = x @ W
h[h < 0] *= 0.2
keep = rng.random(h.shape) < 0.7
h = h * keep / 0.7
loss = np.abs(h[keep]).sum()
""",
    ),
    (
        "max pooling over windows, with ties",
        """
x = rng.normal(size=(2, 4, 4)); x[:, :2, :2] = 1.0
K = rng.normal(size=(4, 3))
a = np.maximum(x.reshape(2, 2, 2, 2, 2).transpose(0, 1, 3, 2, 4).reshape(8, 4) @ K, 0).reshape(2, 2, 2, 3)
pooled = np.zeros((2, 1, 1, 3))
for i in range(2):
    for c in range(3):
        pooled[i, 0, 0, c] = np.max(a[i, :, :, c])
loss = np.sum(pooled ** 2)
""",
    ),
    (
        "builtin sum over lists and generators, dict accumulation",
        """
params = {'w%d' % i: rng.normal(size=3) for i in range(3)}
parts = [np.sum(p ** 2) for p in params.values()]
acc = {}
for k, p in params.items():
    acc['n'] = acc.get('n', 0) + np.dot(p, p[::-1])
loss = sum(parts) + sum(float(p[0]) * 2 for p in params.values()) + acc['n'] + max(parts)
""",
    ),
    (
        "a net of Python floats",
        """
def sig(x): return 1 / (1 + math.exp(-x))
w1, w2, b = 0.3, -0.8, 0.1
loss = 0.0
for x, t in [(0.5, 1.0), (-1.5, 0.0), (0.25, 1.0)]:
    out = sig(w2 * math.tanh(w1 * x + b) + b)
    loss += (out - t) ** 2
""",
    ),
    (
        "batch normalisation by hand, out= and augmented items",
        """
x = rng.normal(size=(9, 4)); gamma = 1 + 0.1 * rng.normal(size=4); beta = np.zeros(4)
xc = x - x.mean(axis=0)
inv = 1 / np.sqrt(x.var(axis=0) + 1e-5)
y = gamma * (xc * inv) + beta
np.multiply(y, 2.0, out=y)
np.exp(y, out=y)
y[0] /= 3.0
loss = np.log(y.sum(axis=1)).mean() + np.std(y)
""",
    ),
    (
        "views of one parameter vector, changed through a view",
        """
theta = rng.normal(size=14)
W = theta[:8].reshape(4, 2); b = theta[8:10]
b *= 0.5
hidden = np.tanh(rng.normal(size=(5, 4)) @ W + b)
loss = np.linalg.norm(hidden) + 0.1 * np.dot(theta, theta)
""",
    ),
    (
        "float32 throughout",
        """
x = rng.normal(size=(6, 3)).astype(np.float32); W = rng.normal(size=(3, 2)).astype(np.float32)
h = np.zeros((6, 2), dtype=np.float32)
for i in range(6):
    h[i] = x[i] @ W
loss = np.sum(np.square(h))
""",
    ),
    (
        "matrices",
        """
X = np.matrix(rng.normal(size=(6, 3))); w = np.matrix(rng.normal(size=(3, 1)))
z = X * w
loss = float(np.multiply(z, z).sum()) + (z.T * z)[0, 0]
""",
    ),
    (
        "functions without a rule in autograd",
        """
from scipy.special import expit, xlogy
from numpy.lib.stride_tricks import sliding_window_view
img = rng.normal(size=(6, 6)); k = rng.normal(size=(3, 3))
out = np.tensordot(sliding_window_view(img, (3, 3)), k)
p = expit(out)
loss = -np.sum(xlogy(0.3, p)) + np.sum(np.cbrt(1 + p)) + np.convolve(k[0], img[0]).sum()
""",
    ),
    (
        "windows by strides, of single precision too",
        """
from numpy.lib.stride_tricks import as_strided
sig = rng.normal(size=(4, 9)); img = rng.normal(size=(5, 5)).astype(np.float32); k = rng.normal(size=(3, 2))
rows = as_strided(sig, shape=(4, 7, 3), strides=(sig.strides[0], sig.strides[1], sig.strides[1]))
a, b = img.strides
tiles = as_strided(img, (2, 2, 2, 2), (2 * a, 2 * b, a, b), writeable=False)
loss = np.sum((rows @ k) ** 2) + float(np.sum(tiles ** 3))
""",
    ),
    (
        "padding, repeat, tile, flips, diagonal, triangles",
        """
x = rng.normal(size=(4, 4))
y = np.pad(x, 1) + np.pad(x, ((1, 1), (1, 1)), mode='edge')
z = np.tril(y[1:-1, 1:-1]) + np.flip(np.rot90(x)) + np.diag(np.diag(x))
u = np.repeat(z, 2, axis=0) * np.tile(z, (2, 1)) + np.roll(np.repeat(z, 2, axis=0), 1)
loss = np.sum(u.swapaxes(0, 1).ravel() ** 2) + np.cumsum(x)[5] + np.prod(x[0])
""",
    ),
]


@pytest.mark.filterwarnings("ignore:the matrix subclass")
@pytest.mark.parametrize("text", [p[1] for p in PROGRAMS], ids=[p[0] for p in PROGRAMS])
def test_adjoint_of_every_value_is_the_numeric_one(run, text):
    program = run(HEAD + text)
    replay = program.replay
    loss = program.named("loss")
    found = adjoints(replay, loss)
    assert not found.doubtful
    assert set(found.beliefs.values()) <= {Belief.CONFIRMED, Belief.CONFIRMED_NEARBY}
    rng = np.random.default_rng(0)
    checked = 0
    for value in found.of:
        size = np.size(replay.recorded[value])
        if not 1 <= size <= 20 and rng.random() > 0.2:
            continue
        numeric = numeric_adjoint(replay, loss, value)
        scale = np.abs(numeric).max(initial=0.0) + 1e-3
        gaps = [np.abs(variant - numeric).max(initial=0.0) for variant in found.variants(value)]
        if not found.tied:
            assert min(gaps) <= 2e-5 * scale, program.tape.site_of(value)
        checked += 1
    assert checked >= 3


def test_at_a_tie_every_convention_is_kept(run):
    program = run(
        HEAD
        + "x = np.array([2.0, 5.0, 5.0])\nz = np.array([0.0, -1.0, 0.0])\n"
        + "loss = np.max(x) + np.sum(np.maximum(z, 0.0)) + 0.0\n"
    )
    found = adjoints(program.replay, program.named("loss"))
    x, z = program.named("x"), program.named("z")
    assert [v.tolist() for v in found.variants(x)] == [[0, 0.5, 0.5], [0, 1, 0], [0, 0, 1]]
    assert [v.tolist() for v in found.variants(z)] == [[0.5, 0, 0.5], [1, 0, 1], [0, 0, 0]]
    assert found.beliefs[x] in {Belief.CONFIRMED, Belief.CONFIRMED_NEARBY}


def test_a_wrong_rule_is_not_believed(run, monkeypatch):
    program = run(HEAD + "x = rng.normal(size=5)\nW = rng.normal(size=(5, 5))\nloss = np.sum(np.tanh(W @ x) ** 2)\n")
    right = LocalDerivative.contributions

    def wrong(self, operation, *arguments):
        factor = 1.01 if operation.function == "numpy.tanh" else 1.0
        return [(number, factor * part) for number, part in right(self, operation, *arguments)]

    monkeypatch.setattr(LocalDerivative, "contributions", wrong)
    replay, loss, x = program.replay, program.named("loss"), program.named("x")
    found = adjoints(replay, loss)
    assert found.beliefs[x] is Belief.REPLACED
    np.testing.assert_allclose(found[x], numeric_adjoint(replay, loss, x), rtol=1e-6)


def test_a_cut_is_reported_not_hidden(run):
    program = run(HEAD + "x = rng.normal(size=5)\ny = np.vectorize(lambda v: v * v)(x)\nloss = np.sum(y) + x[0]\n")
    found = adjoints(program.replay, program.named("loss"))
    assert program.named("x") in found.doubtful


def test_a_shuffle_is_a_cut(run):
    program = run(HEAD + "x = rng.normal(size=5)\nw = 2.0 * x\nrng.shuffle(w)\nloss = np.dot(w, w)\n")
    found = adjoints(program.replay, program.named("loss"))
    assert program.named("x") in found.doubtful


def test_cotangents_stand_in_for_a_loss(run):
    program = run(HEAD + "x = rng.normal(size=(4, 3))\nW = rng.normal(size=(3, 2))\nout = x @ W\nt = out + 0.0\n")
    replay = program.replay
    g = np.arange(8.0).reshape(4, 2)
    found = adjoints(replay, {program.named("out"): g})
    np.testing.assert_allclose(found[program.named("W")], replay.recorded[program.named("x")].T @ g)


def test_a_loss_that_is_no_number_is_refused(run):
    program = run(HEAD + "x = rng.normal(size=(4, 3))\n")
    with pytest.raises(ValueError, match="shape"):
        adjoints(program.replay, program.named("x"))
