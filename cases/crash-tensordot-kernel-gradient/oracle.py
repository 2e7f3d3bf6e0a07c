"""Kernel, bias and output weights follow numeric gradients, and training falls."""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from numeric_truth import fell, gradients_match


def check(ns):
    fell(ns["losses"], 0.5)
    conv = ns["conv"]
    assert conv.K.shape == (3, 3, 4) and conv.b.shape == (4,)
    rng = np.random.default_rng(2)
    x = rng.normal(size=(3, 6, 8))
    g = rng.normal(size=(3, 4, 6, 4))
    p = {"K": conv.K, "b": conv.b}

    def loss():
        total = 0.0
        for i in range(4):
            for j in range(6):
                patch = x[:, i:i + 3, j:j + 3].reshape(3, 9)
                total += ((patch @ p["K"].reshape(9, 4) + p["b"]) * g[:, i, j]).sum()
        return total

    assert np.isclose((conv.forward(x) * g).sum(), loss())
    conv.backward(g)
    gradients_match({"K": conv.dK, "b": conv.db}, p, loss)
    lin = ns["top"]
    h, d = rng.normal(size=(5, 4)), rng.normal(size=(5, 2))
    lin.forward(h)
    lin.backward(d)
    gradients_match({"W": lin.dW}, {"W": lin.W}, lambda: (h @ lin.W * d).sum())
