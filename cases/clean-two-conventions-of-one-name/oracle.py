"""Minus the steps are the numeric gradients of half the squared error."""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from numeric_truth import fell, gradients_match, sigmoid


def check(ns):
    fell(ns["errors"], 0.7)
    rng = np.random.default_rng(1)
    p = {"W1": rng.normal(size=(3, 4)), "c1": rng.normal(size=4), "W2": rng.normal(size=(4, 3)), "c2": rng.normal(size=3), "W3": rng.normal(size=(3, 2)), "c3": rng.normal(size=2)}
    x, y = rng.normal(size=(5, 3)), rng.normal(size=(5, 2))
    loss = lambda: 0.5 * np.sum((sigmoid(np.tanh(x @ p["W1"] + p["c1"]) @ p["W2"] + p["c2"]) @ p["W3"] + p["c3"] - y) ** 2) / 5
    gradients_match({k: -s for k, s in ns["steps"](x, y, p).items()}, p, loss)
