"""Losses of a program's own that all its steps climb: by mistake where they are errors, and on purpose elsewhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.diagnose.training_programs import blamed_line, edited_text, findings, repaired

# A hinge over pairs, of which no catalogue knows.
PAIRS = """\
import numpy as np

rng = np.random.default_rng(8)
X = rng.normal(size=(12, 3))
level = np.argsort(np.argsort(X[:, 0] + X[:, 1] ** 2))
W, b, v = rng.normal(size=(3, 5)) / 2, np.zeros(5), rng.normal(size=5)


def {name}(W, b, v):
    h = np.tanh(X @ W + b)
    s = h @ v
    gap = s[:, None] - s
    higher = (level[:, None] > level) / 66
    {value}
    slope = {slope}
    ds = slope.sum(axis=1) - slope.sum(axis=0)
    dh = np.outer(ds, v) * (1 - h**2)
    return value, X.T @ dh, dh.sum(axis=0), h.T @ ds


for turn in range(10):
    value, gW, gb, gv = {name}(W, b, v)
    W -= 0.2 * gW
    b -= 0.2 * gb
    v -= 0.2 * gv
print(value)
"""
SOFT = {
    "name": "ranking_loss",
    "value": "value = np.sum(higher * np.log1p(np.exp(-gap)))",
    "slope": "-higher / (1 + np.exp(gap))",
}
RIGHT = PAIRS.format(**SOFT)
# An input is changed for the worse, under weights that nobody moves.
FOOLED = """\
import numpy as np

rng = np.random.default_rng(8)
W, v = rng.normal(size=(3, 5)), rng.normal(size=5)
x, label = rng.normal(size=3), 1.0
for turn in range(10):
    h = np.tanh(x @ W)
    loss = np.log1p(np.exp(-label * (h @ v)))
    d = -label / (1 + np.exp(label * (h @ v)))
    x += 0.1 * (d * v * (1 - h**2)) @ W.T
print(loss)
"""
# What is above zero may be wanted, under another name; a logarithm of probabilities is below zero under any name.
UPHILL = [
    ("W -= 0.2", "W += 0.2"),
    ("b -= 0.2", "b += 0.2"),
    ("v -= 0.2", "v += 0.2"),
]
SCORE = {
    **SOFT,
    "name": "score",
    "value": "value = np.sum(higher * np.tanh(gap)) + 2",
    "slope": "higher * (1 - np.tanh(gap) ** 2)",
}
LIKELIHOOD = {
    **SOFT,
    "value": "value = -np.sum(higher * np.log1p(np.exp(-gap)))",
    "slope": "higher / (1 + np.exp(gap))",
}
# As many arrays climb as descend, and no bias tells which of them are meant to.
TWO = """\
import numpy as np

rng = np.random.default_rng(1)
X = rng.normal(size=(20, 3))
Y = np.tanh(X @ rng.normal(size=(3, 1)))
V, W = rng.normal(size=(3, 5)) / 2, rng.normal(size=(5, 1)) / 2
noise = np.zeros_like(X)
for turn in range(10):
    A = X + noise
    H = np.tanh(A @ V)
    E = (H @ W - Y) / 20
    dH = E @ W.T * (1 - H**2)
    gV, gW = A.T @ dH, H.T @ E
    W -= 0.1 * gW
    V -= 0.1 * gV
print(20 * np.sum(E**2))
"""
# Given samples and made ones in one array.
STACKED = """import numpy as np

rng = np.random.default_rng(1)
G, D = rng.normal(size=(2, 2)) / 2, rng.normal(size=(2, 1)) / 2
t = np.repeat([[1.0], [0.0]], 10, axis=0)
for turn in range(10):
    z = rng.normal(size=(10, 2))
    x = np.vstack([rng.normal(size=(10, 2)) + 2, z @ G])
    d = 1 / (1 + np.exp(-x @ D)) - t
    gD, gG = x.T @ d, z.T @ (d @ D.T)[10:]
    D -= 0.01 * gD
    G += 0.01 * gG
print(D, G)
"""
MEANT = [
    ("noise to train against", TWO.replace("    W -=", "    noise += 0.5 * dH @ V.T\n    W -=")),
    ("a generator that climbs its critic's loss", STACKED),
    ("a loss that falls", RIGHT),
    ("a score", edited_text(PAIRS.format(**SCORE), UPHILL)),
    ("a likelihood", edited_text(PAIRS.format(**LIKELIHOOD), UPHILL)),
    ("an input to fool a network", FOOLED),
]


@pytest.mark.parametrize("text", [m[1] for m in MEANT], ids=[m[0] for m in MEANT])
def test_what_may_be_meant_is_left_alone(tmp_path: Path, text: str) -> None:
    assert findings(tmp_path, text) == []


def test_the_difference_that_turns_the_sign_is_named(tmp_path: Path) -> None:
    line = "ds = slope.sum(axis=1) - slope.sum(axis=0)"
    text = edited_text(RIGHT, [(line, "ds = slope.sum(axis=0) - slope.sum(axis=1)")])
    (found,) = findings(tmp_path, text, trials=True)
    assert (found.code, blamed_line(text, found).strip()[:5]) == ("SC402", "ds = ")
    assert repaired(text, found.fixes[0]) == RIGHT


def test_steps_that_are_added_are_named(tmp_path: Path) -> None:
    text = edited_text(RIGHT, UPHILL)
    (found,) = findings(tmp_path, text, trials=True)
    assert (found.code, blamed_line(text, found).strip()[1:5]) == ("SC402", " += ")
    assert repaired(text, found.fixes[0]) == RIGHT


def test_one_of_two_layers_that_climbs_is_named(tmp_path: Path) -> None:
    text = TWO.replace("V -= 0.1", "V += 0.1")
    (found,) = findings(tmp_path, text, trials=True)
    assert (found.code, blamed_line(text, found).strip()) == ("SC402", "V += 0.1 * gV")
    assert repaired(text, found.fixes[0]) == TWO
