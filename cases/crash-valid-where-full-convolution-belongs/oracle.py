"""Both filters and the read-out follow the numeric gradient and the loss falls."""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from numeric_truth import step_descends


def check(ns):
    assert np.mean(ns["curve"][-200:]) < 0.7 * np.mean(ns["curve"][:100])
    G = ns["train_on"].__globals__
    f, s = ns["first"], ns["second"]
    rng = np.random.default_rng(1)
    f.k, s.k, G["readout"] = rng.normal(size=7), rng.normal(size=5), rng.normal(size=16)
    x = rng.normal(size=26)

    def loss(p):
        z = np.array([x[i:i + 7] @ p["first"] for i in range(20)])
        z = z / (1 + np.abs(z))
        u = np.array([z[i:i + 5] @ p["second"] for i in range(16)])
        return 0.5 * (p["readout"] @ np.tanh(u) ** 2 - 0.3) ** 2

    read = lambda: {"first": f.k, "second": s.k, "readout": G["readout"]}
    step_descends(read, lambda: ns["train_on"](x, 0.3, 0.01), loss)
