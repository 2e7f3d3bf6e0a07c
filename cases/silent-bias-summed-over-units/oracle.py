"""The run is that of gradient descent, written independently."""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from numeric_truth import fell


def check(ns):
    X, Y = ns["X"], ns["Y"]
    np.random.seed(171)
    np.random.randn(16, 3)
    W, b = np.random.randn(3, 16) * 0.6, np.random.randn(16) * 0.1
    V, c = np.random.randn(16, 2) * 0.3, np.zeros(2)
    wanted = []
    for _ in range(60):
        z = X @ W + b
        e = np.where(z > 0, z, 0) @ V + c - Y
        wanted.append(np.mean(e ** 2))
        e = e / 16
        d = np.einsum("no,ho,nh->nh", e, V, (z > 0) * 1.0)
        W, b, V, c = W - 0.4 * np.einsum("ni,nh->ih", X, d), b - 0.4 * np.ones(16) @ d, V - 0.4 * np.where(z > 0, z, 0).T @ e, c - 0.4 * np.ones(16) @ e
    assert np.allclose(ns["mse"][:60], wanted, rtol=1e-6)
    fell(ns["mse"], 0.3)
