"""Without dropout and clipping the gradients are the numeric ones, and the loss falls."""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from numeric_truth import fell, gradients_match, log_softmax


def check(ns):
    fell(ns["curve"], 0.8)
    rng = np.random.default_rng(1)
    p = {"W1": rng.normal(size=(6, 16)), "b1": rng.normal(size=(1, 16)), "W2": rng.normal(size=(16, 3)), "b2": rng.normal(size=(1, 3))}
    x, t = rng.normal(size=(5, 6)), np.eye(3)[rng.integers(0, 3, 5)]

    def loss():
        out = -(t * log_softmax(np.maximum(x @ p["W1"] + p["b1"], 0) @ p["W2"] + p["b2"], 1)).sum() / 5
        return out + 0.05 * ((p["W1"] ** 2).sum() + (p["W2"] ** 2).sum())

    value, g = ns["loss_and_grads"](p, x, t, keep=1.0, decay=0.1)
    assert abs(value - loss()) < 1e-10
    gradients_match(g, p, loss)
