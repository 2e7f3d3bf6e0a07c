"""The loss falls and the last step used one rate for both layers, along the numeric gradient."""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from numeric_truth import fell, gradients_match


def check(ns):
    fell(ns["report"], 0.2)
    assert [p.shape for p in ns["params"]] == [(4, 7), (7, 2)]
    rng = np.random.default_rng(2)
    params = [rng.normal(size=(4, 7)), rng.normal(size=(7, 2))]
    X, Y = ns["X"][:8], ns["Y"][:8]

    def loss():
        z = X @ params[0]
        return 0.5 * ((np.where(z > 0, z, np.exp(z) - 1) @ params[1] - Y) ** 2).sum() / 8

    _, grads = ns["losses_and_grads"](params, X, Y)
    gradients_match(dict(enumerate(grads)), dict(enumerate(params)), loss)
