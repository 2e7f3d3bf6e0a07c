"""One step moves every parameter against its numeric gradient, the hidden biases too."""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from numeric_truth import sigmoid, step_descends


def check(ns):
    net = ns["NeuralNet"](2, 4, 2)
    rng = np.random.default_rng(1)
    X, y = rng.normal(size=(5, 2)), (rng.random((5, 2)) > 0.5).astype(float)
    import contextlib, io

    def step():
        with contextlib.redirect_stdout(io.StringIO()):
            net.train(X, y, 5, 1e-6)

    step_descends(
        lambda: {k: getattr(net, k) for k in ("syn0", "syn1", "bias0", "bias1")},
        step,
        lambda p: 2.5 * np.sum((sigmoid(sigmoid(X @ p["syn0"] + p["bias0"]) @ p["syn1"] + p["bias1"]) - y) ** 2),
    )
