"""The last changes of all three matrices are against the numeric gradient, and the error falls."""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from numeric_truth import fell, gradients_match, sigmoid


def check(ns):
    fell(ns["mean_error"], 0.2)
    X, y = ns["X"], ns["y"]
    got = {"syn%d" % i: -ns["d%d" % i] for i in range(3)}
    p = {k: ns[k] + 0.5 * g for k, g in got.items()}
    f = lambda: 0.5 * ((sigmoid(sigmoid(sigmoid(X @ p["syn0"]) @ p["syn1"]) @ p["syn2"]) - y) ** 2).sum()
    gradients_match(got, p, f)
