"""Every row of the attention sums to one, and the three projections get their numeric gradients."""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from numeric_truth import gradients_match


def check(ns):
    att = ns["att"]
    rng = np.random.default_rng(2)
    p = {k: rng.normal(size=(4, 4)) * 0.6 for k in "QKV"}
    for k in p:
        setattr(att, k, p[k])
    x, t = rng.normal(size=(6, 4)), rng.normal(size=(6, 4))

    def attend():
        s = (x @ p["Q"]) @ (x @ p["K"]).T / 2.0
        w = np.exp(s) / np.exp(s).sum(axis=1, keepdims=True)
        return w @ (x @ p["V"])

    y = att.forward(x)
    assert np.allclose(att.a.sum(axis=1), 1), "the attention of a position does not sum to one"
    gradients_match(att.backward(y - t), p, lambda: 0.5 * ((attend() - t) ** 2).sum())
    assert np.mean(ns["history"][-100:]) < 0.7 * np.mean(ns["history"][:20])
