"""One step moves every parameter against its numeric gradient."""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from numeric_truth import step_descends


def check(ns):
    auto = ns["TiedAutoencoder"](5, 3)
    rng = np.random.default_rng(1)
    auto.p += rng.normal(size=3)
    x = rng.normal(size=(6, 5))
    step_descends(
        lambda: {k: getattr(auto, k) for k in ("W", "p", "q")},
        lambda: auto.learn(x, 0.01),
        lambda w: 0.5 * np.sum((np.tanh(x @ w["W"] + w["p"]) @ w["W"].T + w["q"] - x) ** 2) / 6,
    )
