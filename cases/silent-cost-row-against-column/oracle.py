"""The costs are the mean binary cross-entropy and end below half of where they began."""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from numeric_truth import fell


def check(ns):
    fell(ns["costs"], 0.5)
    a, y = np.ravel(ns["A"]), np.ravel(ns["y"])
    want = -np.mean(y * np.log(a) + (1 - y) * np.log(1 - a))
    assert abs(float(np.squeeze(ns["costs"][-1])) - want) < 1e-9, "cost %g is recorded as %g" % (want, ns["costs"][-1])
    assert ns["theta"][0].shape == (1, 2)
