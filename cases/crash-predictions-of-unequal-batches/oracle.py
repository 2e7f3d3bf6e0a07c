"""All 60 samples are predicted once and in order, and the accuracy is that of the predictions."""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

def check(ns):
    m = ns["model"]
    want = ns["test_x"] @ m.w + m.b > 0
    assert np.shape(ns["guesses"]) == (60,), "%s predictions for 60 samples" % (np.shape(ns["guesses"]),)
    assert np.array_equal(np.asarray(ns["guesses"]).astype(bool), want)
    assert abs(ns["score"] - np.mean(want == ns["test_y"])) < 1e-12 and ns["score"] > 0.85
