"""The gradient of the cosine loss with repeated words is the numeric one."""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from numeric_truth import fell, numgrad, proportional


def check(ns):
    fell(ns["history"], 0.2)
    E = np.random.default_rng(0).normal(size=(8, 3))

    def loss():
        total = 0.0
        for a, b, w in zip(ns["left"], ns["right"], ns["wanted"]):
            total += (E[a] @ E[b] / np.linalg.norm(E[a]) / np.linalg.norm(E[b]) - w) ** 2
        return total / 2 / len(ns["wanted"])

    value, g = ns["loss_and_grad"](E)
    assert abs(value - loss()) < 1e-12
    proportional(g, numgrad(loss, E), "E")
