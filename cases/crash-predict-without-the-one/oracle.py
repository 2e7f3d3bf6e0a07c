"""predict uses the bias: it gives the trained outputs for the training samples."""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from numeric_truth import fell, log_softmax


def check(ns):
    fell(ns["track"], 0.6)
    w, mails = ns["w"], ns["mails"]
    assert w.shape == (4, 2)
    want = np.exp(log_softmax(mails @ w[1:] + w[0], 1))
    got = np.array([ns["predict"](w, m) for m in mails])
    assert np.allclose(got, want), "predict leaves out the bias"
    assert np.mean(np.ravel(ns["sure"])) > 0.8
