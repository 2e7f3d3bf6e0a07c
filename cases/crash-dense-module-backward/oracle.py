"""Every layer's gradient is the numeric one, and training falls."""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from numeric_truth import fell, gradients_match, log_softmax


def check(ns):
    fell(ns["verloop"], 0.3)
    layers, loss_layer = ns["lagen"], ns["verlies"]
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(8, 4)), rng.integers(0, 3, 8)
    dense = [layer for layer in layers if hasattr(layer, "W")]
    assert [d.W.shape for d in dense] == [(4, 10), (10, 7), (7, 3)]
    p, got = {}, {}
    for i, layer in enumerate(dense):
        p["W%d" % i], p["b%d" % i] = layer.W, layer.b
        layer.b += rng.normal(size=layer.b.shape)

    def loss():
        h = x
        for i in range(3):
            h = h @ p["W%d" % i] + p["b%d" % i]
            if i < 2:
                h = np.maximum(h, 0)
        return -log_softmax(h, 1)[np.arange(8), y].mean()

    h = x
    for layer in layers:
        h = layer.forward(h)
    loss_layer.forward(h, y)
    d = loss_layer.backward()
    for layer in reversed(layers):
        d = layer.backward(d)
    for i, layer in enumerate(dense):
        got["W%d" % i], got["b%d" % i] = layer.dW, layer.db
    gradients_match(got, p, loss)
