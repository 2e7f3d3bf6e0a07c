"""The tied weights get both of their gradient terms, and reconstruction improves."""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from numeric_truth import fell, gradients_match


def check(ns):
    net = ns["auto"]
    fell(ns["rebuild"], 0.3)
    rng = np.random.default_rng(0)
    p = {"V": rng.normal(size=(8, 3)), "p": rng.normal(size=3), "q": rng.normal(size=8)}
    net.V, net.p, net.q = p.values()
    x = rng.normal(size=(6, 8))
    loss = lambda: ((np.tanh(x @ p["V"] + p["p"]) @ p["V"].T + p["q"] - x) ** 2).sum() / 12
    value, *grads = net.gradients(x)
    assert abs(value - loss()) < 1e-10
    gradients_match(dict(zip(p, grads)), p, loss)
