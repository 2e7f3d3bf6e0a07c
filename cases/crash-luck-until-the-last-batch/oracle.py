"""softmax gives rows that sum to one, the gradient is the numeric one, and training falls."""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from numeric_truth import fell, log_softmax, numgrad, proportional


def check(ns):
    fell(ns["progress"], 0.6)
    rng = np.random.default_rng(5)
    for n in (4, 6):
        x, k, W = rng.normal(size=(n, 3)), rng.integers(0, 4, n), rng.normal(size=(3, 4))
        assert np.allclose(ns["softmax"](x @ W), np.exp(log_softmax(x @ W, 1))), "this is not softmax over the classes"
        loss = lambda: -log_softmax(x @ W, 1)[np.arange(n), k].mean()
        value, g = ns["loss_and_gradient"](W, x, k)
        assert abs(value - loss()) < 1e-10
        proportional(g, numgrad(loss, W), "W")
