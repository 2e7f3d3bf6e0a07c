"""The gradients of both kinds of layer are numeric ones."""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from numeric_truth import fell, gradients_match, log_softmax


def check(ns):
    fell(ns["curve"], 0.5)
    rng = np.random.default_rng(5)
    net = [ns["Linear"](3, 6), ns["ReLU"](), ns["Linear"](6, 4)]
    net[0].bias += rng.normal(size=(1, 6))
    x, t = rng.normal(size=(8, 3)), rng.integers(0, 4, 8)
    p = {"W1": net[0].weight, "b1": net[0].bias, "W2": net[2].weight, "b2": net[2].bias}

    def loss():
        return -log_softmax(np.maximum(x @ p["W1"] + p["b1"], 0) @ p["W2"] + p["b2"], 1)[np.arange(8), t].mean()

    out, criterion = x, ns["SoftmaxLoss"]()
    for layer in net:
        out = layer.forward(out)
    assert abs(criterion.forward(out, t) - loss()) < 1e-9
    grad = criterion.backward()
    for layer in reversed(net):
        grad = layer.backward(grad)
    gradients_match({"W1": net[0].dweight, "b1": net[0].dbias, "W2": net[2].dweight, "b2": net[2].dbias}, p, loss)
