"""Gradients are the numeric ones for a one-hot (n, 3) target and the loss falls."""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from numeric_truth import fell, gradients_match, log_softmax


def check(ns):
    net = ns["net"]
    fell(ns["loss"], 0.3)
    assert net.W1.shape == (5, 7) and net.W2.shape == (7, 3)
    X, y = ns["values"], np.ravel(ns["labels"])
    names = ("W1", "b1", "W2", "b2")
    rng = np.random.default_rng(0)
    for k in names:
        setattr(net, k, rng.normal(size=getattr(net, k).shape))
    p = {k: getattr(net, k) for k in names}
    net.forward(X)
    net.backward(np.eye(3)[y])
    loss = lambda: -log_softmax(np.tanh(X @ p["W1"] + p["b1"]) @ p["W2"] + p["b2"], 1)[np.arange(45), y].mean()
    gradients_match({k: getattr(net, "d" + k) for k in names}, p, loss)
