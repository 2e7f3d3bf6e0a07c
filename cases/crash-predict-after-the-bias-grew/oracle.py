"""The biases keep their shape, gradients are numeric ones and predict works for any number of samples."""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from numeric_truth import fell, gradients_match, sigmoid


def check(ns):
    p = ns["params"]
    assert p["b1"].size == 8 and p["b2"].size == 1, "biases are %s, %s" % (p["b1"].shape, p["b2"].shape)
    fell(ns["costs"], 0.5)
    rng = np.random.default_rng(4)
    X, Y = rng.normal(size=(2, 7)), (rng.random((1, 7)) > 0.5).astype(float)

    def loss():
        a = sigmoid(p["W2"] @ np.tanh(p["W1"] @ X + p["b1"].reshape(-1, 1)) + p["b2"].reshape(-1, 1))
        return -(Y * np.log(a) + (1 - Y) * np.log(1 - a)).mean()

    A, cache = ns["forward"](X, p)
    assert A.shape == (1, 7)
    g = ns["backward"](Y, p, cache)
    gradients_match({k: g[k] for k in p}, p, loss)
