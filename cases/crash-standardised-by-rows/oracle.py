"""The prepared columns have mean 0 and deviation 1, and the network learns from them."""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from numeric_truth import fell


def check(ns):
    X = np.asarray(ns["X"])
    assert X.shape == (66, 4)
    assert np.allclose(X.mean(axis=0), 0, atol=1e-9) and np.allclose(X.std(axis=0), 1), "the columns are not standardised"
    fell(ns["bce"], 0.7)
    assert ns["Wa"].shape == (4, 5) and ns["Wb"].shape == (5, 1)
