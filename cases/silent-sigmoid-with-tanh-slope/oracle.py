"""From the first cost to the last the run is that of plain gradient descent, written independently."""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from numeric_truth import sigmoid


def check(ns):
    X, Y = ns["X"], ns["Y"]
    np.random.seed(20)
    np.random.uniform(-1, 1, X.shape)
    W1, b1 = np.random.randn(5, 3), np.zeros((5, 1))
    W2, b2 = np.random.randn(1, 5), np.zeros((1, 1))
    wanted = []
    for _ in range(500):
        h = sigmoid(W1 @ X + b1)
        p = sigmoid(W2 @ h + b2)
        wanted.append(-np.mean(Y * np.log(p) + (1 - Y) * np.log(1 - p)))
        e = (p - Y) / X.shape[1]
        d = (W2.T @ e) * h * (1 - h)
        W2, b2 = W2 - 1.5 * e @ h.T, b2 - 1.5 * e.sum(axis=1, keepdims=True)
        W1, b1 = W1 - 1.5 * d @ X.T, b1 - 1.5 * d.sum(axis=1, keepdims=True)
    assert np.allclose(ns["costs"], wanted, rtol=1e-6), "the costs are not those of gradient descent"
    assert np.allclose(ns["W1"], W1) and np.allclose(ns["b1"], b1)
