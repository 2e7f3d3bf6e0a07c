"""The pruned network has five hidden units in all its parameters and fine tuning lowers its loss."""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from numeric_truth import fell, step_descends


def check(ns):
    fell(ns["full"], 0.2)
    fell(ns["tuned"], 0.9)
    assert [np.shape(p) for p in ns["small"]] == [(4, 5), (5,), (5, 2), (2,)]
    big = [np.arange(12.0).reshape(4, 3), np.arange(3.0), np.array([[1.0, 0], [-5, 0], [0, 3]]), np.zeros(2)]
    cut = ns["prune"](big, 2)
    assert np.array_equal(cut[0], big[0][:, 1:]) and np.array_equal(cut[1], big[1][1:]) and np.array_equal(cut[2], big[2][1:])
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(6, 4)), rng.normal(size=(6, 2))
    net = [rng.normal(size=s) for s in ((4, 5), (5,), (5, 2), (2,))]

    def step():
        net[:] = ns["epoch"](x, y, net, 0.01)[1]

    def loss(p):
        return 0.5 * ((np.maximum(x @ p[0] + p[1], 0) @ p[2] + p[3] - y) ** 2).sum() / 6

    step_descends(lambda: dict(enumerate(net)), step, loss)
