"""All gradients behind a softmax are numeric ones."""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from numeric_truth import fell, gradients_match, log_softmax


def check(ns):
    fell(ns["scores"], 0.5)
    first, act, second, top = ns["Dense"](3, 5), ns["Tanh"](), ns["Dense"](5, 4), ns["Softmax"]()
    rng = np.random.default_rng(8)
    x, c = rng.normal(size=(6, 3)), rng.normal(size=(6, 4))
    p = {"w1": first.w, "b1": first.b, "w2": second.w, "b2": second.b}

    def loss():
        z = np.tanh(x @ p["w1"] + p["b1"]) @ p["w2"] + p["b2"]
        return np.sum(c * np.exp(log_softmax(z, 1)))

    top(second(act(first(x))))
    first.grad(act.grad(second.grad(top.grad(c))))
    gradients_match({"w1": first.gw, "b1": first.gb, "w2": second.gw, "b2": second.gb}, p, loss)
