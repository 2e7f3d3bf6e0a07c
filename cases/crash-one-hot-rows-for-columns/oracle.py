"""Gradients are the numeric ones, and the classes are learned."""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from numeric_truth import fell, gradients_match, log_softmax


def check(ns):
    clf, X, labels = ns["clf"], ns["X"], ns["labels"]
    fell(ns["errors"], 0.3)
    p = clf.params
    rng = np.random.default_rng(2)
    for k in p:
        p[k] = rng.normal(size=p[k].shape)
    assert p["W1"].shape == (8, 2) and p["W2"].shape == (4, 8)
    clf.forward(X)
    loss = lambda: -log_softmax(p["W2"] @ np.tanh(p["W1"] @ X + p["b1"]) + p["b2"], 0)[labels, np.arange(65)].mean()
    gradients_match(clf.backward(np.eye(4)[labels].T), p, loss)
