"""One epoch moves weights and biases against the numeric gradient of the binary cross-entropy."""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from numeric_truth import fell, sigmoid, step_descends


def check(ns):
    model = ns["model"]
    fell(ns["costs"], 0.6)
    layers = [model.layer1, model.layer2, model.layer3]
    assert [b.bias.size for b in layers] == [5, 5, 1], [b.bias.shape for b in layers]
    rng = np.random.default_rng(5)
    X, Y = rng.normal(size=(2, 9)), (rng.random((1, 9)) > 0.5).astype(float)
    for layer in layers:
        layer.weights = rng.normal(size=layer.weights.shape)
        layer.bias = rng.normal(size=layer.bias.shape)

    def read():
        return {**{"W%d" % i: l.weights for i, l in enumerate(layers)}, **{"b%d" % i: l.bias for i, l in enumerate(layers)}}

    def loss(p):
        a = X
        for i in range(3):
            a = sigmoid(p["W%d" % i] @ a + p["b%d" % i].reshape(-1, 1))
        return -float((Y * np.log(a) + (1 - Y) * np.log(1 - a)).sum())

    step_descends(read, lambda: model.train(X, Y, 1, 0.01), loss)
