"""One step moves centres, widths and weights against the numeric gradient."""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from numeric_truth import fell, step_descends


def check(ns):
    net = ns["net"]
    fell(ns["trace"], 0.2)
    rng = np.random.default_rng(3)
    x, y = rng.normal(size=(6, 2)), rng.normal(size=6)

    def loss(p):
        out = [sum(p["w"][k] * np.exp(-p["beta"][k] * ((v - p["c"][k]) ** 2).sum()) for k in range(12)) for v in x]
        return 0.5 * np.mean((np.array(out) + p["b"] - y) ** 2)

    step_descends(lambda: {k: getattr(net, k) for k in ("c", "beta", "w", "b")}, lambda: net.step(x, y, 0.01), loss)
