"""Gradients that nothing applies: a training loop without steps, and programs that need none."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from training_programs import blamed_line, findings

HEAD = """\
import numpy as np

rng = np.random.default_rng(2)
W, V = rng.normal(size=(4, 6)), rng.normal(size=(6, 1))
X, y = rng.normal(size=(12, 4)), rng.normal(size=(12, 1))


def loss_and_gradients(W, V, X, y):
    h = np.tanh(X @ W)
    e = h @ V - y
    return 0.5 * np.sum(e**2), X.T @ (e @ V.T * (1 - h**2)), h.T @ e


"""
ROWS = """\
import numpy as np

rng = np.random.default_rng(3)
words, contexts = rng.normal(size=(9, 4)), rng.normal(size=(9, 4))
for turn in range(40):
    word, near = rng.integers(0, 9, 2)
    ids = np.array([near, *rng.integers(0, 9, 3)])
    label = np.array([1.0, 0, 0, 0])
    g = 1 / (1 + np.exp(-contexts[ids] @ words[word])) - label
    row = g @ contexts[ids]
    np.subtract.at(contexts, ids, 0.1 * np.outer(g, words[word]))
"""

SUMS = """\
import numpy as np

rng = np.random.default_rng(4)
weights = [rng.normal(size=(4, 3)), rng.normal(size=(1, 4))]
biases = [rng.normal(size=(4, 1)), rng.normal(size=(1, 1))]


def gradients(x, y):
    acts = [x]
    for w, b in zip(weights, biases):
        acts.append(np.tanh(w @ acts[-1] + b))
    top = (acts[2] - y) * (1 - acts[2] ** 2)
    low = weights[1].T @ top * (1 - acts[1] ** 2)
    return [low, top], [low @ x.T, top @ acts[1].T]


for turn in range(12):
    of_biases, of_weights = [np.zeros(b.shape) for b in biases], [np.zeros(w.shape) for w in weights]
    for x in rng.normal(size=(3, 3, 1)):
        db, dw = gradients(x, x[:1] * x[1:2])
        of_biases = [s + d for s, d in zip(of_biases, db)]
        of_weights = [s + d for s, d in zip(of_weights, dw)]
    biases = [b - 0.1 * s for b, s in zip(biases, of_biases)]
"""
STEPS = """\
for turn in range(12):
    loss, gW, gV = loss_and_gradients(W, V, X, y)
    for array, gradient in ((W, gW), (V, gV)):
        array -= 0.01
    print(loss)
"""

# Each of the programs below learns, but for what the rows leave out.
NET = (
    HEAD.replace("return 0.5 * np.sum(e**2)", "return e, 0.5 * np.sum(e**2)")
    + """\
for turn in range(12):
    e, loss, gW, gV = loss_and_gradients(W, V, X, y)
    print(loss)
"""
)
MEMORIES = """\
import numpy as np

rng = np.random.default_rng(6)


class Descent:
    def __init__(self, net, eta, beta):
        self.net, self.eta, self.beta = net, eta, beta
        self.v = [np.zeros(w.shape) for w in net]

    def step(self, slopes):
        for k, v in enumerate(self.v):
            self.v[k] = self.beta * v
            self.net[k] = self.net[k] - self.eta * self.v[k]


net = [rng.normal(size=(3, 5)), rng.normal(size=(5, 1))]
x = rng.normal(size=(20, 3))
y = np.sin(x[:, :1])
descent = Descent(net, 0.1, 0.8)
for turn in range(12):
    h = np.tanh(x @ net[0])
    d = (h @ net[1] - y) / 20
    descent.step([x.T @ (d @ net[1].T * (1 - h**2)), h.T @ d])
"""
NUMBERS = """\
import numpy as np

rng = np.random.default_rng(6)
net = [rng.normal(size=(3, 5)), rng.normal(size=(5, 1))]
v = [0] * 2
x = rng.normal(size=(20, 3))
y = np.sin(x[:, :1])
for turn in range(12):
    h = np.tanh(x @ net[0])
    d = (h @ net[1] - y) / 20
    g = [x.T @ (d @ net[1].T * (1 - h**2)), h.T @ d]
    for k in range(2):
        net[k] = net[k] + v[k]
"""
SQUARES = """\
import numpy as np

rng = np.random.default_rng(8)
w, c = rng.normal(size=3), np.zeros(1)
x = rng.normal(size=(30, 3))
y = (x[:, 0] > x[:, 1]) * 1.0
total = np.zeros(3)
for turn in range(12):
    p = 1 / (1 + np.exp(-(x @ w + c)))
    gw = x.T @ (p - y) / 30
    total += gw**2
    print(-np.mean(y * np.log(p) + (1 - y) * np.log(1 - p)))
"""
HEADS = """\
import numpy as np

rng = np.random.default_rng(5)
x = rng.normal(size=(6, 4, 3))
want = rng.normal(size=(6, 4, 3))
K, V = (rng.normal(size=(3, 3)) for _ in range(2))
for turn in range(8):
    keys, vals = np.einsum("bti,ij->btj", x, K), np.einsum("bti,ij->btj", x, V)
    out = np.tanh(keys) * vals
    d = (out - want) / 24
    dvals, dkeys = d * np.tanh(keys), d * vals * (1 - np.tanh(keys) ** 2)
    dx = np.einsum("btj,ij->bti", dkeys, K) + np.einsum("btj,ij->bti", dvals, V)
    dK, dV = np.einsum("bti,btj->ij", x, dkeys), np.einsum("bti,btj->ij", x, dvals)
    K -= 0.1 * dK
"""
TOGETHER = """\
import numpy as np

rng = np.random.default_rng(9)
nets = {name: rng.normal(size=size) for name, size in (("one", (3, 5)), ("two", (5, 1)))}
x = rng.normal(size=(20, 3))
y = np.sin(x[:, :1])
for turn in range(12):
    h = np.tanh(x @ nets["one"])
    d = (h @ nets["two"] - y) / 20
    nets["one"] -= 0.1 * x.T @ (d @ nets["two"].T * (1 - h**2))
"""
# A teacher is drawn as its pupil is, and stays what it is.
TEACHER = """\
import numpy as np

rng = np.random.default_rng(9)


def drawn():
    return [rng.normal(size=(3, 5)), rng.normal(size=(5, 1))]


teacher, pupil = drawn(), drawn()
x = rng.normal(size=(20, 3))
y = np.tanh(x @ teacher[0]) @ teacher[1]
for turn in range(12):
    h, y = np.tanh(x @ pupil[0]), np.tanh(x @ teacher[0]) @ teacher[1]
    d = (h @ pupil[1] - y) / 20
    pupil[0], pupil[1] = pupil[0] - 0.1 * x.T @ (d @ pupil[1].T * (1 - h**2)), pupil[1] - 0.1 * h.T @ d
"""
UNGRADED = """\
import numpy as np

rng = np.random.default_rng(6)
w = rng.normal(size=(4, 3)) * 0.1
x = rng.normal(size=(30, 4))
t = np.eye(3)[rng.integers(0, 3, 30)]


def cost(w):
    e = np.exp(x @ w)
    return -np.sum(t * np.log(e / e.sum(axis=1, keepdims=True))) / 30


for turn in range(12):
    w = w - 0.1
    print(cost(w))
"""

BIASES = """\
import numpy as np

rng = np.random.default_rng(11)


class Layer:
    def __init__(self, n, m):
        self.w, self.b = rng.normal(size=(m, n)), np.zeros(m)

    def forward(self, x):
        self.x, self.y = x, np.tanh(self.w @ x + self.b)
        return self.y

    def backward(self, slope):
        slope = slope * (1 - self.y**2)
        self.b -= 0.1 * slope
        return self.w.T @ slope


layers = [Layer(2, 4), Layer(4, 1)]
for turn in range(12):
    for x in rng.normal(size=(4, 2)):
        out = x
        for layer in layers:
            out = layer.forward(out)
        slope = out - np.sin(x[:1])
        for layer in layers[::-1]:
            slope = layer.backward(slope)
"""

# The gradients of what it is given are made on the way, and nobody takes them.
THROUGH_TIME = """\
import numpy as np

rng = np.random.default_rng(12)
seen, start = rng.normal(size=(5, 7, 2)), np.zeros((7, 3))
net = {"U": rng.normal(size=(2, 3)), "R": rng.normal(size=(3, 3)), "O": rng.normal(size=(3, 1))}


def slopes(net, start):
    states = [start]
    for x in seen:
        states.append(np.tanh(x @ net["U"] + states[-1] @ net["R"]))
    d = (states[-1] @ net["O"] - seen[0, :, :1]) / 7
    total, dseen, dh = {"O": states[-1].T @ d}, np.zeros_like(seen), d @ net["O"].T
    for t in reversed(range(5)):
        dz = dh * (1 - states[t + 1] ** 2)
        dseen[t], dh = dz @ net["U"].T, dz @ net["R"].T
        for name, part in (("U", seen[t].T @ dz), ("R", states[t].T @ dz)):
            total[name] = total[name] + part if name in total else part
    return dseen, dh, total


for turn in range(12):
    _, _, total = slopes(net, start)
    for name in net:
        pass
"""

#     id, program, the arrays named
LOST = [
    ("a dictionary of gradients through time", THROUGH_TIME, ("net['U']", "net['R']", "net['O']")),
    ("all weights, of layers whose biases learn", BIASES, ("self.w",)),
    ("one of two in a dictionary", TOGETHER, ("nets['two']",)),
    ("squares that are added up for nobody", SQUARES, ("w",)),
    ("a first layer beside one that learns", NET + "    V -= 0.02 * gV\n", ("W",)),
    ("a last layer beside one that learns", NET + "    W -= 0.02 * gW\n", ("V",)),
    ("one of two that were drawn together", HEADS, ("V",)),
    ("velocities that no gradient enters", MEMORIES, ("net[0]", "net[1]")),
    ("velocities that are plain numbers", NUMBERS, ("net[0]", "net[1]")),
    (
        "gradients that are handed to a function, which passes",
        (
            HEAD.replace("return 0.5 * np.sum(e**2), ", "return ")
            + "def descend(arrays, gradients):\n    for a, g in zip(arrays, gradients):\n        pass\n\n\n"
            + "for turn in range(9):\n    descend([W, V], loss_and_gradients(W, V, X, y))\n"
        ),
        ("W", "V"),
    ),
    (
        "two results of a function",
        HEAD + "for turn in range(9):\n    loss, gW, gV = loss_and_gradients(W, V, X, y)\n    print(loss)\n",
        ("W", "V"),
    ),
    ("rows of a table beside one that learns", ROWS, ("words",)),
    ("sums over a batch, of weights whose biases learn", SUMS, ("weights[0]", "weights[1]")),
]

#     id, program
RIGHT = [
    (
        "gradients of which a loop applies those that it wants",
        (
            "params = {'W': W, 'V': V}\n"
            "for turn in range(9):\n"
            "    grads = {}\n"
            "    loss, grads['W'], grads['V'] = loss_and_gradients(params['W'], params['V'], X, y)\n"
            "    for name in params:\n"
            "        if name != 'W':\n"
            "            params[name] -= 0.02 * grads[name]\n"
        ),
    ),
    (
        "the gradient of the samples",
        (
            "for turn in range(9):\n"
            "    h = np.tanh(X @ W)\n"
            "    e = h @ V - y\n"
            "    low = e @ V.T * (1 - h**2)\n"
            "    gX = low @ W.T\n"
            "    W -= 0.02 * X.T @ low\n"
            "    V -= 0.02 * h.T @ e\n"
        ),
    ),
    (
        "a gradient that is printed",
        "for turn in range(9):\n    _, gW, gV = loss_and_gradients(W, V, X, y)\n    print(gW, gV)\n",
    ),
    (
        "gradients that nobody takes",
        "for turn in range(9):\n    print(loss_and_gradients(W, V, X[turn:], y[turn:])[0])\n",
    ),
    ("a test alone", "for turn in range(9):\n    loss, _, _ = loss_and_gradients(W, V, X, y)\n    print(loss)\n"),
    (
        "gradients that are handed to a function, which takes the loss",
        (
            "def first(results):\n    return results[0]\n\n\n"
            "for turn in range(9):\n    print(first(loss_and_gradients(W, V, X[turn:], y[turn:])))\n"
        ),
    ),
    (
        "gradients that are timed",
        (
            "import time\n\nbegin = time.perf_counter()\nfor turn in range(9):\n"
            "    results = loss_and_gradients(W, V, X, y)\nspent = time.perf_counter() - begin\n"
        ),
    ),
    (
        "a few sizes",
        "for n in (3, 6, 9):\n    loss, gW, gV = loss_and_gradients(W, V, X[:n], y[:n])\n    print(n, loss)\n",
    ),
    (
        "an array that a number moves beside those that learn",
        STEPS.partition("    for")[0] + "    W -= 0.02 * gW\n    V -= 0.02 * gV\n    X -= 0.01\n",
    ),
    (
        "slopes that are tried",
        (
            "for i in range(4):\n"
            "    for j in range(6):\n"
            "        W[i, j] += 1e-5\n"
            "        up, gW, gV = loss_and_gradients(W, V, X, y)\n"
            "        W[i, j] -= 1e-5\n"
            "        down, gW, gV = loss_and_gradients(W, V, X, y)\n"
            "        print((up - down) / 1e-5)\n"
        ),
    ),
]


#     id, program, the line to blame, the arrays named
BY_NUMBERS = [
    ("where no gradient is computed", UNGRADED, "    w = w - 0.1", ("w",)),
    ("one step for all", HEAD + STEPS, "        array -= 0.01", ("W", "V")),
    (
        "one of them, by a number that the loss makes",
        HEAD + STEPS.partition("    for")[0] + "    W = W - loss / 1000\n    V = V - 0.02 * gV\n",
        "    W = W - loss / 1000",
        ("W",),
    ),
]


@pytest.mark.parametrize(("text", "line", "names"), [r[1:] for r in BY_NUMBERS], ids=[r[0] for r in BY_NUMBERS])
def test_steps_by_a_number_alone(tmp_path: Path, text: str, line: str, names: tuple[str, ...]) -> None:
    found = findings(tmp_path, text)
    assert [(f.code, f.parameters) for f in found] == [("SC309", names)]
    assert blamed_line(text, found[0]) == line


@pytest.mark.parametrize(("text", "names"), [row[1:] for row in LOST], ids=[row[0] for row in LOST])
def test_gradients_that_nothing_applies(tmp_path: Path, text: str, names: tuple[str, ...]) -> None:
    assert [(f.code, f.parameters) for f in findings(tmp_path, text)] == [("SC406", names)]


def test_a_teacher_stays_what_it_is(tmp_path: Path) -> None:
    assert findings(tmp_path, TEACHER) == []


@pytest.mark.parametrize("rest", [row[1] for row in RIGHT], ids=[row[0] for row in RIGHT])
def test_gradients_that_have_their_use(tmp_path: Path, rest: str) -> None:
    assert findings(tmp_path, HEAD + rest) == []
