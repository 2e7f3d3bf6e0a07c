"""The unclipped gradients through time are the numeric ones and the loss falls."""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from numeric_truth import gradients_match, log_softmax


def check(ns):
    assert np.mean(ns["losses"][-20:]) < 0.5 * np.mean(ns["losses"][:5])
    G = ns["run"].__globals__
    rng = np.random.default_rng(2)
    p = {k: G[k] for k in ("Wx", "Wh", "Wy", "bh", "by")}
    for k in p:
        p[k][...] = rng.normal(size=p[k].shape) * 0.4
    h0 = rng.normal(size=(12, 1))

    def loss():
        h, total = h0, 0.0
        for i, o in zip([0, 1, 1, 0], [1, 1, 0, 1]):
            h = np.tanh(p["Wx"][:, [i]] + p["Wh"] @ h + p["bh"])
            total -= log_softmax(p["Wy"] @ h + p["by"], 0)[o, 0]
        return total

    value, d, _ = ns["run"]([0, 1, 1, 0], [1, 1, 0, 1], h0, limit=1e9)
    assert abs(value - loss()) < 1e-9
    gradients_match(dict(zip(p, d)), p, loss)
