"""The gradient of the unrolled theta is the numeric one and the loss falls."""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from numeric_truth import numgrad, proportional


def check(ns):
    assert np.mean(ns["J"][-50:]) < 0.1 * np.mean(ns["J"][:20])
    theta = ns["theta"]
    rng = np.random.default_rng(1)
    theta[...] = rng.normal(size=theta.shape)
    X, Y = rng.normal(size=(4, 3)), rng.normal(size=(4, 3))

    def loss():
        w1, w2 = theta[:20].reshape(4, 5), theta[20:].reshape(4, 5)
        out = w2[:, :4] @ np.tanh(w1[:, :4] @ X + w1[:, 4:]) + w2[:, 4:]
        return 0.5 * ((out - Y) ** 2).sum() / 3

    value, g = ns["value_and_gradient"](X, Y)
    assert abs(value - loss()) < 1e-10
    proportional(g, numgrad(loss, theta), "theta")
