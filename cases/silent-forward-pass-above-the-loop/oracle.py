"""The network learns."""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from numeric_truth import fell


def check(ns):
    fell(ns["costs"], 0.5)
    out = ns["think"](ns["X"])[1]
    assert np.mean((out > 0.5) == (ns["Y"] > 0.5)) > 0.9
