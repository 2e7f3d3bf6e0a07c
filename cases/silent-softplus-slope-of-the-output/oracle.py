"""Loss and gradients agree, numerically."""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from numeric_truth import fell, gradients_match


def check(ns):
    fell(ns["verlauf"], 0.5)
    rng = np.random.default_rng(1)
    ps = [rng.normal(size=s) for s in ((2, 4), (4,), (4, 3), (3,), (3, 2), (2,))]
    x, y = rng.normal(size=(5, 2)), rng.normal(size=(5, 2))
    p = {"%d" % i: a for i, a in enumerate(ps)}

    def loss():
        a = np.log1p(np.exp(x @ ps[0] + ps[1]))
        a = np.log1p(np.exp(a @ ps[2] + ps[3]))
        return 0.5 * np.mean((a @ ps[4] + ps[5] - y) ** 2)

    value, grads = ns["ableitung_und_verlust"](ps, x, y)
    assert abs(value - loss()) < 1e-9
    gradients_match({"%d" % i: g for i, g in enumerate(grads)}, p, loss)
