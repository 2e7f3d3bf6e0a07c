"""The state depends on the bias, which a forward pass leaves alone, and the gradients through time are numeric ones."""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from numeric_truth import gradients_match, sigmoid


def check(ns):
    assert np.mean(ns["window"][-100:]) < 0.8 * np.mean(ns["window"][:100])
    G = ns["gradients"].__globals__
    rng = np.random.default_rng(1)
    p = {k: G[k] for k in ("U", "R", "bias", "V")}
    for k in p:
        p[k][...] = rng.normal(size=p[k].shape) * 0.5
    kept = p["bias"].copy()
    bits, t = rng.normal(size=(4, 2)), np.array([1.0, 0.0, 0.0, 1.0])
    value, grads = ns["gradients"](bits, t)
    assert np.array_equal(p["bias"], kept), "the bias is overwritten by the forward pass"

    def loss():
        h, total = np.zeros((7, 1)), 0.0
        for x, y in zip(bits, t):
            h = np.tanh(p["U"] @ x[:, None] + p["R"] @ h + p["bias"])
            a = sigmoid(p["V"] @ h).item()
            total -= y * np.log(a) + (1 - y) * np.log(1 - a)
        return total

    assert abs(value - loss()) < 1e-9
    gradients_match(dict(zip(p, grads)), p, loss)
