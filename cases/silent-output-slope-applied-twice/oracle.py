"""Loss and gradients agree, numerically."""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from numeric_truth import fell, gradients_match, sigmoid


def check(ns):
    fell(ns["losses"], 0.6)
    rng = np.random.default_rng(1)
    p = {"U": rng.normal(size=(2, 4)), "p": rng.normal(size=4), "V": rng.normal(size=(4, 1)), "q": rng.normal(size=1)}
    x, y = rng.normal(size=(7, 2)), (rng.random((7, 1)) > 0.5).astype(float)

    def loss():
        a = sigmoid(np.tanh(x @ p["U"] + p["p"]) @ p["V"] + p["q"])
        return -np.mean(y * np.log(a) + (1 - y) * np.log(1 - a)) + 0.1 * ((p["U"] ** 2).sum() + (p["V"] ** 2).sum())

    value, grads = ns["loss_and_gradients"](p, x, y, lam=0.2)
    assert abs(value - loss()) < 1e-9
    gradients_match(grads, p, loss)
