"""One step moves every parameter against its numeric gradient."""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from numeric_truth import sigmoid, step_descends


def check(ns):
    red = ns["RedNeuronal"]([4, 4, 4, 4])
    rng = np.random.default_rng(1)
    x, t = rng.normal(size=(6, 4)), rng.random((6, 4))
    for b in red.sesgos:
        b += rng.normal(size=4)

    def loss(p):
        a = x
        for l in range(3):
            a = sigmoid(a @ p["W%d" % l] + p["b%d" % l])
        return 0.5 * np.sum((a - t) ** 2) / 6

    step_descends(
        lambda: {"W%d" % l: red.pesos[l] for l in range(3)} | {"b%d" % l: red.sesgos[l] for l in range(3)},
        lambda: red.entrenar(x, t, 0.01),
        loss,
    )
