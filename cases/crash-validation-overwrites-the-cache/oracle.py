"""The training step is taken on the training data, along the numeric gradient, and the validation accuracy is right."""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from numeric_truth import fell, gradients_match, log_softmax


def check(ns):
    fell(ns["losses"], 0.5)
    net, x, y = ns["net"], ns["train_x"], ns["train_l"]
    p = {k: net.w[k] + 0.5 * ns["grads"][k] for k in (0, 1)}
    loss = lambda: -log_softmax(np.maximum(x @ p[0], 0) @ p[1], 1)[np.arange(60), y].mean()
    gradients_match(dict(enumerate(ns["grads"])), p, loss)
    assert abs(ns["losses"][-1] - loss()) < 1e-9
    assert 0 < ns["accuracies"][-1] <= 1 and len(ns["accuracies"]) == 120
