"""The network learns XOR, and the last gradients are the numeric ones."""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from numeric_truth import fell, proportional, numgrad, sigmoid


def check(ns):
    assert ns["w_hidden"].shape == (2, 3) and ns["w_out"].shape == (3, 1)
    assert ns["b_hidden"].size == 3 and ns["b_out"].size == 1
    fell(ns["errors"], 0.1)
    out = sigmoid(sigmoid(ns["xs"] @ ns["w_hidden"] + ns["b_hidden"].ravel()) @ ns["w_out"] + ns["b_out"].ravel())
    assert np.array_equal(out.ravel() > 0.5, ns["ys"].ravel() > 0.5), "XOR is not learned"
    eta = ns["eta"]
    grads = {"w_hidden": ns["g_w_hidden"], "b_hidden": ns["d_hidden"], "w_out": ns["g_w_out"], "b_out": ns["d_out"]}
    for k, g in grads.items():
        assert np.size(g) == ns[k].size, "the gradient of %s is %s" % (k, np.shape(g))
    p = {k: ns[k] + eta * np.reshape(g, ns[k].shape) for k, g in grads.items()}

    def loss():
        h = sigmoid(np.ones(2) @ p["w_hidden"] + p["b_hidden"].ravel())
        return 0.5 * (sigmoid(h @ p["w_out"] + p["b_out"].ravel()) ** 2).sum()

    for k, g in (("w_hidden", ns["g_w_hidden"]), ("w_out", ns["g_w_out"])):
        proportional(np.reshape(g, p[k].shape), numgrad(loss, p[k]), k)
