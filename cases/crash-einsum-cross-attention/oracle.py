"""The gradients of all three projections are the numeric ones and the loss falls."""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from numeric_truth import fell, gradients_match


def check(ns):
    fell(ns["history"], 0.5)
    rng = np.random.default_rng(1)
    qs, src, t = rng.normal(size=(2, 3, 5)), rng.normal(size=(2, 7, 5)), rng.normal(size=(2, 3, 5))
    p = {k: rng.normal(size=(5, 5)) * 0.5 for k in ("Wq", "Wk", "Wv")}

    def attend():
        s = (qs @ p["Wq"]) @ (src @ p["Wk"]).transpose(0, 2, 1) / np.sqrt(5)
        w = np.exp(s) / np.exp(s).sum(axis=2, keepdims=True)
        return w @ (src @ p["Wv"])

    out, cache = ns["forward"](qs, src, p["Wq"], p["Wk"], p["Wv"])
    assert np.allclose(out, attend()), "the forward pass is not attention"
    grads = ns["backward"](out - t, qs, src, cache)
    gradients_match(dict(zip(p, grads)), p, lambda: 0.5 * ((attend() - t) ** 2).sum())
