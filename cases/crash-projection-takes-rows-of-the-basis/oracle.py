"""The network's inputs are the three strongest components and it learns from them."""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from numeric_truth import fell


def check(ns):
    x = np.asarray(ns["x"])
    assert x.shape == (120, 3)
    c = ns["readings"] - ns["readings"].mean(axis=0)
    u = np.linalg.svd(c, full_matrices=False)[0][:, :3]
    overlap = np.linalg.svd(u.T @ (x / np.linalg.norm(x, axis=0)))[1]
    assert overlap.min() > 0.999, "x does not span the strongest components: %s" % overlap
    fell(ns["history"], 0.5)
