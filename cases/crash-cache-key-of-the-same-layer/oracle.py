"""All gradients are the numeric ones and the cost falls."""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from numeric_truth import fell, gradients_match


def check(ns):
    fell(ns["cost"], 0.3)
    rng = np.random.default_rng(1)
    p = {k: rng.normal(size=v.shape) * 0.6 for k, v in ns["theta"].items()}
    assert [p["W%d" % l].shape for l in (1, 2, 3)] == [(7, 3), (5, 7), (2, 5)]
    X, Y = rng.normal(size=(3, 6)), rng.normal(size=(2, 6))

    def loss():
        h = np.tanh(p["W2"] @ np.tanh(p["W1"] @ X + p["b1"]) + p["b2"])
        return ((p["W3"] @ h + p["b3"] - Y) ** 2).sum() / 12

    gradients_match(ns["differentiate"](p, ns["predict"](p, X), Y), p, loss)
