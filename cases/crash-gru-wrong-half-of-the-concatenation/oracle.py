"""The gradients through time are the numeric ones and the error falls."""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from numeric_truth import gradients_match, sigmoid


def check(ns):
    assert np.mean(ns["average"][-150:]) < 0.5 * np.mean(ns["average"][:150])
    p = ns["gradients"].__globals__["params"]
    assert p["W"].shape == (5, 8) and p["b"].size == 5
    rng = np.random.default_rng(3)
    for k in p:
        p[k] = rng.normal(size=p[k].shape) * 0.5
    xs = rng.normal(size=(4, 3, 1))

    def loss():
        h = np.zeros((5, 1))
        for x in xs:
            z = np.concatenate((h, x))
            g = sigmoid(p["Wg"] @ z + p["bg"])
            h = g * np.tanh(p["W"] @ z + p["b"]) + (1 - g) * h
        return 0.5 * ((p["U"] @ h - 0.3) ** 2).item()

    value, grads = ns["gradients"](xs, 0.3)
    assert abs(value - loss()) < 1e-10
    gradients_match(grads, p, loss)
