"""The weights that were sought are found."""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from numeric_truth import fell


def check(ns):
    fell(ns["history"], 0.1)
    assert abs(abs(ns["a"]) - 1.2) < 0.15 and abs(ns["d"] - 0.3) < 0.1
    assert abs(abs(ns["b"]) - 1.5) < 0.35, "b is %g" % ns["b"]
