"""Logistic regression: one sigmoid unit; its gradient is the error times the input.

Source:
    Bishop, Pattern Recognition and Machine Learning, eq. (4.87) model, (4.90) loss, (4.91) gradient.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from reference_nets.activations import sigmoid
from reference_nets.annotations import Array, Float, Parameters, checked
from reference_nets.progress import Progress, descend


@checked
def forward(
    X: Float[Array, "batch features"], w: Float[Array, "features"], b: Float[Array, "1"]
) -> Float[Array, "batch"]:
    """Probability of class 1 for every row; w is a vector, so the result is one too."""
    return sigmoid(X @ w + b)


@checked
def loss(p: Float[Array, "batch"], y: Float[Array, "batch"]) -> float:
    """Binary cross-entropy, averaged over the rows. With y a column, p - y would become a matrix."""
    return float(-np.mean(y * np.log(p) + (1.0 - y) * np.log(1.0 - p)))


@checked
def backward(
    X: Float[Array, "batch features"], p: Float[Array, "batch"], y: Float[Array, "batch"]
) -> tuple[Float[Array, "features"], Float[Array, "1"]]:
    """(dw, db)."""
    dz: Float[Array, "batch"] = (p - y) / len(y)
    return X.T @ dz, dz.sum(keepdims=True)


def run(seed: int = 0) -> Iterator[Progress]:
    """Two overlapping clouds of points."""
    draw = np.random.default_rng(seed)
    y = draw.integers(0, 2, size=200).astype(float)
    X = draw.normal(size=(200, 2)) + 2.0 * y[:, None]
    params: Parameters = {"w": np.zeros(2), "b": np.zeros(1)}

    def loss_and_gradients() -> tuple[float, Parameters]:
        p = forward(X, **params)
        dw, db = backward(X, p, y)
        return loss(p, y), {"w": dw, "b": db}

    yield from descend(params, loss_and_gradients, rate=1.0, steps=200)
