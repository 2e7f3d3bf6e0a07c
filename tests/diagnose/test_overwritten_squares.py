"""AdaGrad's sum of squares: added up over the steps, and not the newest square alone."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from training_programs import Edits, edited_text, findings, repaired

KEYED = """\
import numpy as np

rng = np.random.default_rng(3)
X = rng.normal(size=(20, 3))
T = (X @ np.array([[1.0], [-2.0], [0.5]]) > 0).astype(float)
net = {"W": rng.normal(0, 0.3, (3, 1)), "b": np.zeros((1, 1))}
seen = {k: np.zeros_like(p) for k, p in net.items()}
for t in range(1, 9):
    p = 1 / (1 + np.exp(-(X @ net["W"] + net["b"])))
    d = (p - T) / len(X)
    slopes = {"W": X.T @ d, "b": d.sum(axis=0, keepdims=True)}
    for k in net:
        seen[k] += slopes[k] ** 2
        net[k] -= 0.1 * slopes[k] / (np.sqrt(seen[k]) + 1e-8)
print(net)
"""
FLAT = """\
import numpy as np

rng = np.random.default_rng(6)
X = rng.normal(size=(30, 2))
y = X @ np.array([0.5, -1.5]) + 2.0
w, b = rng.normal(size=2), np.zeros(1)
sw, sb = np.zeros(2), np.zeros(1)
for turn in range(12):
    residual = X @ w + b - y
    gw, gb = X.T @ residual / 30, residual.mean(keepdims=True)
    sw += gw * gw
    sb += gb * gb
    w = w - 0.3 * gw / np.sqrt(sw + 1e-9)
    b = b - 0.3 * gb / np.sqrt(sb + 1e-9)
    print(turn, 0.5 * np.mean(residual**2))
"""
LAST_SQUARE = [("seen[k] += ", "seen[k] = ")]
LAST_SQUARES = [("sw += ", "sw = "), ("sb += ", "sb = ")]

RIGHT: list[tuple[str, str, Edits]] = [
    ("a sum by keys", KEYED, []),
    ("sums by name", FLAT, []),
    ("a mean of the squares", KEYED, [("seen[k] += ", "seen[k] = 0.9 * seen[k] + 0.1 * ")]),
    ("steps by the sign", KEYED, [("slopes[k] / (np.sqrt(seen[k]) + 1e-8)", "np.sign(slopes[k])")]),
    (
        "the first square, and then a mean",
        KEYED,
        [
            (
                "seen[k] += slopes[k] ** 2",
                ("seen[k] = slopes[k] ** 2 if t == 1 else 0.9 * seen[k] + 0.1 * slopes[k] ** 2"),
            )
        ],
    ),
]


@pytest.mark.parametrize(("text", "edits"), [(KEYED, LAST_SQUARE), (FLAT, LAST_SQUARES)], ids=["by-keys", "by-name"])
def test_squares_are_added_up(tmp_path: Path, text: str, edits: Edits) -> None:
    (found,) = findings(tmp_path, edited_text(text, edits), trials=True)
    assert (found.code, found.title) == ("SC406", "the squares of the steps before are overwritten here")
    assert repaired(edited_text(text, edits), found.fixes[0]) == text


@pytest.mark.parametrize(("text", "edits"), [r[1:] for r in RIGHT], ids=[r[0].replace(" ", "-") for r in RIGHT])
def test_squares_that_are_kept_are_right(tmp_path: Path, text: str, edits: Edits) -> None:
    assert findings(tmp_path, edited_text(text, edits)) == []
