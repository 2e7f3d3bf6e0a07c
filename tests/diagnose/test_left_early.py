"""Layers that a loop leaves out since it is left in its first turn; integers that cut steps off."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from training_programs import blamed_line, findings, repaired

LAYERS = """\
import numpy as np

rng = np.random.default_rng(1)
X = rng.normal(size=(2, 40))
T = (X[:1] * X[1:] > 0).astype(float)
sizes = [2, 6, 6, 1]
net = {}
for l in range(1, 4):
    net["W" + str(l)] = rng.normal(size=(sizes[l], sizes[l - 1]))
    net["b" + str(l)] = np.zeros((sizes[l], 1))


def step(net, slopes):
    for l in range(1, 4):
        net["W" + str(l)] -= 0.3 * slopes["W" + str(l)]
        net["b" + str(l)] -= 0.3 * slopes["b" + str(l)]
        return net


for epoch in range(10):
    outs = [X]
    for l in range(1, 4):
        outs.append(1 / (1 + np.exp(-(net["W" + str(l)] @ outs[-1] + net["b" + str(l)]))))
    d, slopes = (outs[-1] - T) / 40, {}
    for l in range(3, 0, -1):
        slopes["W" + str(l)] = d @ outs[l - 1].T
        slopes["b" + str(l)] = d.sum(axis=1, keepdims=True)
        d = net["W" + str(l)].T @ d * outs[l - 1] * (1 - outs[l - 1])
    net = step(net, slopes)
print(net["W1"][0])
"""
INTEGERS = """\
import numpy as np

rows = np.array([[1, 3, 1], [1, 2, 4], [1, 4, 0], [1, 1, 3]])
wanted = [2.9, 3.1, 3.2, 2.4]
weights = np.zeros_like(rows[0])
for epoch in range(20):
    slopes = [0.0] * 3
    for row, t in zip(rows, wanted):
        error = sum(weights[j] * row[j] for j in range(3)) - t
        for j in range(3):
            slopes[j] += error * row[j] / 4
    for j in range(3):
        weights[j] = weights[j] - 0.05 * slopes[j]
print(weights)
"""


def test_the_return_that_ends_a_loop_too_early_is_named(tmp_path: Path) -> None:
    (found,) = findings(tmp_path, LAYERS, trials=True)
    assert found.code == "SC406"
    assert blamed_line(LAYERS, found) == "        return net"
    assert "\n    return net\n" in repaired(LAYERS, found.fixes[0])


def test_steps_that_an_integer_array_cuts_off_are_named(tmp_path: Path) -> None:
    (found,) = findings(tmp_path, INTEGERS)
    assert found.code == "SC405"
    assert blamed_line(INTEGERS, found).startswith("weights = np.zeros_like")
