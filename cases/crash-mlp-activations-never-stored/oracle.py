"""The output really depends on the weights, training falls, and one step follows the numeric gradient."""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from numeric_truth import fell, gradients_match, sigmoid


def check(ns):
    net = ns["net"]
    fell(ns["epoch_error"], 0.5)
    assert [w.shape for w in net.weights] == [(2, 5), (5, 1)] and [b.size for b in net.biases] == [5, 1]
    rng = np.random.default_rng(0)
    p = {}
    for i in (0, 1):
        p["W%d" % i] = net.weights[i] = rng.normal(size=net.weights[i].shape)
        p["b%d" % i] = net.biases[i] = rng.normal(size=net.biases[i].shape)
    x, y = np.array([0.2, 0.7]), np.array([1.0])

    def forward():
        return sigmoid(sigmoid(x @ p["W0"] + p["b0"].ravel()) @ p["W1"] + p["b1"].ravel())

    out = net.forward_propagate(x)
    assert np.allclose(np.ravel(out), forward()), "forward_propagate does not compute the network"
    net.back_propagate(y - out)
    got = {}
    for i in (0, 1):
        got["W%d" % i], got["b%d" % i] = -net.derW[i], -net.derb[i]
    gradients_match(got, p, lambda: 0.5 * ((y - forward()) ** 2).sum())
