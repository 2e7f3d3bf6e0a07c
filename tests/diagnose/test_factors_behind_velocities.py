"""A gradient that is not divided by the number of samples, where a velocity stands between gradients and steps."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from training_programs import Edits, blamed_line, edited_text, findings, repaired

# One output: the last bias is a single number, and that a multiple of any other.
VELOCITY = """\
import numpy as np

rng = np.random.default_rng(5)
net = {"A": rng.normal(size=(4, 2)), "a": np.zeros((4, 1)), "B": rng.normal(size=(1, 4)), "b": np.zeros((1, 1))}
speed = {k: np.zeros_like(p) for k, p in net.items()}
X = rng.normal(size=(2, 15))
y = X[:1] * 0.5 - X[1:] ** 2
for turn in range(8):
    h = np.tanh(net["A"] @ X + net["a"])
    out = net["B"] @ h + net["b"]
    loss = 0.5 * np.mean((out - y) ** 2)
    d = out - y
    below = net["B"].T @ d * (1 - h**2)
    g = {"B": d @ h.T / 15, "b": d.sum(axis=1, keepdims=True) / 15}
    g["A"] = below @ X.T / 15
    g["a"] = below.sum(axis=1, keepdims=True) / 15
    for k in net:
        speed[k] = 0.8 * speed[k] + (1 - 0.8) * g[k]
        net[k] -= 0.1 * STEP
print(loss)
"""
KEPT, MIXED = "speed[k]", "((1 - 0.6) * g[k] + 0.6 * speed[k])"
LAST: Edits = [("d.sum(axis=1, keepdims=True) / 15}", "d.sum(axis=1, keepdims=True)}")]
FIRST: Edits = [("below @ X.T / 15", "below @ X.T")]


@pytest.mark.parametrize(
    ("step", "edits", "line"),
    [
        pytest.param(MIXED, FIRST, 'g["A"]', id="weights-quasi-hyperbolic"),
        pytest.param(KEPT, LAST, "g = {", id="one-number"),
        pytest.param(MIXED, LAST, "g = {", id="one-number-quasi-hyperbolic", marks=pytest.mark.corpus),
        pytest.param(KEPT, FIRST, 'g["A"]', id="weights", marks=pytest.mark.corpus),
    ],
)
def test_the_sum_that_is_no_mean_is_named(tmp_path: Path, step: str, edits: Edits, line: str) -> None:
    text = edited_text(VELOCITY.replace("STEP", step), edits)
    (found,) = findings(tmp_path, text, trials=True)
    assert (found.code, blamed_line(text, found).strip()[: len(line)]) == ("SC302", line)
    assert found.fixes[0].confidence == "verified"
    assert "/ 15" in repaired(text, found.fixes[0]) or "mean(" in repaired(text, found.fixes[0])


@pytest.mark.parametrize("step", [MIXED, pytest.param(KEPT, marks=pytest.mark.corpus)])
def test_means_alone_are_right(tmp_path: Path, step: str) -> None:
    assert findings(tmp_path, VELOCITY.replace("STEP", step)) == []
