"""The gradients through time are the numeric ones and the loss falls."""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from numeric_truth import fell, gradients_match


def check(ns):
    fell(ns["smooth"], 0.5)
    G = ns["bptt"].__globals__
    rng = np.random.default_rng(2)
    p = {k: G[k] for k in ("Wx", "Wh", "b", "v")}
    assert p["b"].size == 6 and p["Wh"].shape == (6, 6)
    for k in p:
        p[k][...] = rng.normal(size=p[k].shape) * 0.4
    s, t = rng.normal(size=9), rng.normal(size=9)

    def loss():
        h, total = np.zeros(6), 0.0
        for i in range(9):
            h = np.tanh(p["Wx"].ravel() * s[i] + p["Wh"] @ h + p["b"].ravel())
            total += 0.5 * (p["v"].ravel() @ h - t[i]) ** 2
        return total

    value, *grads = ns["bptt"](s, t)
    assert abs(value - loss()) < 1e-9
    gradients_match(dict(zip(p, grads)), p, loss)
