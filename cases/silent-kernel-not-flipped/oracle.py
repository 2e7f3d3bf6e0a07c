"""Kernels and inputs have numeric gradients."""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from numeric_truth import numgrad, proportional


def check(ns):
    assert np.mean(ns["errors"][-100:]) < 0.7 * np.mean(ns["errors"][:100])
    conv = ns["Conv1D"](4)
    rng = np.random.default_rng(1)
    x, c = rng.normal(size=11), rng.normal(size=8)
    k = conv.kernel

    def loss():
        return sum(c[i] * (x[i:i + 4] @ k + conv.bias) for i in range(8))

    conv.forward(x)
    down = conv.backward(c)
    assert abs(proportional(down, numgrad(loss, x), "input") - 1) < 1e-6
    assert abs(proportional(conv.grad_kernel, numgrad(loss, k), "kernel") - 1) < 1e-6
