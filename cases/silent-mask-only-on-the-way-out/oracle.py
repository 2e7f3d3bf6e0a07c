"""With a mask fixed the gradients are numeric ones."""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from numeric_truth import fell, gradients_match


def check(ns):
    fell(ns["curve"], 0.5)
    rng = np.random.default_rng(1)
    ps = [rng.normal(size=(3, 6)), rng.normal(size=6), rng.normal(size=(6, 2)), rng.normal(size=2)]
    x, y = rng.normal(size=(5, 3)), rng.normal(size=(5, 2))
    hidden, mask, dropped, out = ns["forward"](ps, x, keep=0.5)

    def loss():
        return 0.5 * np.mean((np.maximum(x @ ps[0] + ps[1], 0) * mask @ ps[2] + ps[3] - y) ** 2)

    grads = ns["backward"](ps, x, y, hidden, mask, dropped, out)
    gradients_match({str(i): g for i, g in enumerate(grads)}, {str(i): p for i, p in enumerate(ps)}, loss)
