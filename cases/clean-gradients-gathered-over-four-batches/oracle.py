"""What two batches leave behind is the numeric gradient of their summed loss."""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from numeric_truth import fell, gradients_match, log_softmax


def check(ns):
    fell(ns["curve"], 0.7)
    model = ns["Model"]()
    rng = np.random.default_rng(1)
    p = dict(enumerate(model.params))
    batches = [(rng.normal(size=(5, 6)), rng.integers(0, 3, 5)), (rng.normal(size=(4, 6)), rng.integers(0, 3, 4))]

    def loss():
        total = 0.0
        for x, t in batches:
            z = x @ p[0] + p[1]
            total -= log_softmax(np.where(z > 0, z, 0.01 * z) @ p[2] + p[3], 1)[np.arange(len(t)), t].sum()
        return total

    value = sum(model.loss_and_accumulate(x, t) for x, t in batches)
    assert abs(value - loss()) < 1e-9
    gradients_match(dict(enumerate(model.grads)), p, loss)
