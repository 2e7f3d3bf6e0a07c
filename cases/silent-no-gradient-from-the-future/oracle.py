"""Gradients through time are numeric ones."""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from numeric_truth import gradients_match


def check(ns):
    assert np.mean(ns["means"][-50:]) < 0.8 * np.mean(ns["means"][:50])
    net = ns["Elman"](2, 3)
    rng = np.random.default_rng(1)
    for k in ("Wx", "Ws", "b", "Wy", "c"):
        getattr(net, k)[...] = rng.normal(size=getattr(net, k).shape)
    p = {k: getattr(net, k) for k in ("Wx", "Ws", "b", "Wy", "c")}
    xs, c = rng.normal(size=(4, 2, 1)), rng.normal(size=4)

    def loss():
        s, total = np.zeros((3, 1)), 0.0
        for x, weight in zip(xs, c):
            s = np.tanh(p["Wx"] @ x + p["Ws"] @ s + p["b"])
            total += weight * float((p["Wy"] @ s + p["c"])[0, 0])
        return total

    net.forward(xs)
    net.backward({t: np.array([[c[t]]]) for t in range(4)})
    gradients_match(net.grads, p, loss)
