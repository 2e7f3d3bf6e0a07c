"""After two backward passes a gradient is that of the last one."""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from numeric_truth import fell, gradients_match


def check(ns):
    fell(ns["errors"], 0.5)
    r = np.random.RandomState(3)
    layer = ns["Linear"](3, 2)
    x, t = r.randn(5, 3), r.randn(5, 2)
    for _ in range(2):
        layer.apply(0.0) if not hasattr(layer, "zero") else layer.zero()
        layer.forward(x)
        layer.backward(layer.forward(x) - t)
    params = {"weight": layer.weight, "bias": layer.bias}
    moved = {k: np.array(v, dtype=float) for k, v in params.items()}
    layer.apply(1.0)
    got = {k: moved[k] - np.asarray(getattr(layer, k)) for k in params}
    layer.weight[...], layer.bias[...] = moved["weight"], moved["bias"]
    loss = lambda: 0.5 * np.sum((x @ layer.weight + layer.bias - t) ** 2)
    gradients_match(got, {"weight": layer.weight, "bias": layer.bias}, loss)
    assert np.allclose(got["bias"], np.sum(x @ layer.weight + layer.bias - t, axis=0)), "applied more than once"
