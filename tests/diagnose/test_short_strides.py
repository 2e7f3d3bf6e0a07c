"""Batches that overlap, and never come to most of the samples; windows that are meant to overlap."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.diagnose.training_programs import blamed_line, findings, repaired

ROWS = """\
import numpy as np

rng = np.random.default_rng(3)
X = rng.normal(size=(60, 3))
t = X @ np.array([[1.0], [-2.0], [0.5]]) + 0.3
w, b = rng.normal(size=(3, 1)), np.zeros(1)
for epoch in range(8):
    for i in range({turns}):
        {batch}
        d = (x @ w + b - y) / len(x)
        w -= 0.1 * x.T @ d
        b -= 0.1 * d.sum(axis=0)
print(w, b)
"""
COLUMNS = """\
import numpy as np

rng = np.random.default_rng(3)
X = rng.normal(size=(3, 60))
t = np.array([[1.0, -2.0, 0.5]]) @ X


def batches(size):
    order = rng.permutation(60)
    for k in range(60 // size):
        some = order[{part}]
        yield X[:, some], t[:, some]


w = rng.normal(size=(1, 3))
for epoch in range(8):
    for x, y in batches(12):
        w = w - 0.1 * (w @ x - y) @ x.T / 12
print(w)
"""
OVERLAPPING = "x, y = X[i:i + 15], t[i:i + 15]"
APART = "x, y = X[i * 15:(i + 1) * 15], t[i * 15:(i + 1) * 15]"

RIGHT = [
    ("batches one after the other", ROWS.format(turns="4", batch=APART)),
    ("by steps of their size", ROWS.format(turns="0, 60, 15", batch=OVERLAPPING)),
    ("windows that slide over all rows", ROWS.format(turns="46", batch=OVERLAPPING)),
    ("a part of the rows, kept for training", ROWS.format(turns="3", batch=APART)),
    ("of an order", COLUMNS.format(part="k * size:(k + 1) * size")),
]


def test_batches_that_overlap_are_named_and_put_apart(tmp_path: Path) -> None:
    text = ROWS.format(turns="4", batch=OVERLAPPING)
    (found,) = findings(tmp_path, text, trials=True)
    assert found.code == "SC409"
    assert OVERLAPPING in blamed_line(text, found)
    assert APART in repaired(text, found.fixes[0])


def test_batches_of_an_order_that_overlap_are_named(tmp_path: Path) -> None:
    text = COLUMNS.format(part="k:k + size")
    (found,) = findings(tmp_path, text)
    assert (found.code, "order[k:k + size]" in blamed_line(text, found)) == ("SC409", True)


@pytest.mark.parametrize("text", [r[1] for r in RIGHT], ids=[r[0] for r in RIGHT])
def test_other_batches_are_left_alone(tmp_path: Path, text: str) -> None:
    assert findings(tmp_path, text) == []
