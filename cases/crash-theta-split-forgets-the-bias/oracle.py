"""The unrolled gradient is the numeric one and the cost falls."""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from numeric_truth import fell, numgrad, proportional, sigmoid


def check(ns):
    fell(ns["J_history"], 0.5)
    rng = np.random.default_rng(3)
    X, Y = rng.normal(size=(6, 4)), np.eye(3)[rng.integers(0, 3, 6)]
    theta = rng.normal(size=43)

    def loss():
        t1, t2 = theta[:25].reshape(5, 5), theta[25:].reshape(3, 6)
        a = sigmoid(sigmoid(X @ t1[:, 1:].T + t1[:, 0]) @ t2[:, 1:].T + t2[:, 0])
        J = -(Y * np.log(a) + (1 - Y) * np.log(1 - a)).sum() / 6
        return J + 0.7 / 12 * ((t1[:, 1:] ** 2).sum() + (t2[:, 1:] ** 2).sum())

    J, g = ns["cost_function"](theta, X, Y, 0.7)
    assert abs(J - loss()) < 1e-10
    proportional(g, numgrad(loss, theta), "theta")
