"""Gradients are numeric ones, and on both sides of zero."""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from numeric_truth import fell, gradients_match


def check(ns):
    fell(ns["trace"], 0.5)
    rng = np.random.default_rng(1)
    layers = [[rng.normal(size=(5, 3)), rng.normal(size=(5, 1))], [rng.normal(size=(4, 5)), rng.normal(size=(4, 1))], [rng.normal(size=(2, 4)), rng.normal(size=(2, 1))]]
    x, y = rng.normal(size=(3, 6)), rng.normal(size=(2, 6))
    p = {"%s%d" % ("Wb"[j], i): layers[i][j] for i in range(3) for j in range(2)}

    def loss():
        a = x
        for i, (W, b) in enumerate(layers):
            z = W @ a + b
            a = np.where(z > 0, z, 0.1 * z) if i < 2 else z
        return np.mean((y - a) ** 2)

    zs, acts = ns["forward"](x, layers)
    grads = ns["backward"](zs, acts, y, layers)
    gradients_match({"%s%d" % ("Wb"[j], i): grads[i][j] for i in range(3) for j in range(2)}, p, loss)
