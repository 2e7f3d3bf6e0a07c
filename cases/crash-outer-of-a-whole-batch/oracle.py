"""A step over a batch follows the numeric gradient and the loss falls."""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from numeric_truth import fell, sigmoid, step_descends


def check(ns):
    s = ns["s"]
    fell(ns["losses"], 0.5)
    rng = np.random.default_rng(2)
    x, t = rng.normal(size=(6, 2)), rng.random((6, 3))

    def loss(p):
        h = sigmoid(x @ p["W"] + p["bw"])
        return 0.5 * ((sigmoid(h @ p["U"] + p["bu"]) - t) ** 2).sum() / 6

    step_descends(lambda: {k: getattr(s, k) for k in ("W", "bw", "U", "bu")}, lambda: s.learn(x, t, 0.05), loss)
