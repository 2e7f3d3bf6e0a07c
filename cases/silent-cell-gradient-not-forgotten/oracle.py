"""Gradients through four steps of the LSTM are numeric ones."""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from numeric_truth import gradients_match, sigmoid


def check(ns):
    G = ns["forward"].__globals__
    p = {k: G[k] for k in ("W", "b")}
    rng = np.random.default_rng(1)
    xs, u = rng.normal(size=(4, 2)), rng.normal(size=6)

    def loss():
        h, c = np.zeros(6), np.zeros(6)
        for x in xs:
            z = p["W"] @ np.concatenate([x, h]) + p["b"]
            i, f, o = sigmoid(z[:6]), sigmoid(z[6:12]), sigmoid(z[12:18])
            c = f * c + i * np.tanh(z[18:])
            h = o * np.tanh(c)
        return u @ h

    _, steps = ns["forward"](xs)
    gradients_match(dict(zip(p, ns["backward"](u.copy(), steps))), p, loss)
    assert np.mean(ns["history"][-100:]) < 0.9 * np.mean(ns["history"][:50])
