"""The network learns OR of ANDs and gradients in backprop are the numeric ones."""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from numeric_truth import fell, gradients_match, sigmoid


def check(ns):
    fell(ns["errores"], 0.1)
    rng = np.random.default_rng(2)
    z = rng.normal(size=(3, 2))
    assert np.allclose(ns["sigmoide"](z), sigmoid(z)), "sigmoide is not the logistic function of each entry"
    w, u = [rng.normal(size=(4, 3)), rng.normal(size=(1, 4))], [rng.normal(size=(4, 1)), rng.normal(size=(1, 1))]
    x, t = rng.normal(size=(3, 5)), rng.random((1, 5))
    p = {"w1": w[0], "w2": w[1], "u1": u[0], "u2": u[1]}
    dw, du = ns["retropropagar"](ns["propagar"](x, w, u), t, w)
    loss = lambda: 0.5 * ((sigmoid(w[1] @ sigmoid(w[0] @ x + u[0]) + u[1]) - t) ** 2).mean()
    gradients_match(dict(zip(p, [*dw, *du])), p, loss)
