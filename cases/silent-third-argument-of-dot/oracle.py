"""All four gradients are the numeric ones."""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from numeric_truth import fell, gradients_match, sigmoid


def check(ns):
    fell(ns["costs"], 0.6)
    rng = np.random.default_rng(1)
    p = {"W1": rng.normal(size=(5, 2)), "b1": rng.normal(size=(5, 1)), "W2": rng.normal(size=(1, 5)), "b2": rng.normal(size=(1, 1))}
    X, Y = rng.normal(size=(2, 7)), (rng.random((1, 7)) > 0.5).astype(float)
    _, cache = ns["forward_propagation"](X, p)
    g = ns["backward_propagation"](p, cache, X, Y)

    def loss():
        a = sigmoid(p["W2"] @ np.tanh(p["W1"] @ X + p["b1"]) + p["b2"])
        return -(Y * np.log(a) + (1 - Y) * np.log(1 - a)).mean()

    gradients_match({k: g["d" + k] for k in p}, p, loss)
