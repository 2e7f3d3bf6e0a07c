"""One pair moves both tables against their numeric gradients, also at a large rate."""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from numeric_truth import numgrad, sigmoid


def check(ns):
    G = ns["train_pair"].__globals__
    rng = np.random.default_rng(1)
    W, C = rng.normal(size=(5, 6)), rng.normal(size=(5, 6))
    G["word_vectors"], G["context_vectors"] = W.copy(), C.copy()

    def loss():
        z = C[[2, 0, 4]] @ W[1]
        return -np.log(sigmoid(z[0])) - np.log(sigmoid(-z[1])) - np.log(sigmoid(-z[2]))

    ns["train_pair"](1, 2, [0, 4], 3.0)
    assert np.allclose(W - G["word_vectors"], 3.0 * numgrad(loss, W), atol=1e-6), "word vectors"
    assert np.allclose(C - G["context_vectors"], 3.0 * numgrad(loss, C), atol=1e-6), "context vectors"
