"""Gradients are numeric, and every parameter keeps its shape."""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from numeric_truth import fell, gradients_match, sigmoid


def check(ns):
    fell(ns["history"], 0.95)
    assert [np.shape(ns["params"][k]) for k in ("W1", "b1", "W2", "b2")] == [(5, 4), (5, 1), (1, 5), (1, 1)]
    rng = np.random.default_rng(0)
    p = {"W1": rng.normal(size=(3, 2)), "b1": rng.normal(size=(3, 1)), "W2": rng.normal(size=(2, 3)), "b2": rng.normal(size=(2, 1))}
    X, Y = rng.normal(size=(2, 6)), (rng.random((2, 6)) > 0.5).astype(float)

    def loss():
        a = sigmoid(p["W2"] @ np.tanh(p["W1"] @ X + p["b1"]) + p["b2"])
        return -np.sum(Y * np.log(a) + (1 - Y) * np.log(1 - a))

    gradients_match(ns["backward"](X, Y, p, ns["forward"](X, p)[1]), p, loss)
