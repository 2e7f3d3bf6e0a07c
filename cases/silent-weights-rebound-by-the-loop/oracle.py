"""One step goes down the numeric gradient, all by one rate."""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from numeric_truth import fell, step_descends


def check(ns):
    fell(ns["losses"], 0.2)
    model = ns["Model"]([2, 3, 2])
    r = np.random.RandomState(1)
    x, t = r.randn(2, 5), r.randn(2, 5) * 0.3

    def loss(p):
        a = np.tanh(p["w0"] @ x + p["b0"])
        return 0.5 * np.sum((np.tanh(p["w1"] @ a + p["b1"]) - t) ** 2)

    read = lambda: {f"{k}{i}": v for k, l in (("w", model.weights), ("b", model.biases)) for i, v in enumerate(l)}
    step_descends(read, lambda: model.train(x, t, 0.01, 1), loss)
