"""The step is the numeric gradient of the loss under the same mask; with it on, a fifth of the units is dropped, different ones in each row."""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from numeric_truth import fell, log_softmax, step_descends


def check(ns):
    net = ns["net"]
    fell(ns["log"], 1.0)
    assert ns["log"][-1] < 0.6
    rng = np.random.default_rng(2)
    x, y = rng.normal(size=(32, 10)), rng.integers(0, 4, 32)
    net.forward(x)
    active = np.maximum(x @ net.W1 + net.b1, 0) > 0
    dropped, kept = active & (net.h == 0), active & (net.h != 0)
    assert np.any(dropped.any(axis=0) & kept.any(axis=0)), "every row loses the same units"
    share = dropped.sum() / active.sum()
    assert 0.1 < share < 0.3, "dropout drops %.2f of the active units" % share
    names = ["W1", "b1", "W2", "b2"]

    def loss(p):
        h = np.maximum(x @ p["W1"] + p["b1"], 0) * mask
        return -log_softmax(h @ p["W2"] + p["b2"], 1)[np.arange(32), y].mean()

    net.forward(x)
    with np.errstate(invalid="ignore", divide="ignore"):
        before = np.maximum(x @ net.W1 + net.b1, 0)
        mask = np.where(before > 0, net.h / before, 0.0)
    step_descends(lambda: {k: getattr(net, k) for k in names}, lambda: net.backward(y, 0.05), loss)
