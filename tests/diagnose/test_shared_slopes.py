"""One formula that gives every layer the wrong slope: no gradient is right then, and no loss is agreed with."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from training_programs import blamed_line, findings

COLUMNS = """\
import numpy as np

rng = np.random.RandomState(7)


def squash(u):
    return 1.0 / (1.0 + np.exp(-u))


def steepness(u):
    s = squash(u)
    return s * (1.0 - s)


class Stack:
    def __init__(self, widths):
        self.mats = [rng.randn(o, i) for i, o in zip(widths, widths[1:])]
        self.offs = [rng.randn(o, 1) for o in widths[1:]]

    def learn(self, x, t, rate):
        zs, outs = [], [x]
        for M, o in zip(self.mats, self.offs):
            zs.append(M @ outs[-1] + o)
            outs.append(squash(zs[-1]))
        delta = (outs[-1] - t) * steepness(zs[-1])
        for k in range(len(self.mats) - 1, -1, -1):
            gM, go = delta @ outs[k].T, delta.sum(axis=1, keepdims=True)
            if k:
                delta = (self.mats[k].T @ delta) * steepness(zs[k - 1])
            self.mats[k] = self.mats[k] - rate * gM
            self.offs[k] = self.offs[k] - rate * go


stack = Stack([3, 5, 4, 2])
X, T = rng.randn(3, 8), rng.rand(2, 8)
for _ in range(4):
    stack.learn(X, T, 0.1)
print(stack.offs[-1])
"""

ROWS = """\
import numpy as np

rng = np.random.RandomState(5)
X = rng.randn(6, 3)
T = np.sign(X[:, :1])
A, B = rng.randn(3, 4), rng.randn(4, 1)


def bend(v):
    return np.tanh(v)


def bent(v):
    return 1 - v * v


for _ in range(5):
    h = bend(X @ A)
    o = bend(h @ B)
    dB = (T - o) * bent(o)
    dA = dB @ B.T * bent(h)
    A += 0.1 * X.T @ dA
    B += 0.1 * h.T @ dB
print(o)
"""

# The loss is computed, and its derivative is multiplied with the slope of the output like all others.
# No slope goes into the last layer, and one line steps all arrays.
SMOOTH = """\
import numpy as np

rng = np.random.RandomState(9)
X = rng.randn(40, 3)
T = X[:, :1] * X[:, 1:2]
P = [0.5 * rng.randn(3, 7), np.zeros(7), 0.5 * rng.randn(7, 5), np.zeros(5), 0.5 * rng.randn(5, 1)]


def smooth(u):
    return np.log1p(np.exp(u))


def rise(u):
    return 1 / (1 + np.exp(-u))


for _ in range(6):
    A, a, B, b, C = P
    u1 = X @ A + a
    h1 = smooth(u1)
    u2 = h1 @ B + b
    h2 = smooth(u2)
    e = (h2 @ C - T) / len(X)
    d2 = e @ C.T * rise(u2)
    d1 = d2 @ B.T * rise(u1)
    for p, g in zip(P, [X.T @ d1, d1.sum(axis=0), h1.T @ d2, d2.sum(axis=0), h2.T @ e]):
        p -= 0.1 * g
"""

ENTROPY = COLUMNS.replace(
    "(outs[-1] - t) * steepness", "-(t / outs[-1] - (1 - t) / (1 - outs[-1])) * steepness"
).replace(
    "        for k in",
    "        cost = -np.sum(t * np.log(outs[-1]) + (1 - t) * np.log(1 - outs[-1]))\n        for k in",
)

#     id                         program  was                    wrong                 line           mended
WRONG = [
    ("of the weighted input", COLUMNS, "s * (1.0 - s)", "u * (1.0 - u)", "u * (1.0 - u)", True),
    ("a slope of one", COLUMNS, "s * (1.0 - s)", "(s > 0) * 1.0", "(s > 0) * 1.0", False),
    ("under a cross-entropy", ENTROPY, "s * (1.0 - s)", "1.0 - s", "1.0 - s", False),
    ("of another activation", ROWS, "1 - v * v", "v * (1 - v)", "v * (1 - v)", True),
    ("a term left out of it", SMOOTH, "1 / (1 + np.exp(-u))", "1 / np.exp(-u)", "1 / np.exp(-u)", False),
    ("the activation itself", ROWS, "return 1 - v * v", "return bend(v)", "bent(o)", False),
]


@pytest.mark.parametrize("text", [ENTROPY, ROWS, SMOOTH], ids=["columns", "rows", "smooth"])
def test_the_right_program_is_left_alone(tmp_path: Path, text: str) -> None:
    assert findings(tmp_path, text) == []


@pytest.mark.parametrize(
    ("text", "was", "wrong", "line", "mended"), [w[1:] for w in WRONG], ids=[w[0].replace(" ", "-") for w in WRONG]
)
def test_the_formula_is_named(tmp_path: Path, text: str, was: str, wrong: str, line: str, *, mended: bool) -> None:
    assert text.count(was) == 1
    text = text.replace(was, wrong)
    found = findings(tmp_path, text, trials=mended)
    assert found[0].code == "SC301"
    assert line in blamed_line(text, found[0])
    assert [f.confidence for f in found[0].fixes[:1]] == ["verified"] * mended


def test_one_wrong_argument_of_a_shared_formula_is_no_wrong_formula(tmp_path: Path) -> None:
    text = ROWS.replace("dB @ B.T * bent(h)", "dB @ B.T * bent(X @ A)")
    found = findings(tmp_path, text, trials=True)
    assert found[0].code == "SC305"
    assert "bent(X @ A)" in blamed_line(text, found[0])
    assert found[0].fixes[0].confidence == "verified"
