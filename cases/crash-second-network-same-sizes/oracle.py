"""Both networks fit their data and each follows its numeric gradient."""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from numeric_truth import fell, step_descends


def check(ns):
    fell(ns["hist_plain"], 0.9)
    fell(ns["hist_poly"], 0.2)
    rng = np.random.default_rng(1)
    for model, n in ((ns["plain"], 2), (ns["poly"], 5)):
        assert model.Wh.shape == (n, 6), "the weights are %s for %d features" % (model.Wh.shape, n)
        X, y = rng.normal(size=(7, n)), rng.normal(size=(7, 1))

        def loss(p):
            return ((np.tanh(X @ p["Wh"] + p["bh"]) @ p["Wo"] + p["bo"] - y) ** 2).mean()

        step_descends(lambda: {k: getattr(model, k) for k in ("Wh", "bh", "Wo", "bo")}, lambda: model.step(X, y, 0.05), loss)
