"""Results that are computed and kept nowhere, or under the wrong name: named, and mended where a run proves it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from training_programs import blamed_line, findings, repaired

SUMMED = """\
import numpy as np

rng = np.random.RandomState(6)
X, T = rng.randn(9, 3), rng.randn(9, 2)
W, b = rng.randn(2, 3), rng.randn(2)
for epoch in range(4):
    gW, gb = np.zeros_like(W), np.zeros_like(b)
    for x, t in zip(X, T):
        out = np.tanh(W @ x + b)
        delta = (out - t) * (1 - out**2)
        gW += np.outer(delta, x)
        gb += delta
    W -= 0.1 * gW
    b -= 0.1 * gb
print(b)
"""

HANDED_ON = """\
import numpy as np

rng = np.random.RandomState(8)
X, T = rng.randn(20, 4), rng.rand(20, 1)


def slopes(W, c, V, d):
    h = np.tanh(X @ W + c)
    e = (h @ V + d - T) / len(X)
    back = e @ V.T * (1 - h * h)
    return X.T @ back, back.sum(axis=0), h.T @ e, e.sum(axis=0)


def moved(W, c, V, d, gW, gc, gV, gd):
    W = W - 0.2 * gW
    c = c - 0.2 * gc
    V = V - 0.2 * gV
    d = d - 0.2 * gd
    return W, c, V, d


net = rng.randn(4, 5), rng.randn(5), rng.randn(5, 1), rng.randn(1)
for _ in range(5):
    net = moved(*net, *slopes(*net))
print(net[1])
"""

#     id                     program    was                  wrong                 line
WRONG = [
    ("a sum of a loop", SUMMED, "        gb += delta", "        gb + delta", "gb + delta"),
    ("another name", HANDED_ON, "    c = c - 0.2", "    gc = c - 0.2", "gc = c - 0.2"),
]


@pytest.mark.parametrize("text", [SUMMED, HANDED_ON], ids=["summed", "handed-on"])
def test_the_right_program_is_left_alone(tmp_path: Path, text: str) -> None:
    assert findings(tmp_path, text) == []


@pytest.mark.parametrize(
    ("text", "was", "wrong", "line"), [w[1:] for w in WRONG], ids=[w[0].replace(" ", "-") for w in WRONG]
)
def test_what_is_not_kept_is_named_and_mended(tmp_path: Path, text: str, was: str, wrong: str, line: str) -> None:
    assert text.count(was) == 1
    changed = text.replace(was, wrong)
    found = findings(tmp_path, changed, trials=True)
    assert (found[0].code, line in blamed_line(changed, found[0])) == ("SC406", True)
    assert found[0].fixes[0].confidence == "verified"
    assert repaired(changed, found[0].fixes[0]) == text
