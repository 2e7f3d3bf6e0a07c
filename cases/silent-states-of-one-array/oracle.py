"""The gradients through time are the numeric ones."""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from numeric_truth import gradients_match


def check(ns):
    r = np.random.RandomState(9)
    p = {"u": r.randn(5, 1), "w": r.randn(5, 5) * 0.4, "v": r.randn(1, 5)}
    x, y = r.randn(6), r.randn(6)

    def loss():
        h, total = np.zeros((5, 1)), 0.0
        for a, b in zip(x, y):
            h = np.tanh(p["u"] * a + p["w"] @ h)
            total += 0.5 * float(np.sum((p["v"] @ h - b) ** 2))
        return total

    got = dict(zip("uwv", ns["backward"](p["u"], p["w"], p["v"], x, y)))
    gradients_match(got, p, loss)
