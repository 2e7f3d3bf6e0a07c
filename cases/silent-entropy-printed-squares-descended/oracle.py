"""What is recorded as the loss and what is descended are the same, by numeric gradients."""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from numeric_truth import fell, gradients_match


def check(ns):
    fell(ns["history"], 0.8)
    net = ns["Classifier"](3, 4)
    rng = np.random.default_rng(1)
    p = {k: getattr(net, k) for k in ("W1", "b1", "W2", "b2")}
    p["b1"] += rng.normal(size=4)
    X, y = rng.normal(size=(6, 3)), (rng.random((6, 1)) > 0.5).astype(float)

    def loss():
        net.forward(X)
        return float(net.log_loss(y))

    net.forward(X)
    grads = net.backprop(y)
    gradients_match(dict(zip(p, grads)), p, loss)
