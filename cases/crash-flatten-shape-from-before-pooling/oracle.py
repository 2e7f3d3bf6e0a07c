"""Kernels and dense weights follow the numeric gradient and the loss falls."""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from numeric_truth import fell, gradients_match, log_softmax


def check(ns):
    net = ns["net"]
    fell(ns["losses"], 0.6)
    assert net.kernel.shape == (3, 3, 3) and net.dense.shape == (27, 2)
    rng = np.random.default_rng(8)
    x, t = rng.normal(size=(4, 8, 8)), np.eye(2)[[0, 1, 1, 0]]
    p = {"kernel": net.kernel, "dense": net.dense}

    def loss():
        maps = np.zeros((4, 3, 6, 6))
        for r in range(6):
            for c in range(6):
                maps[:, :, r, c] = np.maximum(x[:, r:r + 3, c:c + 3].reshape(4, 9) @ p["kernel"].reshape(3, 9).T, 0)
        pooled = (maps[:, :, ::2, ::2] + maps[:, :, 1::2, ::2] + maps[:, :, ::2, 1::2] + maps[:, :, 1::2, 1::2]) / 4
        return -(t * log_softmax(pooled.reshape(4, 27) @ p["dense"], 1)).sum() / 4

    net.backward(net.forward(x), t)
    gradients_match({"kernel": net.d_kernel, "dense": net.d_dense}, p, loss)
