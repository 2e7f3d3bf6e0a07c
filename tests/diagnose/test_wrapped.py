"""Pictures of small integers wrap round where they are shifted; in floats they do not."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from training_programs import findings, repaired

PROGRAM = """\
import numpy as np

rng = np.random.default_rng(0)
pictures = np.full((240, 12, 12), 20)
labels = rng.integers(0, 2, 240)
for k in range(240):
    row = int(rng.integers(0, 8))
    pictures[k, row : row + 4, 6 * labels[k] : 6 * labels[k] + 4] += 200
pictures = pictures.astype(np.uint8)


def scaled(images):
    return {scaled}


X = scaled(pictures).reshape(240, -1)
W, b = rng.normal(size=(144, 1)) * 0.01, np.zeros(1)
for turn in range(8):
    p = 1 / (1 + np.exp(-(X @ W + b)))
    d = (p - labels[:, None]) / len(X)
    W -= 0.1 * X.T @ d
    b -= 0.1 * d.sum(axis=0)
print(W.mean())
"""
RIGHT = {
    "in floats": "(images.astype(float) - 128) / 128",
    "only divided": "images / 255",
    "nothing outgrows it": "(images - 10) / 255",
    "a float is taken off": "(images - 128.0) / 128",
}


@pytest.mark.parametrize("name", RIGHT)
def test_what_keeps_its_numbers_is_right(tmp_path: Path, name: str) -> None:
    assert findings(tmp_path, PROGRAM.format(scaled=RIGHT[name])) == []


def test_what_wraps_round_is_told_and_mended(tmp_path: Path) -> None:
    text = PROGRAM.format(scaled="(images - 128) / 128")
    (found,) = findings(tmp_path, text, trials=True)
    assert (found.code, found.title) == ("SC405", "these integers wrap round")
    assert "where it should be -108 it is 148" in found.message
    assert repaired(text, found.fixes[0]) == PROGRAM.format(scaled=RIGHT["in floats"])
