"""A single layer, of whose gradient no loss says that it is right: what speaks for a loss is how far it is followed."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from training_programs import Edits, edited_text, findings, repaired

NEURON = """\
import numpy as np

rng = np.random.default_rng(3)
rows = rng.normal(size=(14, 3))
goal = (rows[:, :1] > 0) * 0.8 + 0.1
w = rng.normal(size=(3, 1))


def squash(z):
    return 1 / (1 + np.exp(-z))


def steepness(a):
    return a * (1 - a)


kept = []
for turn in range(30):
    out = squash(rows @ w)
    miss = goal - out
    kept.append(np.mean(miss ** 2))
    w += 0.2 * rows.T @ (miss * steepness(out))
print(out[:3].ravel())
"""


@pytest.mark.parametrize(
    ("edits", "line"),
    [
        ([("return a * (1 - a)", "return 1 - a ** 2")], 14),
        ([("0.2 * rows.T @ (miss", "0.2 * miss.T @ (miss")], 22),
    ],
    ids=["slope of another activation", "no input"],
)
def test_the_line_is_mended(edits: Edits, line: int, tmp_path: Path) -> None:
    found = findings(tmp_path, edited_text(NEURON, edits), trials=True)
    assert found[0].fixes[0].confidence == "verified"
    assert found[0].fixes[0].edits[0].line == line


@pytest.mark.parametrize(
    "edits",
    [
        [],
        # An error that counts the less the larger it is: a loss that the program does not show.
        [("squash(rows @ w)\n", "rows @ w\n"), ("(miss * steepness(out))", "(miss / (1 + miss ** 2))")],
        [("squash(rows @ w)\n", "rows @ w\n"), ("(miss * steepness(out))", "(miss * (goal > 0.5))")],
        # Newton's step is made from the gradient.
        [
            ("squash(rows @ w)\n", "rows @ w\n"),
            ("0.2 * rows.T @ (miss * steepness(out))", "np.linalg.inv(rows.T @ rows) @ (rows.T @ miss)"),
        ],
    ],
    ids=["right", "robust", "weighted", "newton"],
)
def test_other_steps_are_left_alone(edits: Edits, tmp_path: Path) -> None:
    assert findings(tmp_path, edited_text(NEURON, edits)) == []


# All gates in one matrix, one function for several of them, and arrays that are given another shape where they are.
GATES = """\
import numpy as np

rng = np.random.default_rng(12)
n = 3
W = rng.normal(size=(3 * n, 2 + n)) * 0.7
texts = [rng.normal(size=(4, 2)), rng.normal(size=(3, 2))]
goals = [rng.normal(size=(4, n)) * 0.4, rng.normal(size=(3, n)) * 0.4]


def gate(z):
    return 1 / (1 + np.exp(-z))


def run(text):
    cells, kept = [np.zeros(n)], []
    for x in text:
        both = np.concatenate((x, cells[-1]))
        z = W.dot(both)
        f, i, g = gate(z[:n]), gate(z[n:2 * n]), np.tanh(z[2 * n:])
        cells.append(f * cells[-1] + i * g)
        kept.append((both, f, i, g))
    return cells, kept


for turn in range(40):
    total = 0.0
    for text, goal in zip(texts, goals):
        cells, kept = run(text)
        dW, dc = np.zeros_like(W), np.zeros(n)
        for t in range(len(text) - 1, -1, -1):
            both, f, i, g = kept[t]
            total += 0.5 * np.sum((cells[t + 1] - goal[t]) ** 2)
            dc = dc + cells[t + 1] - goal[t]
            df = dc * cells[t]
            dz = np.concatenate((df * f * (1 - f), dc * g * i * (1 - i), dc * i * (1 - g ** 2)))
            carried = W.T.dot(dz)[2:]
            dz.shape = (len(dz), 1)
            dW += dz.dot(both.reshape(1, -1))
            dc = dc * f + carried
        W = W - 0.2 * dW
    if turn % 10 == 0:
        print(total)
"""


def test_gates_that_one_function_makes_are_told_apart(tmp_path: Path) -> None:
    assert findings(tmp_path, GATES) == []
    found = findings(tmp_path, GATES.replace("df = dc * cells[t]", "df = dc * cells[t + 1]"), trials=True)
    assert found[0].fixes[0].confidence == "verified"
    assert found[0].fixes[0].edits[0].line == 34


# An integer is no one's first version: the bias is known from its first step on, and the weights with it.
FROM_NOUGHT = """\
import numpy as np

np.random.seed(7)
X = np.random.randn(40, 3)
y = (X @ [1.0, -2.0, 0.5] + 0.3 > 0).astype(int)
w, b = np.random.randn(3) * 0.1, 0
for epoch in range(4):
    for start in range(0, 40, 10):
        xb, yb = X[start : start + 10], y[start : start + 10]
        p = 1 / (1 + np.exp(-(xb @ w + b)))
        error = p - yb
        dw, db = xb.T @ error / 10, np.sum(error) / 10
        w -= 0.1 * dw
        b -= 0.1 * db
print(w, b)
"""


def test_a_bias_may_begin_as_an_integer(tmp_path: Path) -> None:
    assert findings(tmp_path, FROM_NOUGHT) == []
    (found,) = findings(tmp_path, FROM_NOUGHT.replace("xb.T @ error", "xb.T @ p"), trials=True)
    assert found.code == "SC305"
    assert repaired(FROM_NOUGHT.replace("xb.T @ error", "xb.T @ p"), found.fixes[0]) == FROM_NOUGHT
