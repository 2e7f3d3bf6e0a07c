"""The network fits the targets, and the last gradients are the numeric ones."""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from numeric_truth import fell, gradients_match


def check(ns):
    x, t = ns["x"], np.ravel(ns["t"])
    fell(ns["sse"], 0.2)
    got = {k: ns["g" + k] for k in "VcWd"}
    p = {k: ns[k] + 0.2 * np.reshape(got[k], ns[k].shape) for k in got}

    def out():
        return (np.tanh(x @ p["V"] + p["c"]) @ p["W"] + p["d"]).ravel()

    assert np.mean((out() - t) ** 2) < 0.1 * t.var(), "the targets are not fitted"
    gradients_match(got, p, lambda: 0.5 * ((out() - t) ** 2).mean())
