"""The three gradients are numeric and scaled alike."""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from numeric_truth import gradients_match


def check(ns):
    assert np.mean(ns["record"][-50:]) < 0.8 * np.mean(ns["record"][:20])
    net = ns["Attention"](4, 9)
    rng = np.random.default_rng(1)
    p = {k: rng.normal(size=getattr(net, k).shape) * 0.5 for k in ("Wq", "Wk", "Wv")}
    for k in p:
        setattr(net, k, p[k])
    x, c = rng.normal(size=(2, 3, 4)), rng.normal(size=(2, 3, 4))

    def loss():
        s = (x @ p["Wq"]) @ np.swapaxes(x @ p["Wk"], 1, 2) / 3.0
        a = np.exp(s)
        return np.sum(c * (a / a.sum(axis=2, keepdims=True) @ (x @ p["Wv"])))

    net.forward(x)
    net.backward(c)
    gradients_match({k: getattr(net, "d" + k) for k in p}, p, loss)
