"""The fitted weights are those of the data, one per measurement, and a step follows the numeric gradient."""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from numeric_truth import fell, log_softmax, numgrad, proportional


def check(ns):
    model, y = ns["model"], ns["rain"]
    assert model.W.shape == (3, 2)
    fell(ns["losses"], 0.6)
    X = np.column_stack((ns["pressure"], ns["humidity"], ns["wind"]))
    W, b = model.W.copy(), model.b.copy()
    loss = lambda: -log_softmax(X @ W + b, 1)[np.arange(80), y].mean()
    assert abs(loss() - ns["losses"][-1]) < 0.01, "the weights were fitted to something other than the measurements"
    W += np.random.default_rng(0).normal(size=W.shape)
    model.W, model.b = W, b
    for want in (X, X.T):
        try:
            result = model.gradients(want, y)
            break
        except ValueError:
            continue
    proportional(result[1], numgrad(loss, W), "W")
    proportional(result[2], numgrad(loss, b), "b")
