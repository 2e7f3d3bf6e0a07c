"""Softmax regression: logistic regression for several classes.

Source:
    Bishop, Pattern Recognition and Machine Learning, eq. (4.104) model, (4.108) loss, (4.109) gradient.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from reference_nets import dense, losses
from reference_nets.activations import softmax
from reference_nets.annotations import Array, Float, Parameters, checked
from reference_nets.digits import load_digits, one_hot
from reference_nets.progress import Progress, descend


@checked
def forward(
    X: Float[Array, "batch features"], W: Float[Array, "features classes"], b: Float[Array, "classes"]
) -> Float[Array, "batch classes"]:
    """Probabilities; every row sums to 1."""
    return softmax(dense.forward(X, W, b))


@checked
def loss(P: Float[Array, "batch classes"], Y: Float[Array, "batch classes"]) -> float:
    """Cross-entropy against one-hot rows, averaged over the batch."""
    return losses.cross_entropy(P, Y)


@checked
def backward(
    X: Float[Array, "batch features"], P: Float[Array, "batch classes"], Y: Float[Array, "batch classes"]
) -> tuple[Float[Array, "features classes"], Float[Array, "classes"]]:
    """(dW, db); softmax and cross-entropy together leave P - Y."""
    dZ: Float[Array, "batch classes"] = (P - Y) / len(Y)
    return X.T @ dZ, dZ.sum(axis=0)


def run(seed: int = 0) -> Iterator[Progress]:
    """All ten of scikit-learn's small digits."""
    data = load_digits(seed=seed)
    Y = one_hot(data.y_train, 10)
    params: Parameters = {"W": np.zeros((data.X_train.shape[1], 10)), "b": np.zeros(10)}

    def loss_and_gradients() -> tuple[float, Parameters]:
        P = forward(data.X_train, **params)
        dW, db = backward(data.X_train, P, Y)
        return loss(P, Y), {"W": dW, "b": db}

    yield from descend(params, loss_and_gradients, rate=1.0, steps=100)
    right = forward(data.X_test, **params).argmax(axis=1) == data.y_test
    yield Progress(100, loss_and_gradients()[0], float(np.mean(right)), "on test images")
