"""One sample's step follows the numeric gradient of its cross-entropy."""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from numeric_truth import fell, sigmoid, step_descends


def check(ns):
    net = ns["net"]
    fell(ns["epoch_loss"], 0.2)
    rng = np.random.default_rng(5)
    x, y = rng.normal(size=(4, 1)), np.array([[1.0], [0.0]])
    read = lambda: {**{"W%d" % i: w for i, w in enumerate(net.W)}, **{"b%d" % i: b for i, b in enumerate(net.b)}}
    for p in net.W + net.b:
        p[...] = rng.normal(size=p.shape)

    def loss(p):
        a = x
        for i in range(3):
            a = sigmoid(p["W%d" % i] @ a + p["b%d" % i])
        return -(y * np.log(a) + (1 - y) * np.log(1 - a)).sum()

    step_descends(read, lambda: net.sample(x, y, 0.01), loss)
