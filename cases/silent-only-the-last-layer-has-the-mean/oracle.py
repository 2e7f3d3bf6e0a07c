"""The gradients of a network whose layers are all square are numeric ones."""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from numeric_truth import fell, gradients_match, sigmoid


def check(ns):
    fell(ns["costs"], 0.9)
    rng = np.random.default_rng(1)
    p = ns["initialize_parameters"]([3, 3, 3, 2])
    for k in p:
        p[k] = rng.normal(size=p[k].shape)
    X, Y = rng.normal(size=(3, 7)), (rng.random((2, 7)) > 0.5).astype(float)

    def loss():
        a = np.tanh(p["W2"] @ np.tanh(p["W1"] @ X + p["b1"]) + p["b2"])
        a = sigmoid(p["W3"] @ a + p["b3"])
        return -np.sum(Y * np.log(a) + (1 - Y) * np.log(1 - a)) / 7

    cache = ns["forward_propagation"](X, p)[1]
    grads = ns["backward_propagation"](p, cache, X, Y)
    gradients_match({k: grads["d" + k] for k in p}, p, loss)
