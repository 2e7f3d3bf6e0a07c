"""A pass over all samples that is longer than what is kept at first: the first step is seen all the same."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from training_programs import blamed_line, edited_text, findings

# Each of 70 pictures is gone through entry by entry: over 40,000 events until the first step.
ENTRY_BY_ENTRY = """\
import numpy as np

rng = np.random.default_rng(6)
pictures, kinds = rng.normal(size=(70, 7, 7)), rng.integers(0, 2, (70, 1)).astype(float)
pictures[kinds[:, 0] > 0, 2:5] += 1
kernel, w, b = rng.normal(size=(3, 3, 4)) * 0.3, rng.normal(size=(100, 1)) * 0.1, np.zeros((1, 1))
for turn in range(3):
    maps = np.zeros((70, 5, 5, 4))
    for r in range(5):
        for c in range(5):
            maps[:, r, c] = np.tensordot(pictures[:, r : r + 3, c : c + 3], kernel, axes=([1, 2], [0, 1]))
    flat = np.maximum(0, maps).reshape(70, 100)
    guess = 1 / (1 + np.exp(-(flat @ w + b)))
    print(-np.mean(kinds * np.log(guess) + (1 - kinds) * np.log(1 - guess)))
    error = (guess - kinds) / 70
    gw, gb = flat.T @ error, error.sum(axis=0, keepdims=True)
    slope = (error @ w.T).reshape(maps.shape) * (maps > 0)
    gk = np.zeros_like(kernel)
    for i in range(70):
        for r in range(5):
            for c in range(5):
                for k in range(4):
                    gk[:, :, k] += pictures[i, r : r + 3, c : c + 3] * slope[i, r, c, k]
    w -= 0.5 * gw
    b -= 0.5 * gb
    kernel -= 0.5 * gk
"""
TURNED = [("c : c + 3] * slope", "r : r + 3] * slope")]


def test_a_gradient_that_takes_long_to_gather_is_judged(tmp_path: Path) -> None:
    text = edited_text(ENTRY_BY_ENTRY, TURNED)
    (found,) = findings(tmp_path, text)
    assert (found.code, "gk[:, :, k] +=" in blamed_line(text, found)) == ("SC309", True)


def test_the_right_one_is_left_alone(tmp_path: Path) -> None:
    assert findings(tmp_path, ENTRY_BY_ENTRY) == []
