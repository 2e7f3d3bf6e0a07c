"""The weights have the size of the data's columns and the last gradient is the numeric one."""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from numeric_truth import fell, numgrad, proportional, sigmoid


def check(ns):
    fell(ns["J"], 0.4)
    X, y = np.asarray(ns["X"]), np.ravel(ns["y"])
    theta, grad = np.ravel(ns["theta"]), np.ravel(ns["grad"])
    assert theta.size == 3 and grad.size == 3
    before = theta + ns["alpha"] * grad
    proportional(grad, numgrad(lambda: ((sigmoid(X @ before) - y) ** 2).sum() / 60, before), "theta")
