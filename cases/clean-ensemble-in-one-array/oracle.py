"""Every member's last gradients are the numeric ones, and the ensemble fits."""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from numeric_truth import gradients_match


def check(ns):
    x, y, lr = ns["x"], ns["y"], ns["lr"]
    assert np.all(ns["log"][-1] < 0.5 * ns["log"][0])
    for k in range(5):
        got = {n: ns["d" + n][k] for n in ("W", "b", "V", "c")}
        p = {n: ns[n][k] + lr * got[n] for n in got}
        gradients_match(got, p, lambda: 0.5 * ((np.tanh(x @ p["W"] + p["b"]) @ p["V"] + p["c"] - y) ** 2).mean())
