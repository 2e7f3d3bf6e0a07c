"""One more step along the numeric gradients, by the two rates."""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from numeric_truth import fell, numgrad


def check(ns):
    fell(ns["losses"], 0.2)
    w, o = np.zeros(40), np.zeros(1)
    S, t = ns["states"], ns["wanted"]
    loss = lambda: 0.5 * np.mean((S @ w + o[0] - t) ** 2)
    for k in range(3):
        assert abs(ns["losses"][k] - loss()) < 1e-9
        gw, go = numgrad(loss, w), numgrad(loss, o)
        w, o = w - 0.3 * gw, o - 0.03 * go
