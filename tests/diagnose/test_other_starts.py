"""Steps that set out from another array than their own: `b2 = b1 - rate * db2`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.diagnose.training_programs import blamed_line, findings, repaired

DEEP = """\
import numpy as np

rng = np.random.default_rng(3)
X = rng.normal(size=(20, 4))
Y = np.sin(X[:, :1])
U, V, w = rng.normal(size=(4, 4)) / 2, rng.normal(size=(4, 4)) / 2, rng.normal(size=(4, 1))
u, v = np.zeros(4), np.zeros(4)
{begin}
for turn in range(12):
    {before}
    h = np.tanh(X @ U + u)
    k = np.tanh(h @ V + v)
    d = (k @ w - Y) / len(X)
    e = d @ w.T * (1 - k**2)
    f = e @ V.T * (1 - h**2)
    w = w - 0.1 * k.T @ d
    {V}
    {v}
    U = U - 0.1 * X.T @ f
    u = u - 0.1 * f.sum(axis=0)
print(np.sum(d**2))
"""
OWN = {"begin": "", "before": "", "V": "V = V - 0.1 * h.T @ e", "v": "v = v - 0.1 * e.sum(axis=0)"}
# Tuples that are handed round, and a step that adds.
PAIRS = """\
import numpy as np

rng = np.random.RandomState(7)
xs = rng.randn(30, 3)
ts = xs[:, :2] * 0.5 - 0.2


def epoch(layers):
    (w1, b1), (w2, b2) = layers
    h = np.tanh(xs.dot(w1) + b1)
    d = (ts - (h.dot(w2) + b2)) / len(xs)
    e = d.dot(w2.T) * (1 - h * h)
    w1 = w1 + 0.2 * xs.T.dot(e)
    b1 = b1 + 0.2 * e.sum(axis=0)
    w2 = w2 + 0.2 * h.T.dot(d)
    b2 = {start} + 0.2 * d.sum(axis=0)
    return [(w1, b1), (w2, b2)]


layers = [(rng.randn(3, 2), np.zeros(2)), (rng.randn(2, 2), np.zeros(2))]
for turn in range(10):
    layers = epoch(layers)
print(layers)
"""
WRONG = [
    ("a bias", DEEP.format(**{**OWN, "v": "v = u - 0.1 * e.sum(axis=0)"}), DEEP.format(**OWN)),
    ("a weight", DEEP.format(**{**OWN, "V": "V = U - 0.1 * h.T @ e"}), DEEP.format(**OWN)),
    ("in a pair", PAIRS.format(start="b1"), PAIRS.format(start="b2")),
]
# A step from a point beside the one that the gradient was taken at, an average, and a number that goes its own way.
RIGHT = [
    (
        "Nesterov's momentum",
        {
            **OWN,
            "begin": "before = V",
            "before": "last, V = before, V + 0.5 * (V - before) if turn else V",
            "V": "before = V = V - 0.1 * h.T @ e",
        },
    ),
    ("an anchor", {**OWN, "begin": "anchor = V", "V": "V = 0.9 * V + 0.1 * anchor - 0.1 * h.T @ e"}),
    ("a mean of the versions", {**OWN, "begin": "mean = U", "before": "mean = mean - 0.1 * (mean - U)"}),
]


@pytest.mark.parametrize(("text", "right"), [w[1:] for w in WRONG], ids=[w[0] for w in WRONG])
def test_a_step_begins_with_its_own_array(tmp_path: Path, text: str, right: str) -> None:
    assert findings(tmp_path, right) == []
    (found,) = findings(tmp_path, text, trials=True)
    assert (found.code, found.fixes[0].confidence) == ("SC305", "verified")
    assert repaired(text, found.fixes[0]) == right
    assert blamed_line(text, found) not in right


@pytest.mark.parametrize("parts", [r[1] for r in RIGHT], ids=[r[0] for r in RIGHT])
def test_other_ways_to_go_on_are_left_alone(tmp_path: Path, parts: dict[str, str]) -> None:
    assert findings(tmp_path, DEEP.format(**parts)) == []
