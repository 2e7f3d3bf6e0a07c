"""Gradients with the bias row match numeric ones for full and for smaller batches, and the loss falls."""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from numeric_truth import fell, gradients_match


def check(ns):
    fell(ns["epoch_loss"], 0.2)
    rng = np.random.default_rng(0)
    # a repair may also leave the smaller batch out, so the checked batch is a full one
    x, t = rng.normal(size=(20, 4)), rng.normal(size=(20, 1))
    weights = [rng.normal(size=(5, 8)), rng.normal(size=(9, 1))]
    assert [w.shape for w in ns["weights"]] == [w.shape for w in weights]

    def loss():
        h = np.tanh(weights[0][0] + x @ weights[0][1:])
        return ((weights[1][0] + h @ weights[1][1:] - t) ** 2).mean()

    value, grads = ns["gradients"](x, t, weights)
    assert abs(value - loss()) < 1e-10
    gradients_match(dict(enumerate(grads)), dict(enumerate(weights)), loss)
