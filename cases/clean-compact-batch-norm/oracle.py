"""A batch norm between two products has numeric gradients."""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from numeric_truth import fell, gradients_match


def check(ns):
    fell(ns["losses"], 0.6)
    first, norm, last = ns["Affine"](3, 4), ns["BatchNorm"](4), ns["Affine"](4, 2)
    rng = np.random.default_rng(1)
    norm.gamma, norm.beta = rng.normal(size=4), rng.normal(size=4)
    p = {"W1": first.W, "gamma": norm.gamma, "beta": norm.beta, "W2": last.W}
    x, c = rng.normal(size=(6, 3)), rng.normal(size=(6, 2))

    def loss():
        z = x @ p["W1"]
        h = p["gamma"] * (z - z.mean(0)) / np.sqrt(z.var(0) + 1e-5) + p["beta"]
        return np.sum(c * np.tanh(h @ p["W2"]))

    out = last.forward(norm.forward(first.forward(x)))
    first.backward(norm.backward(last.backward(c * (1 - np.tanh(out) ** 2))))
    gradients_match({"W1": first.dW, "gamma": norm.dgamma, "beta": norm.dbeta, "W2": last.dW}, p, loss)
