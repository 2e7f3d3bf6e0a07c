"""relu and its derivative work entry by entry, and a step follows the numeric gradient."""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from numeric_truth import fell, step_descends


def check(ns):
    fell(ns["mean_losses"], 0.2)
    z = np.array([-1.0, 2.0, -0.5, 0.3])
    assert np.allclose(ns["relu"](z), np.maximum(z, 0)), "relu is not taken entry by entry"
    net = ns["network"]
    rng = np.random.default_rng(4)
    for layer in net:
        layer.w, layer.b = rng.normal(size=layer.w.shape), rng.normal(size=layer.b.shape)
    x = rng.normal(size=2)

    def loss(p):
        return 0.5 * ((p["w1"] @ np.maximum(p["w0"] @ x + p["b0"], 0) + p["b1"] - 0.7) ** 2).sum()

    def step():
        grad = net[1].forward(net[0].forward(x)) - 0.7
        net[0].backward(net[1].backward(grad, 0.01), 0.01)

    step_descends(lambda: {"w0": net[0].w, "b0": net[0].b, "w1": net[1].w, "b1": net[1].b}, step, loss)
