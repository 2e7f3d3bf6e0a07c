"""The first step is a plain gradient step, later ones remember 0.8 of it."""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from numeric_truth import fell, numgrad


def check(ns):
    fell(ns["errors"], 0.6)
    rng = np.random.default_rng(1)
    w = {"W1": rng.normal(size=(3, 3)), "W2": rng.normal(size=(3, 3)), "W3": rng.normal(size=(3, 3))}
    x, y = rng.normal(size=(4, 3)), rng.normal(size=(4, 3))
    loss = lambda: 0.5 * np.sum((np.tanh(np.tanh(x @ w["W1"]) @ w["W2"]) @ w["W3"] - y) ** 2) / 4
    optimizer = ns["Momentum"](w, 0.5)
    speed = {k: 0.0 for k in w}
    for _ in range(2):
        wanted = {k: numgrad(loss, w[k]) for k in w}
        before = {k: v.copy() for k, v in w.items()}
        optimizer.step(w, ns["backward"](w, x, y))
        for k in w:
            speed[k] = 0.8 * speed[k] - 0.5 * wanted[k]
            assert np.allclose(w[k] - before[k], speed[k], atol=1e-6), k
