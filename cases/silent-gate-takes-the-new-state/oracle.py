"""Gradients through time are numeric ones."""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from numeric_truth import gradients_match, sigmoid


def check(ns):
    assert np.mean(ns["losses"][-20:]) < 0.6 * np.mean(ns["losses"][:20])
    cell = ns["GRUCell"](2, 6)
    rng = np.random.default_rng(1)
    p = cell.p
    for k in p:
        p[k] = rng.normal(size=p[k].shape) * 0.6
    p["readout"] = rng.normal(size=(6, 2))
    xs, t = rng.normal(size=(3, 4, 2)), rng.normal(size=(4, 2))

    def loss():
        h = np.zeros((4, 6))
        for x in xs:
            z = sigmoid(np.hstack((x, h)) @ p["Wz"] + p["bz"])
            r = sigmoid(np.hstack((x, h)) @ p["Wr"] + p["br"])
            h = (1 - z) * h + z * np.tanh(np.hstack((x, r * h)) @ p["Wh"] + p["bh"])
        return 0.5 * np.sum((h @ p["readout"] - t) ** 2) / 4

    readout = p.pop("readout")
    _, grads, dread = ns["run"](cell, xs, t, readout)
    p["readout"] = readout
    gradients_match({**grads, "readout": dread}, p, loss)
