"""One training pair moves the looked-up rows of both tables against the numeric gradient."""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from numeric_truth import fell, step_descends, sigmoid


def check(ns):
    fell(ns["epoch_losses"], 0.85)
    G = ns["train_pair"].__globals__
    rng = np.random.default_rng(6)
    for k in ("W_in", "W_out"):
        assert G[k].shape == (len(ns["words"]), 5)
        G[k][...] = rng.normal(size=G[k].shape)

    def loss(p):
        u = p["W_out"] @ p["W_in"][2]
        return -np.log(sigmoid(u[1])) - sum(np.log(1 - sigmoid(u[k])) for k in (4, 0, 4))

    step_descends(lambda: {k: G[k] for k in ("W_in", "W_out")}, lambda: ns["train_pair"](2, 1, [4, 0, 4], 1e-3), loss)
