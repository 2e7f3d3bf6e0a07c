"""backpropagation returns the numeric gradient of the squared error for all four parameters."""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from numeric_truth import fell, gradients_match, sigmoid


def check(ns):
    net = ns["network"]
    fell(ns["losses"], 0.1)
    rng = np.random.default_rng(3)
    names = ["weights_hidden_to_output", "bias_on_output", "weights_input_to_hidden", "bias_on_hidden"]
    p = {k: rng.normal(size=getattr(net, k).shape) for k in names}
    for k in names:
        setattr(net, k, p[k])
    x = rng.normal(size=(1, 7))

    def loss():
        h = sigmoid(p["weights_input_to_hidden"].T @ x.T + p["bias_on_hidden"])
        out = sigmoid(p["weights_hidden_to_output"].T @ h + p["bias_on_output"])
        return 0.5 * ((out.ravel() - np.eye(4)[2]) ** 2).sum()

    gradients_match(dict(zip(names, net.backpropagation(x, 2))), p, loss)
