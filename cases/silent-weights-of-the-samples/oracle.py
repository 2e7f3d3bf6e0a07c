"""The recorded losses are the weighted cross-entropy whose gradient is descended."""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from numeric_truth import fell


def check(ns):
    p, y = np.ravel(ns["p"]), np.ravel(ns["fault"])
    want = np.mean(np.where(y == 1, 7.0, 1.0) * -(y * np.log(p) + (1 - y) * np.log(1 - p)))
    got = float(ns["losses"][-1])
    assert abs(got - want) < 1e-9, "the weighted loss is %g, recorded as %g" % (want, got)
    fell(ns["losses"], 0.5)
    assert ns["found"] > 0.8
