"""All gate weights get their numeric gradients over a sequence, and the loss falls."""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from numeric_truth import fell, gradients_match, log_softmax, sigmoid


def check(ns):
    fell(ns["curve"], 0.6)
    net = ns["LSTM"](4, 3)
    rng = np.random.default_rng(1)
    p, word = {}, [0, 2, 1, 3, 3]
    for q in "figo":
        p["W" + q] = net.W[q] = rng.normal(size=net.W[q].shape)
        p["b" + q] = net.b[q] = rng.normal(size=net.b[q].shape)
        assert net.W[q].shape == (3, 7) and net.b[q].size == 3
    p["Wy"] = net.Wy = rng.normal(size=net.Wy.shape)

    def loss():
        h, c, total = np.zeros(3), np.zeros(3), 0.0
        for now, nxt in zip(word[:-1], word[1:]):
            x = np.concatenate((h, np.eye(4)[now]))
            z = {q: p["W" + q] @ x + p["b" + q].ravel() for q in "figo"}
            c = sigmoid(z["f"]) * c + sigmoid(z["i"]) * np.tanh(z["g"])
            h = sigmoid(z["o"]) * np.tanh(c)
            total -= log_softmax(p["Wy"] @ h, 0)[nxt]
        return total

    assert abs(float(np.squeeze(net.run(word))) - loss()) < 1e-9
    dW, db, dWy = net.back()
    got = {**{"W" + q: dW[q] for q in "figo"}, **{"b" + q: db[q] for q in "figo"}, "Wy": dWy}
    gradients_match(got, p, loss)
