"""Arrays that become their own step: `b = rate * db`, or `b = b * rate * db`, for `b += rate * db`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.diagnose.training_programs import blamed_line, findings, repaired

FUNCTIONS = """\
import numpy as np

rng = np.random.default_rng(3)
X = rng.normal(size=(30, 3))
Y = np.sin(X @ rng.normal(size=(3, 2))) + 0.3


def step(W, b, V, c, rate):
    h = np.tanh(X @ W + b)
    e = (h @ V + c - Y) / len(X)
    back = e @ V.T * (1 - h * h)
    V = V - rate * h.T @ e
    {c}
    W = W - rate * X.T @ back
    {b}
    return W, b, V, c


net = rng.normal(size=(3, 4)), np.zeros(4), rng.normal(size=(4, 2)), np.zeros((1, 2))
for epoch in range(6):
    net = step(*net, 0.1)
print(net[3])
"""
DICTIONARIES = """\
import numpy as np

rng = np.random.default_rng(7)
X, y = rng.normal(size=(24, 4)), rng.integers(0, 3, 24)
p = {"W1": rng.normal(size=(4, 5)) * 0.5, "b1": np.zeros(5), "W2": rng.normal(size=(5, 3)), "b2": np.zeros(3)}
seen = 0.0
for epoch in range(8):
    h = np.maximum(0, X @ p["W1"] + p["b1"])
    s = h @ p["W2"] + p["b2"]
    q = np.exp(s - s.max(axis=1, keepdims=True))
    q /= q.sum(axis=1, keepdims=True)
    loss = -np.mean(np.log(q[np.arange(24), y]))
    d = q.copy()
    d[np.arange(24), y] -= 1
    d /= 24
    dh = d @ p["W2"].T * (h > 0)
    g = {"W2": h.T @ d, "b2": d.sum(axis=0), "W1": X.T @ dh, "b1": dh.sum(axis=0)}
    for name in g:
        p[name] {applied} 0.2 * g[name]
print(loss)
"""
RIGHT = {"c": "c = c - rate * e.sum(axis=0, keepdims=True)", "b": "b = b - rate * back.sum(axis=0)"}
DICTIONARY = DICTIONARIES.replace("{applied}", "-=")

#     id                     program                                              line                      mended
WRONG = [
    (
        "a bias of the output",
        FUNCTIONS.format(**{**RIGHT, "c": "c = -rate * e.sum(axis=0, keepdims=True)"}),
        "c = -rate",
        "c -= rate * e.sum(axis=0, keepdims=True)",
    ),
    (
        "a hidden bias, with a sign",
        FUNCTIONS.format(**{**RIGHT, "b": "b = rate * back.sum(axis=0)"}),
        "b = rate",
        "b -= rate * back.sum(axis=0)",
    ),
    (
        "one of a dictionary",
        DICTIONARY.replace(
            "        p[name] -=",
            "        if name == 'b1':\n            p[name] = 0.2 * g[name]\n        else:\n            p[name] -=",
        ),
        "p[name] = 0.2",
        "p[name] -= 0.2 * g[name]",
    ),
    (
        "a weight times its step",
        FUNCTIONS.format(**RIGHT).replace("W = W - rate * X.T @ back", "W = W * rate * (X.T @ back)"),
        "W = W *",
        "W = W - rate * (X.T @ back)",
    ),
    (
        "a weight times its step, in place",
        FUNCTIONS.format(**RIGHT).replace("V = V - rate * h.T @ e", "V *= rate * (h.T @ e)"),
        "V *=",
        "V -= rate * (h.T @ e)",
    ),
]
# Multiplied by something else than their own gradients.
SHRINKING = FUNCTIONS.format(**{**RIGHT, "b": "W = W * (1 - 0.1 * rate)\n    b = b - rate * back.sum(axis=0)"})


@pytest.mark.parametrize(("text", "line", "mended"), [w[1:] for w in WRONG], ids=[w[0] for w in WRONG])
def test_the_line_is_named_and_mended(tmp_path: Path, text: str, line: str, mended: str) -> None:
    (found,) = findings(tmp_path, text, trials=True)
    assert line in blamed_line(text, found)
    assert found.fixes[0].confidence == "verified"
    assert mended in repaired(text, found.fixes[0])


@pytest.mark.parametrize(
    "text", [FUNCTIONS.format(**RIGHT), DICTIONARY, SHRINKING], ids=["functions", "a dictionary", "weight decay"]
)
def test_what_is_added_is_right(tmp_path: Path, text: str) -> None:
    assert findings(tmp_path, text) == []
