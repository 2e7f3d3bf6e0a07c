"""One epoch goes down the numeric gradient."""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from numeric_truth import fell, step_descends


def check(ns):
    fell(ns["errors"], 0.3)
    r = np.random.RandomState(5)
    x, t = r.randn(6, 4), r.randn(6, 1)
    state = [[(r.randn(4, 3), r.randn(3)), (r.randn(3, 1), r.randn(1))]]

    def read():
        (w1, b1), (w2, b2) = state[0]
        return {"w1": w1, "b1": b1, "w2": w2, "b2": b2}

    def step():
        state[0] = ns["one_epoch"](state[0], x, t, 0.01)

    loss = lambda p: 0.5 * np.sum((np.tanh(x @ p["w1"] + p["b1"]) @ p["w2"] + p["b2"] - t) ** 2)
    step_descends(read, step, loss)
