"""The hidden units differ, and the circle is learned."""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from numeric_truth import fell


def check(ns):
    first = np.asarray(ns["theta"][0])
    assert np.std(first, axis=1).max() > 1e-3, "the hidden units are all alike"
    fell(ns["losses"], 0.4)
