"""One pass over one sample moves both weight matrices against the numeric gradient."""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from numeric_truth import fell, step_descends


def check(ns):
    net = ns["reseau"]
    fell(ns["couts"], 0.5)
    rng = np.random.default_rng(9)
    for k in net:
        net[k] = rng.normal(size=net[k].shape)
    x, t = rng.normal(size=3), rng.normal(size=2)

    def loss(p):
        return 0.5 * ((p["W2"] @ np.tanh(p["W1"] @ x + p["b1"]) + p["b2"] - t) ** 2).sum()

    step_descends(lambda: net, lambda: ns["apprendre"](net, x, t, 0.01), loss)
