"""The layers are 5-12-7-2, their gradients are numeric ones and the loss falls."""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from numeric_truth import fell, gradients_match


def check(ns):
    fell(ns["losses"], 0.4)
    model = ns["model"]
    lin = [layer for layer in model.layers if hasattr(layer, "W")]
    assert [layer.W.shape for layer in lin] == [(12, 5), (7, 12), (2, 7)], [layer.W.shape for layer in lin]
    rng = np.random.default_rng(3)
    x, y = rng.normal(size=(6, 5)), rng.normal(size=(6, 2))
    p, got = {}, {}
    for i, layer in enumerate(lin):
        layer.b += rng.normal(size=layer.b.shape)
        p["W%d" % i], p["b%d" % i] = layer.W, layer.b

    def loss():
        h = x
        for i in range(3):
            h = h @ p["W%d" % i].T + p["b%d" % i]
            if i < 2:
                h = np.where(h > 0, h, 0.05 * h)
        return 0.5 * ((h - y) ** 2).sum()

    model.back(model(x) - y)
    for i, layer in enumerate(lin):
        got["W%d" % i], got["b%d" % i] = layer.dW, layer.db
    gradients_match(got, p, loss)
