"""One update moves all weights against their numeric gradients and the loss falls."""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from numeric_truth import fell, step_descends


def check(ns):
    net = ns["net"]
    fell(ns["curve"], 0.1)
    assert [W.shape for W, _ in net] == [(4, 6), (6, 5), (5, 2)]
    rng = np.random.default_rng(1)
    x, t = rng.normal(size=(6, 4)), rng.normal(size=(6, 2))

    def read():
        return {**{"W%d" % i: net[i][0] for i in range(3)}, **{"b%d" % i: net[i][1] for i in range(3)}}

    def loss(p):
        h = np.tanh(np.tanh(x @ p["W0"] + p["b0"]) @ p["W1"] + p["b1"])
        return 0.5 * ((h @ p["W2"] + p["b2"] - t) ** 2).sum() / 6

    step_descends(read, lambda: ns["improve"](net, ns["collect"](net, ns["run"](net, x), t), 0.05), loss)
