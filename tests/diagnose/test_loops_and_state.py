"""Loops that leave something out, sums that keep the last, caches and moments that are spoiled; right twins are not."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from training_programs import Edits, blamed_line, findings, repaired

LAYERS = """\
import numpy as np

rng = np.random.default_rng(0)
X = rng.normal(size=(30, 3))
Y = np.tanh(X[:, :1] * X[:, 1:2])
sizes = [3, 5, 4, 1]
weights = [rng.normal(size=(a, b)) * 0.5 for a, b in zip(sizes, sizes[1:])]


def gradients():
    acts = [X]
    for w in weights:
        acts.append(np.tanh(acts[-1] @ w))
    grads = [np.zeros_like(w) for w in weights]
    d = (acts[-1] - Y) * (1 - acts[-1] ** 2)
    for i in range(len(weights) - 1, -1, -1):
        grads[i] = acts[i].T @ d
        d = d @ weights[i].T * (1 - acts[i] ** 2)
    return grads


for turn in range(12):
    for w, g in zip(weights, gradients()):
        w -= 0.01 * g
"""
SAMPLES = """\
import numpy as np

rng = np.random.default_rng(1)
X = rng.normal(size=(8, 3))
T = X[:, 0] - X[:, 1]
W, V = rng.normal(size=(4, 3)), rng.normal(size=(1, 4))
for turn in range(12):
    sums = {"W": np.zeros_like(W), "V": np.zeros_like(V)}
    for x, t in zip(X, T):
        h = np.tanh(W @ x)
        e = V @ h - t
        sums["V"] += np.outer(e, h)
        sums["W"] += np.outer(V.T @ e * (1 - h**2), x)
    W -= 0.01 * sums["W"]
    V -= 0.01 * sums["V"]
"""
CACHES = """\
import numpy as np

rng = np.random.default_rng(2)
data, other = rng.normal(size=(12, 3)), rng.normal(size=(12, 3))
t = data[:, :2] * data[:, 1:]


class Net:
    def __init__(self):
        self.W, self.V = rng.normal(size=(3, 5)), rng.normal(size=(5, 2))

    def forward(self, x):
        self.x = x
        self.h = np.tanh(x @ self.W)
        return self.h @ self.V

    def backward(self, d):
        self.gV = self.h.T @ d
        self.gW = self.x.T @ (d @ self.V.T * (1 - self.h**2))


net = Net()
for turn in range(12):
    size = np.mean(net.forward(other) ** 2)
    out = net.forward(data)
    loss = np.mean((out - t) ** 2)
    net.backward(2 * (out - t) / t.size)
    net.W -= 0.1 * net.gW
    net.V -= 0.1 * net.gV
"""
ADAM = """\
import numpy as np

rng = np.random.default_rng(3)
X = rng.normal(size=(20, 4))
t = X[:, :1] - X[:, 1:2] ** 2
W, V = rng.normal(size=(4, 6)), rng.normal(size=(6, 1))
means, squares = [np.zeros_like(W), np.zeros_like(V)], [np.zeros_like(W), np.zeros_like(V)]
for turn in range(1, 13):
    h = np.tanh(X @ W)
    e = (h @ V - t) / len(X)
    grads = [X.T @ (e @ V.T * (1 - h**2)), h.T @ e]
    for i, (p, g) in enumerate(zip([W, V], grads)):
        means[i] = 0.9 * means[i] + 0.1 * g
        squares[i] = 0.99 * squares[i] + 0.01 * g**2
        m = means[i] / (1 - 0.9**turn)
        s = squares[i] / (1 - 0.99**turn)
        p -= 0.01 * m / (np.sqrt(s) + 1e-8)
"""
ROWS = """\
import numpy as np

rng = np.random.default_rng(4)
table, V, t = rng.normal(size=(6, 5)), rng.normal(size=(5, 1)), rng.normal(size=(6, 1))
for turn in range(12):
    ids = np.array([1, 4, 1, turn % 6])
    rows = table[ids]
    e = rows @ V - t[ids]
    g = e @ V.T
    V -= 0.01 * rows.T @ e
    np.subtract.at(table, ids, 0.01 * g)
"""
PAIRS = """\
import numpy as np

rng = np.random.default_rng(6)
words, near = rng.normal(size=(5, 3)), rng.normal(size=(5, 3))
for turn in range(12):
    middle, around = rng.integers(0, 5, 4), rng.integers(0, 5, (4, 2))
    v, u = words[middle], near[around]
    p = 1 / (1 + np.exp(-(u @ v[:, :, None])[:, :, 0]))
    g = p - [1, 0]
    print(-np.sum(np.log(np.abs(p - [0, 1]))))
    np.subtract.at(near, around, 0.1 * g[:, :, None] * v[:, None])
    np.add.at(words, middle, -0.1 * np.sum(g[:, :, None] * u, axis=1))
"""
BAGS = """\
import numpy as np

rng = np.random.default_rng(7)
vectors, V = rng.normal(size=(7, 4)), rng.normal(size=(4, 3))
bags = [([0, 2, 5], 1), ([1, 3, 6], 0), ([4, 0, 1], 2), ([2, 6, 2], 1), ([5, 3, 3], 0)]
for turn in range(4):
    for bag, label in bags:
        h = np.mean(vectors[bag], axis=0)
        p = np.exp(h @ V) / np.sum(np.exp(h @ V))
        print(-np.log(p[label]))
        p[label] -= 1
        g = V @ p / len(bag)
        V -= 0.1 * np.outer(h, p)
        np.subtract.at(vectors, bag, 0.1 * g)
"""
FACTORS = """\
import numpy as np

rng = np.random.default_rng(7)
marks = [(rng.integers(6), rng.integers(5), rng.normal()) for _ in range(20)]
people, things = rng.normal(size=(6, 4)), rng.normal(size=(5, 4))
for turn in range(3):
    for who, what, mark in marks:
        miss = mark - people[who] @ things[what]
        was = people[who].copy()
        people[who] += 0.05 * (miss * things[what] - 0.1 * was)
        things[what] += 0.05 * (miss * was - 0.1 * things[what])
    print(np.mean([(m - people[i] @ things[j]) ** 2 for i, j, m in marks]))
"""
PENALTY = """\
import numpy as np

rng = np.random.default_rng(5)
X = rng.normal(size=(20, 4))
t = X[:, :1] - X[:, 1:2]
W, b = rng.normal(size=(4, 1)), np.zeros((1, 1))
for turn in range(12):
    e = (X @ W + b - t) / len(X)
    dW = X.T @ e + 0.1 * W
    W -= 0.1 * dW
    b -= 0.1 * e.sum(axis=0, keepdims=True)
"""
PROGRAMS = {
    "layers": LAYERS,
    "samples": SAMPLES,
    "caches": CACHES,
    "adam": ADAM,
    "rows": ROWS,
    "pairs": PAIRS,
    "bags": BAGS,
    "factors": FACTORS,
    "penalty": PENALTY,
}

#     id, program, edits, what the line to blame holds, code, what the repaired program holds (if that is asked for)
MISTAKES: list[tuple[str, str, Edits, str, str, str]] = [
    (
        "a loop that ends a layer early",
        "layers",
        [("len(weights) - 1, -1, -1", "len(weights) - 1, 0, -1")],
        "for i in range",
        "SC406",
        "range(len(weights) - 1, -1, -1)",
    ),
    (
        "a return within the loop",
        "layers",
        [("    return grads", "        return grads")],
        "return grads",
        "SC406",
        "\n    return grads",
    ),
    ("a sum that is set", "samples", [('["V"] +=', '["V"] =')], 'sums["V"] =', "SC406", ""),
    (
        "a sum that begins anew for each sample",
        "samples",
        [
            ('    sums = {"W": np.zeros_like(W), "V": np.zeros_like(V)}\n', ""),
            ("(X, T):\n", '(X, T):\n        sums = {"W": np.zeros_like(W), "V": np.zeros_like(V)}\n'),
        ],
        "sums = {",
        "SC406",
        "\n    sums = {",
    ),
    (
        "another forward pass before the backward pass",
        "caches",
        [
            ("    size = np.mean(net.forward(other) ** 2)\n", ""),
            ("- t) ** 2)\n", "- t) ** 2)\n    size = np.mean(net.forward(other) ** 2)\n"),
        ],
        "net.forward(other)",
        "SC404",
        "size = np.mean(net.forward(other) ** 2)\n    out",
    ),
    (
        "a moment that is kept corrected",
        "adam",
        [("m = means[i] /", "m = means[i] = means[i] /")],
        "m = means[i]",
        "SC410",
        "        m = means[i] / (1",
    ),
    (
        "one list for two moments",
        "adam",
        [(", squares = [np.zeros_like(W), np.zeros_like(V)],", " = squares =")],
        "squares[i] = 0.99",
        "SC410",
        "",
    ),
    (
        "a moment that is not kept",
        "adam",
        [("squares[i] = 0.99 *", "s = 0.99 *"), ("s = squares[i] /", "s = s /")],
        "s = 0.99 * squares[i]",
        "SC406",
        "s = squares[i] = 0.99",
    ),
    (
        "rows that come twice",
        "rows",
        [("np.subtract.at(table, ids, 0.01 * g)", "table[ids] -= 0.01 * g")],
        "table[ids] -=",
        "SC406",
        "np.subtract.at(table, ids, 0.01 * g)",
    ),
    (
        "rows that come twice in two arrays",
        "pairs",
        [
            ("np.subtract.at(near, around, 0.1 * ", "near[around] -= (0.1 * "),
            ("np.add.at(words, middle, ", "words[middle] += ("),
        ],
        "near[around] -=",
        "SC406",
        "np.add.at(words, middle, ",
    ),
    (
        "rows that come twice later on",
        "bags",
        [("np.subtract.at(vectors, bag, 0.1 * g)", "vectors[bag] -= 0.1 * g")],
        "vectors[bag] -=",
        "SC406",
        "np.subtract.at(vectors, bag, 0.1 * g)",
    ),
    (
        "a row that has moved already",
        "factors",
        [
            ("        was = people[who].copy()\n", ""),
            ("0.1 * was", "0.1 * people[who]"),
            ("miss * was", "miss * people[who]"),
        ],
        "people[who] +=",
        "SC401",
        "= people[who].copy()",
    ),
    (
        "a penalty added to a row",
        "factors",
        [("- 0.1 * things[what]", "+ 0.1 * things[what]")],
        "things[what] +=",
        "SC303",
        "- 0.1 * things[what]",
    ),
    ("a penalty taken off", "penalty", [("+ 0.1 * W", "- 0.1 * W")], "dW =", "SC303", "+ 0.1 * W"),
    ("sizes of the weights", "penalty", [("* W\n", "* abs(W)\n")], "dW =", "SC303", "+ 0.1 * np.sign(W)"),
    ("squares of the weights", "penalty", [("* W\n", "* W**2\n")], "dW =", "SC303", "+ 0.1 * 2 * W"),
]


def edited(program: str, edits: Edits) -> str:
    """A program with texts replaced, each of which occurs exactly once."""
    text = PROGRAMS[program]
    for old, new in edits:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return text


@pytest.mark.parametrize(
    ("program", "edits", "line", "code", "mended"), [m[1:] for m in MISTAKES], ids=[m[0] for m in MISTAKES]
)
def test_the_mistake_is_named_and_mended(
    tmp_path: Path, program: str, edits: Edits, line: str, code: str, mended: str
) -> None:
    text = edited(program, edits)
    found = findings(tmp_path, text, trials=bool(mended))
    assert [f.code for f in found] == [code]
    assert line in blamed_line(text, found[0])
    if not mended:
        return
    assert found[0].fixes
    assert found[0].fixes[0].confidence == "verified"
    assert mended in repaired(text, found[0].fixes[0])


@pytest.mark.parametrize("program", PROGRAMS)
def test_the_right_twin_is_left_alone(tmp_path: Path, program: str) -> None:
    assert findings(tmp_path, PROGRAMS[program]) == []


# Dropout on top of a sigmoid, in place.
DROPPED = """\
import numpy as np

rng = np.random.default_rng(6)
X = rng.normal(size=(24, 3))
y = (X[:, :1] > X[:, 1:2]).astype(float)


class Net:
    def __init__(self):
        self.U, self.V = rng.normal(size=(3, 5)), rng.normal(size=(5, 1))

    def curve(self, s):
        return 1 / (1 + np.exp(-s))

    def forward(self):
        self.s = X @ self.U
        self.a = self.curve(self.s)
        self.mask = rng.random(self.a.shape) < 0.8
        self.a *= self.mask
        self.a /= 0.8
        self.out = self.curve(self.a @ self.V)

    def backward(self):
        d = (self.out - y) / len(X)
        back = d @ self.V.T * self.mask / 0.8
        back = back * self.a * (1 - self.a)
        self.V -= 0.5 * self.a.T @ d
        self.U -= 0.5 * X.T @ back


net = Net()
for turn in range(30):
    net.forward()
    net.backward()
print(np.mean((net.out > 0.5) == y))
"""


def test_a_slope_of_what_was_changed_since_is_computed_anew(tmp_path: Path) -> None:
    (found,) = findings(tmp_path, DROPPED, trials=True)
    assert found.code == "SC404"
    assert found.fixes[0].confidence == "verified"
    mended = repaired(DROPPED, found.fixes[0])
    assert "back * self.curve(self.s) * (1 - self.curve(self.s))" in mended
    assert findings(tmp_path, mended) == []


# States that are kept without the zeros before the first.
STATES = """\
import numpy as np

rng = np.random.default_rng(9)
xs, goals = rng.normal(size=(5, 2)), rng.normal(size=(5, 1))
A, B, C = rng.normal(size=(3, 2)) * 0.5, rng.normal(size=(3, 3)) * 0.5, rng.normal(size=(1, 3)) * 0.5
for turn in range(40):
    s, states = np.zeros(3), []
    for x in xs:
        s = np.tanh(A @ x + B @ s)
        states.append(s)
    dA, dB, dC, back = np.zeros_like(A), np.zeros_like(B), np.zeros_like(C), np.zeros(3)
    for t in reversed(range(5)):
        miss = C @ states[t] - goals[t]
        dC += np.outer(miss, states[t])
        dz = (C.T @ miss + back) * (1 - states[t] ** 2)
        dA += np.outer(dz, xs[t])
        if t > 0:
            dB += np.outer(dz, states[t - 1])
        back = B.T @ dz
    A -= 0.05 * dA
    B -= 0.05 * dB
    C -= 0.05 * dC
print(miss)
"""
GUARDED = "        if t > 0:\n            dB += np.outer(dz, states[t - 1])\n"


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("        dB += np.outer(dz, states[t - 1])\n", GUARDED),
        (
            "        before = states[t - 1]\n        dB += np.outer(dz, before)\n",
            "before = (states[t - 1] if t > 0 else 0 * states[t - 1])",
        ),
    ],
    ids=["in the sum", "under another name"],
)
def test_the_last_state_is_not_the_one_before_the_first(tmp_path: Path, wrong: str, right: str) -> None:
    assert findings(tmp_path, STATES) == []
    text = STATES.replace(GUARDED, wrong)
    found = findings(tmp_path, text, trials=True)
    assert "states[t - 1]" in blamed_line(text, found[0]) or "before" in blamed_line(text, found[0])
    assert found[0].fixes[0].confidence == "verified"
    assert right in repaired(text, found[0].fixes[0])
