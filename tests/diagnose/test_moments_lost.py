"""What an optimizer has gathered is lost: velocities begun anew before every step, corrections that nobody reads."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from training_programs import Edits, blamed_line, edited_text, findings, repaired

MOMENTUM = """\
import numpy as np

rng = np.random.default_rng(0)
X = rng.normal(size=(24, 3))
T = X @ np.array([[1.0], [-2.0], [0.5]]) + 0.3
W, b = rng.normal(0, 0.3, (3, 1)), np.zeros((1, 1))
speed_of_W = np.zeros_like(W)
speed_of_b = np.zeros_like(b)
for turn in range(4):
    for start in range(0, 24, 8):
        x, t = X[start : start + 8], T[start : start + 8]
        d = (x @ W + b - t) / len(x)
        speed_of_W = 0.9 * speed_of_W - 0.02 * x.T @ d
        speed_of_b = 0.9 * speed_of_b - 0.02 * d.sum(axis=0, keepdims=True)
        W = W + speed_of_W
        b = b + speed_of_b
print(W, b)
"""
ZEROS = "speed_of_W = np.zeros_like(W)\nspeed_of_b = np.zeros_like(b)\n"
EPOCH = "for turn in range(4):\n"
EACH = "    speed_of_W = np.zeros_like(W)\n    speed_of_b = np.zeros_like(b)\n"
BATCH = "        x, t = X[start"
WITHIN = "        speed_of_W = np.zeros_like(W)\n        speed_of_b = np.zeros_like(b)\n" + BATCH

ADAM = """\
import numpy as np

rng = np.random.default_rng(0)
X = rng.normal(size=(24, 3))
T = X @ np.array([[1.0], [-2.0], [0.5]]) + 0.3
net = [rng.normal(0, 0.3, (3, 1)), np.zeros((1, 1))]
means = [np.zeros_like(p) for p in net]
squares = [np.zeros_like(p) for p in net]
for t in range(1, 9):
    d = (X @ net[0] + net[1] - T) / len(X)
    slopes = [X.T @ d, d.sum(axis=0, keepdims=True)]
    for k, slope in enumerate(slopes):
        means[k] = 0.9 * means[k] + 0.1 * slope
        squares[k] = 0.999 * squares[k] + 0.001 * slope**2
        mean = means[k] / (1 - 0.9**t)
        square = squares[k] / (1 - 0.999**t)
        net[k] -= 0.01 * mean / (np.sqrt(square) + 1e-8)
print(net)
"""

# The step of one of two biases is the longer one, and looks as if the other's was clipped to it.
TOGETHER = """\
import numpy as np

rng = np.random.default_rng(3)
X = rng.normal(size=(24, 3))
T = X @ rng.normal(size=(3, 2)) + [0.3, -0.4]
net = [rng.normal(0, 0.3, (3, 2)), np.zeros(2)]
means, squares = [np.zeros_like(p) for p in net], [np.zeros_like(p) for p in net]
for t in range(1, 9):
    d = (X @ net[0] + net[1] - T) / len(X)
    for p, slope, mean, square in zip(net, [X.T @ d, d.sum(axis=0)], means, squares):
        mean[:] = 0.9 * mean + 0.1 * slope
        square[:] = 0.999 * square + 0.001 * slope**2
        p -= 0.01 * mean / (1 - 0.9**t) / (np.sqrt(square / (1 - 0.999**t)) + 1e-8)
print(net)
"""

#     program, edits, code, what the line to blame has in it
STEP = "        speed_of_b = 0.9 * speed_of_b - 0.02 * d.sum(axis=0, keepdims=True)\n"

LOST: dict[str, tuple[str, Edits, str, str]] = {
    "made twice of one gradient": (MOMENTUM, [(STEP, 2 * STEP)], "SC406", "speed_of_b = 0.9"),
    "zeros in every turn": (MOMENTUM, [(ZEROS, ""), (BATCH, WITHIN)], "SC406", "speed_of_W = np.zeros_like"),
    "names for what a list holds": (
        TOGETHER,
        [("mean[:] =", "mean ="), ("square[:] =", "square =")],
        "SC406",
        "mean = 0.9 * mean",
    ),
    "squares as they are": (ADAM, [("np.sqrt(square)", "np.sqrt(squares[k])")], "SC410", "np.sqrt(squares[k])"),
}
RIGHT: dict[str, tuple[str, Edits]] = {
    "zeros before the loop": (MOMENTUM, []),
    "zeros in every epoch": (MOMENTUM, [(ZEROS, ""), (EPOCH, EPOCH + EACH)]),
    "both corrected": (ADAM, []),
    "what a list holds is changed": (TOGETHER, []),
    "of gradients that decay goes into": (ADAM, [("[X.T @ d, ", "[X.T @ d + 0.001 * net[0], ")]),
    "none corrected": (ADAM, [(" / (1 - 0.9**t)", ""), (" / (1 - 0.999**t)", "")]),
}


@pytest.mark.parametrize("name", LOST)
def test_what_is_lost_is_found_and_kept(tmp_path: Path, name: str) -> None:
    program, edits, code, line = LOST[name]
    text = edited_text(program, edits)
    (found,) = findings(tmp_path, text, trials=True)
    assert (found.code, line in blamed_line(text, found)) == (code, True)
    fix = found.fixes[0]
    assert fix.confidence == "verified"
    assert findings(tmp_path, repaired(text, fix)) == []


@pytest.mark.parametrize("name", RIGHT)
def test_what_is_kept_is_right(tmp_path: Path, name: str) -> None:
    assert findings(tmp_path, edited_text(*RIGHT[name])) == []
