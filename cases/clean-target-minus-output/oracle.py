"""One training step follows the negative numeric gradient of the squared error."""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from numeric_truth import fell, sigmoid, step_descends


def check(ns):
    net = ns["netz"]
    fell(ns["verlauf"], 0.4)
    rng = np.random.default_rng(1)
    x, t = rng.normal(size=(6, 5)), rng.random((6, 3))

    def loss(p):
        o = sigmoid(sigmoid(x @ p["wih"] + p["bih"]) @ p["who"] + p["bho"])
        return 0.5 * ((t - o) ** 2).sum() / 6

    net.lr = 0.01
    step_descends(lambda: {k: getattr(net, k) for k in ("wih", "bih", "who", "bho")}, lambda: net.train(x, t), loss)
