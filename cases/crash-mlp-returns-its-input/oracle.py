"""The network learns to add, and one training step follows the numeric gradient of the squared error."""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from numeric_truth import fell, sigmoid, step_descends


def check(ns):
    mlp, X, T = ns["mlp"], np.asarray(ns["items"]), np.ravel(ns["targets"])
    fell(ns["historia"], 0.5)
    out = mlp.forward_propagate(X[0])
    assert np.size(out) == 1, "the output has shape %s" % (np.shape(out),)
    errors = [float(np.ravel(mlp.forward_propagate(x))[0]) - t for x, t in zip(X, T)]
    assert np.mean(np.square(errors)) < 0.01, "it has not learned to add"

    def read():
        names = ["W1", "W2", "b1", "b2"]
        return dict(zip(names, list(mlp.pesos) + list(mlp.bias)))

    def loss(p):
        h = sigmoid(X[1] @ p["W1"] + p["b1"].ravel())
        return float(((sigmoid(h @ p["W2"] + p["b2"].ravel()) - T[1] - 0.2) ** 2).sum())

    step_descends(read, lambda: mlp.train(X[1:2], np.asarray(ns["targets"])[1:2] + 0.2, 1, 0.1), loss)
