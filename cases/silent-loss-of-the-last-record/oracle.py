"""The last loss shown is the mean squared error of the network over all records at that time."""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from numeric_truth import fell, sigmoid


def check(ns):
    X, t = ns["features"], ns["targets"]
    np.random.seed(21)
    np.random.normal(size=X.shape), np.random.normal(size=len(X))
    W, v = np.random.normal(scale=3 ** -0.5, size=(3, 4)), np.random.normal(scale=3 ** -0.5, size=4)
    wanted = []
    for e in range(200):
        h = sigmoid(X @ W)
        o = sigmoid(h @ v)
        d = (t - o) * o * (1 - o)
        dW, dv = X.T @ (np.outer(d, v) * h * (1 - h)), h.T @ d
        W, v = W + 2.0 * dW / len(X), v + 2.0 * dv / len(X)
        if e % 20 == 0:
            wanted.append(np.mean((sigmoid(sigmoid(X @ W) @ v) - t) ** 2))
    assert np.allclose(ns["shown"], wanted), "what is shown is not the loss over all records"
    fell(ns["shown"], 0.9)
