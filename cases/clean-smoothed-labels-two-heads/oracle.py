"""Cost and gradients agree for both heads together."""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from numeric_truth import fell, gradients_match, log_softmax


def check(ns):
    fell(ns["history"], 0.7)
    rng = np.random.default_rng(1)
    p = {k: rng.normal(size=v.shape) for k, v in ns["init"](3, 4, 3).items()}
    X, T, S = rng.normal(size=(3, 6)), ns["smooth"](np.eye(3)[:, rng.integers(0, 3, 6)]), rng.normal(size=(1, 6))

    def loss():
        h = np.tanh(p["U"] @ X + p["u"])
        size = p["R"] @ h + p["r"]
        return (-np.sum(T * log_softmax(p["C"] @ h + p["c"], 0)) + 0.25 * np.sum((size - S) ** 2)) / 6

    H, P, size = ns["forward"](p, X)
    assert abs(ns["cost"](P, size, T, S) - loss()) < 1e-9
    gradients_match(ns["backward"](p, X, H, P, size, T, S), p, loss)
