"""Biases keep one entry per unit, and the gradients left by the last iteration are the numeric ones."""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from numeric_truth import fell, gradients_match, sigmoid


def check(ns):
    assert ns["b1"].size == 6 and ns["b2"].size == 1, "biases are %s and %s" % (ns["b1"].shape, ns["b2"].shape)
    fell(ns["cost_per_epoch"], 0.5)
    X, Y, rate = ns["X"], ns["sick"], ns["rate"]
    got = {k: ns["d" + k] for k in ("W1", "b1", "W2", "b2")}
    p = {k: np.array(ns[k] + rate * got[k]) for k in got}  # where the last gradients were taken

    def loss():
        a = sigmoid(p["W2"] @ np.tanh(p["W1"] @ X + p["b1"].reshape(-1, 1)) + p["b2"].reshape(-1, 1))
        return -(Y * np.log(a) + (1 - Y) * np.log(1 - a)).mean()

    gradients_match(got, p, loss)
