"""Biases before a normalisation, whose gradient is nothing but rounding: they hide no mistake in what is behind it."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from training_programs import blamed_line, edited_text, findings

NORMED = """\
import numpy as np

rng = np.random.RandomState(2)
X, T = rng.randn(3, 24), rng.randn(2, 24)
W, w, V, v = rng.randn(5, 3), np.zeros((5, 1)), rng.randn(2, 5) / 2, np.zeros((2, 1))
scale, shift = np.ones((5, 1)), np.zeros((5, 1))
for turn in range(6):
    z = W @ X + w
    width = np.sqrt(z.var(axis=1, keepdims=True) + 1e-8)
    n = (z - z.mean(axis=1, keepdims=True)) / width
    h = np.maximum(scale * n + shift, 0)
    e = (V @ h + v - T) / T.size
    loss = 0.5 * T.size * np.sum(e ** 2)
    dh = V.T @ e * (h > 0)
    dn = dh * scale
    m = X.shape[1]
    dz = (m * dn - dn.sum(axis=1, keepdims=True) - n * np.sum(dn * n, axis=1, keepdims=True)) / (m * width)
    along = {"axis": 1, "keepdims": True}
    slopes = [dz @ X.T, dz @ np.ones((24, 1)), np.sum(dh * n, **along), dh.sum(**along), e @ h.T, e.sum(**along)]
    for p, slope in zip((W, w, scale, shift, V, v), slopes):
        p -= 0.2 * slope
print(loss)
"""


def test_the_right_program_is_left_alone(tmp_path: Path) -> None:
    assert findings(tmp_path, NORMED) == []


def test_a_wrong_count_is_found_where_it_is_used(tmp_path: Path) -> None:
    text = edited_text(NORMED, [("    m = X.shape[1]", "    m = X.shape[0]")])
    found = findings(tmp_path, text)
    assert found[0].parameters == ("W", "w")
    assert "dz = " in blamed_line(text, found[0])
