"""The gradient of the pairwise loss is the numeric one, and most pairs end in the right order."""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from numeric_truth import fell, gradients_match


def check(ns):
    fell(ns["history"], 0.5)
    rng = np.random.default_rng(0)
    docs, rel = rng.normal(size=(7, 4)), rng.integers(0, 3, 7)
    p = {"A": rng.normal(size=(4, 6)), "a": rng.normal(size=6), "B": rng.normal(size=(6, 1))}

    def loss():
        s = (np.tanh(docs @ p["A"] + p["a"]) @ p["B"]).ravel()
        terms = [np.log1p(np.exp(s[j] - s[i])) for i in range(7) for j in range(7) if rel[i] > rel[j]]
        return np.mean(terms)

    value, g = ns["ranknet"](p, docs, rel)
    assert abs(value - loss()) < 1e-12
    gradients_match(g, p, loss)
