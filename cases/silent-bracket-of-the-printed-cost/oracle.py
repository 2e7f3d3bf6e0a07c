"""All gradients of a network of three layers are numeric ones, and the cost is the cross-entropy."""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from numeric_truth import fell, gradients_match, sigmoid


def check(ns):
    net = ns["ANN"]([3, 4, 4, 2])
    rng = np.random.default_rng(3)
    p = net.parameters
    for k in p:
        p[k] = rng.normal(size=p[k].shape)
    X, Y = rng.normal(size=(7, 3)), (rng.random((2, 7)) > 0.5).astype(float)

    def loss():
        a = X.T
        for l in (1, 2, 3):
            a = sigmoid(p["W%d" % l] @ a + p["b%d" % l])
        return -np.sum(Y * np.log(a) + (1 - Y) * np.log(1 - a)) / 7

    A, store = net.forward(X)
    assert abs(2 * float(net.cost(A, Y)) - loss()) < 1e-9, "the cost is not the cross-entropy"
    g = net.backward(Y, store)
    gradients_match({k: g["d" + k] for k in p}, p, loss)
    fell(ns["ann"].costs, 0.9)
