"""learn moves all four parameters against the numeric gradient of the cross-entropy."""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from numeric_truth import fell, log_softmax, step_descends


def check(ns):
    net = ns["brain"]
    fell(ns["total"], 0.3)
    rng = np.random.default_rng(6)
    names = ["W1", "b1", "W2", "b2"]
    for k in names:
        setattr(net, k, rng.normal(size=getattr(net, k).shape))
    x = rng.normal(size=9)

    def loss(p):
        h = np.maximum(p["W1"] @ x + p["b1"], 0)
        return -log_softmax(p["W2"] @ h + p["b2"], 0)[1]

    step_descends(lambda: {k: getattr(net, k) for k in names}, lambda: net.learn(x, 1, 0.01), loss)
