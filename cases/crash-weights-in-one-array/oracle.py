"""Weights of both layers keep their shapes and a step follows the numeric gradient."""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from numeric_truth import fell, step_descends


def check(ns):
    W, B = ns["W"], ns["B"]
    fell(ns["loss"], 0.4)
    assert [w.shape for w in W] == [(3, 5), (5, 2)]
    rng = np.random.default_rng(5)
    x, t = rng.normal(size=(6, 3)), rng.normal(size=(6, 2))

    def loss(p):
        h = np.tanh(x @ p["W0"] + p["b0"])
        return ((np.tanh(h @ p["W1"] + p["b1"]) - t) ** 2).sum() / 12

    read = lambda: {"W0": W[0], "W1": W[1], "b0": B[0], "b1": B[1]}
    step_descends(read, lambda: ns["train"](x, t, 0.05), loss)
