"""What a layer hands down is the numeric gradient, however large its rate."""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from numeric_truth import numgrad


def check(ns):
    layer = ns["FullyConnected"](3, 4, 5.0)
    rng = np.random.default_rng(1)
    x, g = rng.normal(size=(6, 3)), rng.normal(size=(6, 4))
    W, b = layer.W.copy(), layer.b.copy()
    loss = lambda: np.sum(g * (x @ W + b))
    layer.forward(x)
    down = layer.backward(g.copy())
    assert np.allclose(down, numgrad(loss, x), atol=1e-6), "the gradient of the input"
    assert np.allclose(W - layer.W, 5.0 * numgrad(loss, W), atol=1e-5) and np.allclose(b - layer.b, 5.0 * numgrad(loss, b), atol=1e-5)
    assert ns["progress"][-1] < 0.7 * ns["progress"][0]
