"""The recorded validation losses are the mean squared errors of the validation set."""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from numeric_truth import fell


def check(ns):
    fell(ns["train_loss"], 0.2)
    guess = np.ravel(ns["model"](np.reshape(ns["xs"][120:], (-1, 1))))
    want = np.mean((guess - ns["ys"][120:]) ** 2)
    got = float(np.squeeze(ns["valid_loss"][-1]))
    assert abs(got - want) < 1e-9, "the validation loss is %g, recorded as %g" % (want, got)
