"""All gradients are the numeric ones and the cost falls."""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from numeric_truth import fell, gradients_match, log_softmax


def check(ns):
    p = ns["params"]
    assert [p["W%d" % l].shape for l in (1, 2, 3)] == [(6, 3), (4, 6), (2, 4)]
    fell(ns["costs"], 0.5)
    rng = np.random.default_rng(1)
    for k in p:
        p[k] = rng.normal(size=p[k].shape) * 0.6
    X, Y = rng.normal(size=(3, 7)), np.eye(2)[rng.integers(0, 2, 7)].T

    def loss():
        h = np.tanh(p["W2"] @ np.tanh(p["W1"] @ X + p["b1"]) + p["b2"])
        return -(Y * log_softmax(p["W3"] @ h + p["b3"], 0)).sum() / 7

    AL, caches = ns["model_forward"](X, p)
    g = ns["model_backward"](AL, Y, caches, p)
    gradients_match({k: g["d" + k] for k in p}, p, loss)
