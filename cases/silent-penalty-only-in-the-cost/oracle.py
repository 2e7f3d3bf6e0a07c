"""Cost and gradients agree, penalties included."""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from numeric_truth import fell, gradients_match, sigmoid


def check(ns):
    fell(ns["J_history"], 0.8)
    rng = np.random.default_rng(1)
    p = {"1": rng.normal(size=(4, 3)), "2": rng.normal(size=(2, 5))}
    X, Y = rng.normal(size=(6, 2)), (rng.random((6, 2)) > 0.5).astype(float)

    def loss():
        a = sigmoid(np.hstack((np.ones((6, 1)), X)) @ p["1"].T)
        a = sigmoid(np.hstack((np.ones((6, 1)), a)) @ p["2"].T)
        value = -np.sum(Y * np.log(a) + (1 - Y) * np.log(1 - a)) / 6
        return value + 0.01 * ((p["1"][:, 1:] ** 2).sum() + (p["2"][:, 1:] ** 2).sum())

    J, g1, g2 = ns["cost_and_gradient"](p["1"], p["2"], X, Y)
    assert abs(J - loss()) < 1e-9
    gradients_match({"1": g1, "2": g2}, p, loss, )
