"""The dense layer in both layouts: one row per sample, and one column per sample.

Rows, Z = X W + b, is how data files lie; columns, Z = W X + b, is how textbooks write it. Each formula of the one is
the other's transposed. A program that mixes them crashes, or, where sizes agree by luck, learns nonsense.

Source:
    Nielsen, Neural Networks and Deep Learning, eq. (25) forward, (BP2), (BP3) and (BP4) backward, for a whole batch.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from reference_nets.annotations import Array, Float, Parameters, checked
from reference_nets.progress import Progress, descend


@checked
def forward(
    X: Float[Array, "batch in"], W: Float[Array, "in out"], b: Float[Array, "out"]
) -> Float[Array, "batch out"]:
    """Z = X W + b; b is added to every row."""
    return X @ W + b


@checked
def backward(
    dZ: Float[Array, "batch out"], X: Float[Array, "batch in"], W: Float[Array, "in out"]
) -> tuple[Float[Array, "batch in"], Float[Array, "in out"], Float[Array, "out"]]:
    """(dX, dW, db); b reached every row, so its gradient is the sum over the rows."""
    dX: Float[Array, "batch in"] = dZ @ W.T
    dW: Float[Array, "in out"] = X.T @ dZ
    db: Float[Array, "out"] = dZ.sum(axis=0)
    return dX, dW, db


@checked
def forward_columns(
    X: Float[Array, "in batch"], W: Float[Array, "out in"], b: Float[Array, "out 1"]
) -> Float[Array, "out batch"]:
    """Z = W X + b; b is a column, added to every column."""
    return W @ X + b


@checked
def backward_columns(
    dZ: Float[Array, "out batch"], X: Float[Array, "in batch"], W: Float[Array, "out in"]
) -> tuple[Float[Array, "in batch"], Float[Array, "out in"], Float[Array, "out 1"]]:
    """(dX, dW, db); keepdims leaves db a column, as b is."""
    dX: Float[Array, "in batch"] = W.T @ dZ
    dW: Float[Array, "out in"] = dZ @ X.T
    db: Float[Array, "out 1"] = dZ.sum(axis=1, keepdims=True)
    return dX, dW, db


def run(seed: int = 0) -> Iterator[Progress]:
    """Recover the matrix and bias that made the targets, by gradient descent on half the mean squared error."""
    draw = np.random.default_rng(seed)
    X = draw.normal(size=(40, 3))
    target = forward(X, draw.normal(size=(3, 2)), draw.normal(size=2))
    params: Parameters = {"W": np.zeros((3, 2)), "b": np.zeros(2)}

    def loss_and_gradients() -> tuple[float, Parameters]:
        error = forward(X, **params) - target
        _, dW, db = backward(error / len(X), X, params["W"])
        return float(np.sum(error**2) / 2 / len(X)), {"W": dW, "b": db}

    yield from descend(params, loss_and_gradients, rate=0.3, steps=200)
