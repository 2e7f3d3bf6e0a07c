"""The gradients of the squared error are right for both layers and training falls."""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from numeric_truth import fell, gradients_match, sigmoid


def check(ns):
    fell(ns["curve"], 0.1)
    assert ns["W1"].shape == (3, 5) and ns["W2"].shape == (5, 2) and ns["b1"].size == 5 and ns["b2"].size == 2
    rng = np.random.default_rng(7)
    x, t = rng.normal(size=(6, 3)), rng.normal(size=(6, 2))
    p = {"W1": rng.normal(size=(3, 5)), "b1": rng.normal(size=5), "W2": rng.normal(size=(5, 2)), "b2": rng.normal(size=2)}

    def loss():
        out = sigmoid(x @ p["W1"] + p["b1"]) @ p["W2"] + p["b2"]
        return ((out - t) ** 2).sum() / 12

    result = ns["loss_and_grads"](x, t, **p)
    assert abs(result[0] - loss()) < 1e-10, "the loss has changed"
    gradients_match(dict(zip(p, result[1:])), p, loss)
