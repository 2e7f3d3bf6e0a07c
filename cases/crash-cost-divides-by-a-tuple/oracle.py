"""The cost is the mean binary cross-entropy, gradients match it, and training falls."""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from numeric_truth import fell, gradients_match


def check(ns):
    cost, X, Y, net = ns["cost_value"], ns["X"], ns["Y"], ns["net"]
    rng = np.random.default_rng(1)
    for n in (3, 8):
        p, y = rng.uniform(0.1, 0.9, (1, n)), (rng.random((1, n)) > 0.5).astype(float)
        want = -np.mean(y * np.log(p) + (1 - y) * np.log(1 - p))
        assert np.size(cost(p, y)) == 1 and abs(float(np.squeeze(cost(p, y))) - want) < 1e-10, "not the mean log loss"
    fell(ns["history"], 0.4)
    got, params = {}, {}
    for k, (layer, grad) in enumerate(zip(net, ns["backward"](net, ns["forward"](net, X), Y))):
        got["W%d" % k], got["b%d" % k] = grad
        params["W%d" % k], params["b%d" % k] = layer

    def loss():
        p = ns["forward"](net, X)[-1]
        return -np.mean(Y * np.log(p) + (1 - Y) * np.log(1 - p))

    gradients_match(got, params, loss)
