"""Samples given as vector, row or column get the same prediction, and gradients are numeric ones."""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from numeric_truth import fell, step_descends


def check(ns):
    fell(ns["mse"], 0.1)
    m, point = ns["model"], np.array([0.1, 0.2, -0.7])
    a = [np.ravel(ns["predict"](m, point.reshape(s))) for s in ((3,), (1, 3), (3, 1))]
    assert np.allclose(a[0], a[1]) and np.allclose(a[0], a[2])
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(5, 3)), rng.normal(size=(5, 2))
    loss = lambda p: 0.5 * ((np.tanh(x @ p[0] + p[1]) @ p[2] + p[3] - y) ** 2).sum() / 5
    step_descends(lambda: dict(enumerate(m)), lambda: ns["train"](m, x, y, 0.01), loss)
