"""The biases end with one entry per unit and one step follows the numeric gradient."""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from numeric_truth import fell, gradients_match, sigmoid


def check(ns):
    net = ns["net"]
    fell(ns["loss"], 0.3)
    assert {k: np.size(v) for k, v in net.items()} == {"w1": 16, "b1": 8, "w2": 8, "b2": 1}
    x, y = ns["x"][:9], ns["y"][:9]

    def loss():
        p = sigmoid(np.tanh(x @ net["w1"] + net["b1"]) @ net["w2"] + net["b2"])
        return -np.mean(y * np.log(p) + (1 - y) * np.log(1 - p))

    gradients_match(ns["slopes"](net, x, y), net, loss)
