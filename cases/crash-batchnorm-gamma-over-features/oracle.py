"""All six gradients, gamma and beta among them, are the numeric ones and the loss falls."""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from numeric_truth import fell, gradients_match


def check(ns):
    fell(ns["loss_per_epoch"], 0.5)
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(7, 3)), rng.normal(size=(7, 1))
    shapes = {"gamma": 5, "beta": 5, "W1": (3, 5), "W2": (5, 1), "b2": 1}
    p = {k: rng.normal(size=s) for k, s in shapes.items()}

    def loss():
        z = x @ p["W1"]
        n = (z - z.mean(axis=0)) / np.sqrt(z.var(axis=0) + 1e-5)
        return ((np.tanh(p["gamma"] * n + p["beta"]) @ p["W2"] + p["b2"] - y) ** 2).sum() / 7

    out, cache = ns["net_forward"](p, x)
    gradients_match(ns["net_backward"](p, 2 * (out - y) / 7, cache), p, loss)
