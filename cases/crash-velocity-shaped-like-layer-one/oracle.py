"""With momentum zero a step follows the numeric gradient, and buffers have each weight's own shape."""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from numeric_truth import fell, numgrad, proportional


def check(ns):
    net = ns["net"]
    fell(ns["mse"], 0.4)
    assert [w.shape for w in net.weights] == [(3, 7), (7, 4), (4, 3)]
    assert [np.shape(v) for v in net.velocity] == [w.shape for w in net.weights]
    rng = np.random.default_rng(1)
    X, Y = rng.normal(size=(6, 3)), rng.normal(size=(6, 3))
    W = net.weights
    for i in range(3):
        W[i] = rng.normal(size=W[i].shape)

    def loss():
        return ((np.maximum(np.maximum(X @ W[0], 0) @ W[1], 0) @ W[2] - Y) ** 2).mean()

    net.forward(X)
    net.backward(Y)
    for i in range(3):
        want = numgrad(loss, W[i])
        proportional(net.grads[i], want, "W%d" % (i + 1))
        v, before = np.array(net.velocity[i]), W[i].copy()
        expected = net.momentum * v - net.lr * net.grads[i]
        if i == 2:
            net.step()
            assert np.allclose(net.weights[2] - before, expected), "momentum is not carried"
