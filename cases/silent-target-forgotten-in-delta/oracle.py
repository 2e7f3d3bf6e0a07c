"""One step moves all six arrays against the numeric gradient of the cross-entropy, or of the squared error."""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from numeric_truth import sigmoid, step_descends

NAMES = ("k1", "o1", "k2", "o2", "k3", "o3")


def check(ns):
    errors = []
    for entropy in (True, False):
        try:
            descends(ns["Sommelier"]([3, 5, 4, 1]), entropy)
            break
        except AssertionError as error:
            errors.append(str(error))
    assert len(errors) < 2, " and ".join(errors)
    guessed = ns["net"].taste(ns["wine"]) > 0.5
    assert np.mean(guessed == ns["labels"]) > 0.9, "it has not learned its task"


def descends(net, entropy):
    rng = np.random.default_rng(6)
    for name in NAMES:
        setattr(net, name, rng.normal(size=getattr(net, name).shape))
    x, t = rng.normal(size=(7, 3)), (rng.random((7, 1)) > 0.5).astype(float)

    def loss(p):
        h = np.tanh(np.tanh(x @ p["k1"] + p["o1"]) @ p["k2"] + p["o2"])
        y = sigmoid(h @ p["k3"] + p["o3"])
        return -np.mean(t * np.log(y) + (1 - t) * np.log(1 - y)) if entropy else np.mean((y - t) ** 2)

    step_descends(lambda: {k: getattr(net, k) for k in NAMES}, lambda: net.learn(x, t, 1e-6), loss)
