"""The printed accuracy is the share of samples that are classified correctly."""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from numeric_truth import sigmoid


def check(ns):
    net, x = ns["net"], ns["blood"]
    p = sigmoid(sigmoid(x @ net["w1"] + net["b1"]) @ net["w2"] + net["b2"]).ravel()
    right = np.mean((p > 0.5) == ns["ill"])
    assert right > 0.9, "the network is right in only %.2f" % right
    assert abs(ns["scores"][-1] - right) < 1e-9, "accuracy is %.3f, recorded as %.3f" % (right, ns["scores"][-1])
