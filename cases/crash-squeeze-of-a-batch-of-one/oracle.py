"""A batch of one and a batch of ten both follow the numeric gradient."""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from numeric_truth import fell, step_descends


def check(ns):
    est = ns["est"]
    fell(ns["mse"], 0.6)
    assert ns["mse"][-1] < 0.12
    rng = np.random.default_rng(0)
    for n in (1, 10):
        x, y = rng.normal(size=(n, 3)), rng.normal(size=n)

        def loss(p):
            return (((np.tanh(x @ p["A"] + p["a"]) @ p["B"] + p["b"]).ravel() - y) ** 2).mean()

        step_descends(
            lambda: {k: getattr(est, k) for k in "AaBb"}, lambda: est.backward(est.forward(x), y, 0.01), loss
        )
