"""Gradients through time are the numeric ones for a batch of sequences."""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from numeric_truth import gradients_match


def check(ns):
    assert np.all(np.isfinite(ns["losses"])) and np.mean(ns["losses"][-50:]) < np.mean(ns["losses"][:5])
    rng = np.random.default_rng(4)
    p = {k: rng.normal(size=v.shape) * 0.5 for k, v in ns["p"].items()}
    assert p["Wx"].shape == (2, 6) and p["Wh"].shape == (6, 6) and p["b"].size == 6
    X, Y = rng.normal(size=(5, 4, 2)), rng.normal(size=(5, 1))

    def loss():
        h = np.zeros((5, 6))
        for t in range(4):
            h = np.tanh(X[:, t] @ p["Wx"] + h @ p["Wh"] + p["b"])
        return ((h @ p["Wy"] - Y) ** 2).mean()

    hs, out = ns["forward"](p, X)
    gradients_match(ns["backward"](p, X, Y, hs, out), p, loss)
