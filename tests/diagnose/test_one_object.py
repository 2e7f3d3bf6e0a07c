"""Layers that are one object listed several times: named where the gradients are wrong for it, and nowhere else."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from training_programs import blamed_line, findings, repaired

STACK = """\
import numpy as np

rng = np.random.default_rng(4)
X = rng.normal(size=(24, 3))
T = X[:, :1] * X[:, 1:2]


class Bent:
    def __init__(self, i, o):
        self.weight = rng.normal(size=(o, i)) / np.sqrt(i)
        self.seen = []

    def up(self, x):
        self.seen.append((x, x @ self.weight.T))
        return np.maximum(self.seen[-1][1], 0)

    def down(self, d, rate):
        x, z = self.seen.pop()
        d = d * (z > 0)
        below = d @ self.weight
        self.slope = d.T @ x
        return below

    def step(self, rate):
        self.weight = self.weight - rate * self.slope


inner = 2 * [Bent(7, 7)]
layers = [Bent(3, 7), *inner]
last = rng.normal(size=(1, 7)) / 3
for epoch in range(6):
    h = X
    for layer in layers:
        h = layer.up(h)
    d = (h @ last.T - T) / len(X)
    print(0.5 * np.sum(d**2) * len(X))
    g, d = d.T @ h, d @ last
    for layer in reversed(layers):
        d = layer.down(d, 0.1)
    for layer in layers:
        layer.step(0.1)
    last = last - 0.1 * g
"""
WRONG = STACK.replace("self.seen.append((x, x @ self.weight.T))", "self.seen = [(x, x @ self.weight.T)]").replace(
    "self.seen.pop()", "self.seen[-1]"
)
STEP = "self.weight = self.weight - rate * self.slope"
SHARED = (
    STACK.replace("self.seen = []", "self.seen, self.slope = [], 0.0")
    .replace("self.slope = d", "self.slope = self.slope + d")
    .replace(
        "self.weight = self.weight - rate * self.slope", "self.weight -= rate * self.slope\n        self.slope = 0.0"
    )
    .replace("for layer in layers:\n        layer.step", "for layer in dict.fromkeys(layers):\n        layer.step")
)


def test_one_layer_that_is_listed_twice_is_named(tmp_path: Path) -> None:
    (found,) = findings(tmp_path, WRONG, trials=True)
    assert (found.code, blamed_line(WRONG, found)) == ("SC404", "inner = 2 * [Bent(7, 7)]")
    assert found.fixes[0].confidence == "verified"
    assert "inner = [Bent(7, 7) for _ in range(2)]" in repaired(WRONG, found.fixes[0])


def test_weights_that_are_shared_on_purpose_are_right(tmp_path: Path) -> None:
    assert findings(tmp_path, SHARED) == []
    assert findings(tmp_path, STACK.replace("2 * [Bent(7, 7)]", "[Bent(7, 7) for _ in range(2)]")) == []
