"""The accumulated gradient is that of the weighted log-likelihood, and the reward grows."""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from numeric_truth import log_softmax, numgrad, proportional


def check(ns):
    assert np.mean(ns["totals"][-30:]) > max(0.75, np.mean(ns["totals"][:30]))
    w = ns["walker"]
    rng = np.random.default_rng(1)
    w.theta = rng.normal(size=(7, 2))
    cells, moves, adv = [3, 2, 3, 4, 5, 5], [0, 1, 1, 1, 0, 1], rng.normal(size=6)
    gain = lambda: (adv * log_softmax(w.theta, 1)[cells, moves]).sum()
    proportional(w.direction(cells, moves, adv), numgrad(gain, w.theta), "theta")
