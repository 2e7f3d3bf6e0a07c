"""All gradients, those of the filters too, are scaled alike and numeric."""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from numeric_truth import fell, gradients_match, sigmoid


def check(ns):
    fell(ns["history"], 0.8)
    net = ns["Detector"](2, 4, 12, 3)
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(5, 12)), (rng.random((5, 1)) > 0.5).astype(float)
    p = {k: getattr(net, k) for k in ("k", "kb", "w", "wb")}
    p["kb"] += 0.3

    def loss():
        a = np.stack([[np.correlate(row, k, "valid") + b for k, b in zip(p["k"], p["kb"])] for row in x])
        pooled = np.maximum(a, 0).reshape(5, 2, 3, 3).mean(axis=3).reshape(5, -1)
        q = sigmoid(pooled @ p["w"] + p["wb"])
        return -np.mean(y * np.log(q) + (1 - y) * np.log(1 - q))

    net.forward(x)
    net.backward(y)
    gradients_match({k: getattr(net, "d" + k) for k in p}, p, loss)
