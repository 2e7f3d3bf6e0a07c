"""All gradients are numeric ones of the cost, scaled alike."""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from numeric_truth import fell, gradients_match, sigmoid


def check(ns):
    fell(ns["costs"], 0.9)
    net = ns["NeuralNetwork"](ns["Layer"](4, 3), ns["Layer"](3, 4), ns["Layer"](2, 3))
    rng = np.random.default_rng(1)
    layers = (net.layer1, net.layer2, net.layer3)
    X, Y = rng.normal(size=(3, 6)), (rng.random((2, 6)) > 0.5).astype(float)
    p = {"W%d" % l: layer.weights for l, layer in enumerate(layers)} | {"b%d" % l: layer.bias for l, layer in enumerate(layers)}

    def loss():
        a = X
        for layer in layers:
            a = sigmoid(layer.weights @ a + layer.bias)
        return -np.mean(Y * np.log(a) + (1 - Y) * np.log(1 - a))

    net.forward(X)
    W, b = net.gradients(X, Y)
    gradients_match({"W%d" % l: g for l, g in enumerate(W)} | {"b%d" % l: g for l, g in enumerate(b)}, p, loss)
