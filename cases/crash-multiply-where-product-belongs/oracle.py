"""The forward pass is that of a two-layer network, gradients are numeric ones, and the error falls."""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from numeric_truth import fell, gradients_match, sigmoid


def check(ns):
    r = ns["rete"]
    fell(ns["errori"], 0.3)
    rng = np.random.default_rng(1)
    X, Y = rng.normal(size=(4, 6)), rng.normal(size=(2, 6))
    p = {k: rng.normal(size=getattr(r, k).shape) for k in ("W1", "b1", "W2", "b2")}
    for k in p:
        setattr(r, k, p[k])
    r.indietro(r.avanti(X) - Y)
    loss = lambda: 0.5 * ((p["W2"] @ sigmoid(p["W1"] @ X + p["b1"]) + p["b2"] - Y) ** 2).sum() / 6
    gradients_match({k: getattr(r, "d" + k) for k in p}, p, loss)
