"""One step moves every parameter against its numeric gradient."""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from numeric_truth import step_descends


def check(ns):
    net = ns["Network"](2, 4, 3)
    rng = np.random.default_rng(2)
    net.bias_h += rng.normal(size=4)
    X, t = rng.normal(size=(6, 2)), rng.normal(size=(6, 3))
    names = ("w_ih", "w_ho", "bias_h", "bias_o")
    step_descends(
        lambda: {k: getattr(net, k) for k in names},
        lambda: net.train(X, t, 0.01),
        lambda p: 0.5 * np.sum((np.tanh(X @ p["w_ih"] + p["bias_h"]) @ p["w_ho"] + p["bias_o"] - t) ** 2) / 6,
    )
