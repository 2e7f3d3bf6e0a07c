"""The gradient has theta's size, is the numeric one, and the loss falls."""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from numeric_truth import fell, numgrad, proportional


def check(ns):
    fell(ns["trace"], 0.05)
    rng = np.random.default_rng(8)
    X, y, theta = rng.normal(size=(6, 3)), rng.normal(size=(6, 1)), rng.normal(size=21)

    def loss():
        h = np.tanh(X @ theta[:12].reshape(3, 4) + theta[12:16])
        return ((h @ theta[16:20].reshape(4, 1) + theta[20] - y) ** 2).mean()

    proportional(ns["grad"](theta, X, y), numgrad(loss, theta), "theta")
