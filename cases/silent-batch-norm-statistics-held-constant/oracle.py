"""Loss and gradients agree, the weights before the normalisation included."""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from numeric_truth import fell, gradients_match, log_softmax


def check(ns):
    fell(ns["costs"], 0.6)
    rng = np.random.default_rng(1)
    p = {"W1": rng.normal(size=(2, 4)), "gamma": rng.normal(size=4), "beta": rng.normal(size=4), "W2": rng.normal(size=(4, 3)), "b2": rng.normal(size=3)}
    x, y = rng.normal(size=(7, 2)), np.eye(3)[rng.integers(0, 3, 7)]

    def loss():
        z = x @ p["W1"]
        h = np.tanh(p["gamma"] * (z - z.mean(0)) / np.sqrt(z.var(0) + 1e-5) + p["beta"])
        return -(y * log_softmax(h @ p["W2"] + p["b2"], 1)).sum() / 7

    value, g = ns["objective"](p, x, y)
    assert abs(value - loss()) < 1e-9
    gradients_match(g, p, loss)
