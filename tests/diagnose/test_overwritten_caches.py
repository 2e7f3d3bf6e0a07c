"""Caches that are written into before the backward pass has read them, in a recurrent network of packed weights."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from training_programs import Edits, blamed_line, edited_text, findings

# The last column of `H` holds the state before the first one until the loop comes to it; `both` is packed in each turn.
RIGHT = """\
import numpy as np

rng = np.random.RandomState(3)
U, R, b = rng.randn(5, 2) * 0.5, rng.randn(5, 5) * 0.4, np.zeros((5, 1))
V, c = rng.randn(3, 5) * 0.5, np.zeros((3, 1))
before = np.zeros(5)
for turn in range(25):
    xs, classes = rng.randn(2, 4), rng.randint(0, 3, 4)
    H = np.zeros((5, 4))
    H[:, -1] = before
    both = np.hstack((U, R))
    for t in range(4):
        H[:, t] = np.tanh(both @ np.hstack((xs[:, t], H[:, t - 1])) + b[:, 0])
    scores = V @ H + c
    p = np.exp(scores) / np.exp(scores).sum(axis=0)
    loss = -np.sum(np.log(p[classes, range(4)]))
    far = p.copy()
    far[classes, range(4)] -= 1
    gV, gc = far @ H.T, far.sum(axis=1, keepdims=True)
    gU, gR, gb = np.zeros_like(U), np.zeros_like(R), np.zeros_like(b)
    later = np.zeros(5)
    for t in (3, 2, 1, 0):
        near = (V.T @ far[:, t] + later) * (1 - H[:, t] * H[:, t])
        gb[:, 0] += near
        gU += np.outer(near, xs[:, t])
        gR += np.outer(near, H[:, t - 1] if t else before)
        later = R.T @ near
    before = H[:, -1].copy()
    for array, g in ((U, gU), (R, gR), (b, gb), (V, gV), (c, gc)):
        array -= 0.05 * g
    if turn % 5 == 0:
        print(loss)
"""
WRONG: Edits = [
    ("    gV, gc = far", "    last = H[:, -1].copy()\n    gV, gc = far"),
    ("    later = np.zeros(5)\n", "    H[:, -1] = before\n    later = np.zeros(5)\n"),
    ("H[:, t - 1] if t else before", "H[:, t - 1]"),
    ("    before = H[:, -1].copy()", "    before = last"),
]


def test_a_column_that_is_overwritten_and_read_twice_by_one_line_is_named(tmp_path: Path) -> None:
    assert findings(tmp_path, RIGHT) == []  # no half of `both` stands still
    wrong = edited_text(RIGHT, WRONG)
    (found,) = findings(tmp_path, wrong)
    assert (found.code, found.parameters) == ("SC404", ("U", "R", "b"))
    assert blamed_line(wrong, found) == "    H[:, -1] = before"
