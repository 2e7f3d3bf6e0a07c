"""The run is that of gradient descent in the same batches, written independently."""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from numeric_truth import fell


def check(ns):
    np.random.seed(231)
    x = np.linspace(-3, 3, 80)[:, None]
    y = np.exp(-x ** 2) + 0.3 * x
    W, b, V, c = np.random.randn(1, 10), np.random.randn(10), np.random.randn(10, 1) * 0.3, np.zeros(1)
    errors = []
    for _ in range(300):
        order = np.random.permutation(80)
        for rows in order.reshape(4, 20):
            h = np.tanh(x[rows] @ W + b)
            e = (h @ V + c - y[rows]) / 20
            d = (e @ V.T) * (1 - h * h)
            W, b, V, c = W - 0.2 * x[rows].T @ d, b - 0.2 * d.sum(0), V - 0.2 * h.T @ e, c - 0.2 * e.sum(0)
        errors.append(np.mean((np.tanh(x @ W + b) @ V + c - y) ** 2))
    fell(errors, 0.5)
    assert np.allclose(ns["fit"], np.tanh(x @ W + b) @ V + c, atol=1e-4), "the fit is not that of gradient descent"
