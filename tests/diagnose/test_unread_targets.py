"""A loss that lacks the targets, which nobody reads: all outputs go to zero."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from training_programs import Edits, blamed_line, edited_text, findings, repaired

PROGRAM = """\
import numpy as np

rng = np.random.default_rng(11)


def fit(rows, goals, turns=20):
    U, V = rng.normal(size=(3, 4)), rng.normal(size=(4, 1))
    for turn in range(turns):
        h = np.tanh(rows @ U)
        out = h @ V
        miss = out - goals
        loss = np.mean(miss ** 2)
        d = 2 * miss / len(rows)
        dU = rows.T @ (d @ V.T * (1 - h ** 2))
        V -= 0.1 * h.T @ d
        U -= 0.1 * dU
    return loss


X = rng.normal(size=(20, 3))
y = X[:, :1] * X[:, 1:2]
print(fit(X, y))
"""
LEFT_OUT = ("out - goals", "out")

RIGHT: dict[str, Edits] = {
    "as it is": [],
    "nothing given that could be one": [LEFT_OUT, ("y = X[:, :1] * X[:, 1:2]\n", ""), ("fit(X, y)", "fit(X, None)")],
    "read for something else": [LEFT_OUT, ("return loss", "return loss, np.corrcoef(out.ravel(), goals.ravel())")],
    "a plain number": [LEFT_OUT, ("y = X[:, :1] * X[:, 1:2]\n", "y = 3.0\n")],
}


@pytest.mark.parametrize("name", RIGHT)
def test_a_loss_of_outputs_alone_may_be_meant(tmp_path: Path, name: str) -> None:
    assert findings(tmp_path, edited_text(PROGRAM, RIGHT[name])) == []


@pytest.mark.parametrize("by_name", ["fit(X, y)", "fit(X, goals=y)"])
def test_targets_that_nobody_reads_are_missed(tmp_path: Path, by_name: str) -> None:
    text = edited_text(PROGRAM, [LEFT_OUT, ("fit(X, y)", by_name)])
    (found,) = findings(tmp_path, text)
    assert found.code == "SC306"
    assert "miss = out" in blamed_line(text, found)


# Inputs meet the centres long before there is an output.
CENTRES = """\
import numpy as np

rng = np.random.default_rng(2)


class Bumps:
    def __init__(self, centres):
        self.c, self.w = centres.copy(), rng.normal(size=len(centres))

    def heights(self, x):
        self.apart = x[:, None] - self.c
        self.near = np.exp(-(self.apart**2).sum(axis=2))
        return self.near @ self.w

    def step(self, x, wanted):
        error = self.heights(x) - wanted
        by_near = np.outer(error, self.w) / len(x) * self.near * 2
        self.w -= 0.2 * self.near.T @ error / len(x)
        self.c -= 0.2 * (by_near[:, :, None] * self.apart).sum(axis=0)
        return 0.5 * np.mean(error**2)


x = rng.uniform(-2, 2, (30, 2))
y = np.sin(x[:, 0]) * np.cos(x[:, 1])
bumps = Bumps(x[:6])
print([bumps.step(x, y) for _ in range(10)][-1])
"""
# All weights are zero, and so is all that they give.
ZEROS = """\
import numpy as np


def forward(X, W, b):
    return X @ W + b


rng = np.random.default_rng(3)
X = rng.normal(size=(40, 3))
target = forward(X, rng.normal(size=(3, 2)), rng.normal(size=2))
W, b = np.zeros((3, 2)), np.zeros(2)
for step in range(20):
    error = forward(X, W, b) - target
    dW, db = X.T @ error / 40, error.mean(axis=0)
    print(np.sum(error**2) / 80)
    W -= 0.3 * dW
    b -= 0.3 * db
"""
ASKED = """\
import numpy as np

rng = np.random.default_rng(0)


def gradients(p, x, wanted):
    h = np.tanh(x @ p["A"])
    out = h @ p["B"]
    miss = out - wanted
    d = miss / wanted.shape[0]
    return np.sum(miss**2) / len(wanted), {"A": x.T @ (d @ p["B"].T * (1 - h**2)), "B": h.T @ d}


x = rng.normal(size=(30, 4))
t = np.sin(x[:, :1])
p = {"A": rng.normal(size=(4, 6)) * 0.4, "B": rng.normal(size=(6, 1)) * 0.4}
for epoch in range(20):
    loss, g = gradients(p, x, t)
    for k in p:
        p[k] -= 0.1 * g[k]
print(loss)
"""
# The targets belong to the function around.
WITHIN = """\
import numpy as np


def run(seed):
    draw = np.random.default_rng(seed)
    X = draw.normal(size=(40, 3))
    target = X @ draw.normal(size=(3, 2)) + draw.normal(size=2)
    params = {"W": draw.normal(size=(3, 2)), "b": np.zeros(2)}

    def loss_and_gradients():
        error = (X @ params["W"] + params["b"]) - target
        return np.sum(error**2) / 80, {"W": X.T @ error / 40, "b": error.mean(axis=0)}

    for step in range(20):
        loss, gradients = loss_and_gradients()
        for name in params:
            params[name] -= 0.3 * gradients[name]
        yield loss


print(list(run(0)))
"""
TAKEN_OFF = [
    ("centres", CENTRES, "self.heights(x) - wanted", "self.heights(x)"),
    ("of which the size is asked", ASKED, "miss = out - wanted", "miss = out"),
    ("nothing but zeros", ZEROS, "forward(X, W, b) - target", "forward(X, W, b)"),
]


@pytest.mark.parametrize(("text", "right", "wrong"), [c[1:] for c in TAKEN_OFF], ids=[c[0] for c in TAKEN_OFF])
def test_the_targets_are_taken_off_again(tmp_path: Path, text: str, right: str, wrong: str) -> None:
    assert findings(tmp_path, text) == []
    (found,) = findings(tmp_path, edited_text(text, [(right, wrong)]), trials=True)
    assert (found.code, found.fixes[0].confidence) == ("SC306", "verified")
    assert repaired(edited_text(text, [(right, wrong)]), found.fixes[0]) == text


# Labels that are there for nobody, beside what is learned without any.
UNLABELLED = """\
import numpy as np

rng = np.random.default_rng(4)
labels = rng.integers(0, 3, 30)
points = rng.normal(size=(3, 2))[labels] * 4 + rng.normal(size=(30, 2))
{start}
for turn in range(12):
    {step}
"""
WITHOUT_LABELS: dict[str, tuple[str, list[str]]] = {
    "a centre is pulled towards the points": (
        "c = rng.normal(size=2)",
        [
            "apart = c - points",
            "loss = np.mean(apart**2)",
            "c -= 0.1 * 2 * apart.mean(axis=0) / 2",
        ],
    ),
    "a centre and its scale": (
        "c, s = rng.normal(size=2), np.ones(2)",
        [
            "z = s * (c - points)",
            "loss = 0.5 * np.sum(z**2) / 30 - np.sum(np.log(s))",
            "dc = (z * s).mean(axis=0)",
            "ds = (z * (c - points)).mean(axis=0) - 1 / s",
            "c -= 0.01 * dc",
            "s -= 0.01 * ds",
        ],
    ),
    "rows are made up of two parts": (
        "A, B = rng.normal(size=(30, 1)), rng.normal(size=(1, 2))",
        [
            "e = A @ B - points",
            "print(np.sum(e**2))",
            "dA, dB = 2 * e @ B.T, 2 * A.T @ e",
            "A -= 0.01 * dA",
            "B -= 0.01 * dB",
        ],
    ),
    "an average is taken off first": (
        "A, B, m = rng.normal(size=(30, 1)), rng.normal(size=(1, 2)), np.zeros(2)",
        [
            "e = points - m - A @ B",
            "print(np.sum(e**2))",
            "dA, dB = 2 * e @ B.T, 2 * A.T @ e",
            "m += 0.01 * 2 * e.sum(axis=0)",
            "A += 0.01 * dA",
            "B += 0.01 * dB",
        ],
    ),
    "an autoencoder": (
        "V, q = rng.normal(size=(2, 1)), np.zeros(2)",
        [
            "h = points @ V",
            "e = h @ V.T + q - points",
            "print(np.sum(e**2) / 60)",
            "dV = (points.T @ (e @ V) + e.T @ h) / 30",
            "V -= 0.01 * dV",
            "q -= 0.01 * e.mean(axis=0)",
        ],
    ),
    "all weights are zero, and learn what comes in": (
        "W = np.zeros((2, 2))",
        [
            "e = points @ W - points",
            "print(np.sum(e**2) / 60)",
            "W -= 0.01 * points.T @ e / 30",
        ],
    ),
    "Hebb's rule": (
        "w = rng.normal(size=2)",
        [
            "out = points @ w",
            "w += 0.001 * (points.T @ out - (out @ out) * w)",
            "print(np.mean(out**2))",
        ],
    ),
}


@pytest.mark.parametrize("name", WITHOUT_LABELS)
def test_what_needs_no_labels_misses_none(tmp_path: Path, name: str) -> None:
    start, lines = WITHOUT_LABELS[name]
    assert findings(tmp_path, UNLABELLED.format(start=start, step="\n    ".join(lines))) == []
