"""With the goal held fixed the gradients are numeric; the values found are those of the corridor."""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from numeric_truth import gradients_match


def check(ns):
    value = ns["net"].values(np.eye(6))[:-1, 1]
    assert np.all(np.diff(value) > 0) and abs(value[-1] - 1) < 0.1, value
    net = ns["QNet"]()
    rng = np.random.default_rng(1)
    p = dict(zip(("W1", "b1", "W2", "b2"), net.parameters()))
    p["b1"] += rng.normal(size=12) * 0.5
    s, goal = rng.normal(size=(5, 6)), rng.normal(size=(5, 2))
    loss = lambda: 0.5 * np.sum((np.maximum(0, s @ p["W1"] + p["b1"]) @ p["W2"] + p["b2"] - goal) ** 2)
    gradients_match(dict(zip(p, net.backward(net.values(s) - goal))), p, loss)
