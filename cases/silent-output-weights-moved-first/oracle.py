"""One step is the numeric gradient's also where the rate is large."""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from numeric_truth import numgrad, sigmoid


def check(ns):
    assert ns["errors"][-1] < 0.7 * ns["errors"][0]
    net = ns["Perceptron"](3, 4, 2)
    rng = np.random.default_rng(1)
    x, t = rng.normal(size=3), np.array([1.0, 0.0])
    p = {k: getattr(net, k).copy() for k in ("wh", "bh", "wo", "bo")}

    def loss():
        return 0.5 * np.sum((sigmoid(p["wo"] @ sigmoid(p["wh"] @ x + p["bh"]) + p["bo"]) - t) ** 2)

    net.feed(x)
    net.correct(t, 10.0)
    for k in p:
        assert np.allclose(p[k] - getattr(net, k), 10.0 * numgrad(loss, p[k]), atol=1e-6), k
