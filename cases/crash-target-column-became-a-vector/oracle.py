"""The weights approach the least-squares solution."""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

def check(ns):
    table = ns["table"]
    X = np.column_stack((np.ones(50), table[:, :2]))
    best = np.linalg.lstsq(X, table[:, 2], rcond=None)[0]
    w = np.asarray(ns["w"])
    assert w.size == 3, "w has grown to %s" % (w.shape,)
    assert np.abs(w.ravel() - best).max() < 0.02, "%s is not least squares %s" % (w.ravel(), best)
    assert abs(ns["log"][-1] - np.mean((X @ w.ravel() - table[:, 2]) ** 2)) < 1e-9, "the printed loss is not the mean squared error"
