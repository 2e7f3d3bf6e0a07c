"""The forward pass adds the biases and leaves them alone; gradients are the numeric ones."""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from numeric_truth import fell, step_descends


def check(ns):
    fell(ns["losses"], 0.2)
    rng = np.random.default_rng(3)
    X, Y = rng.normal(size=(9, 4)), rng.normal(size=(9, 2))
    p = {"W1": rng.normal(size=(4, 6)), "b1": rng.normal(size=6), "W2": rng.normal(size=(6, 2)), "b2": rng.normal(size=2)}

    def loss(p):
        return ((np.maximum(X @ p["W1"] + p["b1"], 0) @ p["W2"] + p["b2"] - Y) ** 2).sum() / 9

    def step():
        now = loss(p)
        value, *new = ns["train_step"](X, Y, *p.values(), 0.01)
        assert abs(value - now) < 1e-10, "the forward pass is not X.W + b"
        p.update(zip(list(p), new))

    step_descends(lambda: p, step, loss)
