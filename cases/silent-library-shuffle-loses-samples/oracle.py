"""No sample is lost."""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

def check(ns):
    table, points = ns["table"], ns["points"]
    assert len(np.unique(table, axis=0)) == len(points) == 60
    assert np.allclose(table[:, 2], np.sum(table[:, :2] ** 2, axis=1))
    a = np.tanh(points @ ns["W1"] + ns["b1"])
    assert np.mean((a @ ns["W2"] + ns["b2"] - ns["goal"]) ** 2) < 0.02
