"""Parameters keep their shapes, the cost falls, and the last update is the numeric gradient."""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from numeric_truth import fell, gradients_match


def check(ns):
    assert ns["W1"].shape == (9, 3) and ns["W2"].shape == (1, 9) and ns["b1"].size == 9 and ns["b2"].size == 1
    fell(ns["cost"], 0.1)
    X, Y = ns["X"], ns["Y"]
    got = {k: ns["d" + k] for k in ("W1", "b1", "W2", "b2")}
    p = {k: ns[k] + ns["learning_rate"] * got[k] for k in got}
    gradients_match(got, p, lambda: ((p["W2"] @ np.maximum(p["W1"] @ X + p["b1"], 0) + p["b2"] - Y) ** 2).mean() / 2)
