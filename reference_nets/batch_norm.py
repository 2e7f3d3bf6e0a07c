"""Batch normalisation: every feature is brought to mean 0 and variance 1 over the batch, then scaled and shifted.

While training, mean and variance are functions of the batch, and the gradient runs through both; afterwards they are
stored numbers, and it does not. The variance divides by the batch size.

Source:
    Ioffe and Szegedy 2015, Batch Normalization, algorithm 1, and the six derivatives of its section 3.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from reference_nets.annotations import Array, Float, Parameters, checked
from reference_nets.progress import Progress, descend

EPSILON = 1e-5


@checked
def forward(
    X: Float[Array, "batch features"], gamma: Float[Array, "features"], beta: Float[Array, "features"]
) -> tuple[Float[Array, "batch features"], Float[Array, "batch features"], Float[Array, "features"]]:
    """(Y, X_hat, std) while training; the last two are for `backward`."""
    std: Float[Array, "features"] = np.sqrt(X.var(axis=0) + EPSILON)
    X_hat: Float[Array, "batch features"] = (X - X.mean(axis=0)) / std
    return gamma * X_hat + beta, X_hat, std


@checked
def backward(
    dY: Float[Array, "batch features"],
    X_hat: Float[Array, "batch features"],
    std: Float[Array, "features"],
    gamma: Float[Array, "features"],
) -> tuple[Float[Array, "batch features"], Float[Array, "features"], Float[Array, "features"]]:
    """(dX, dgamma, dbeta). The two means in dX are the paths through the batch's mean and through its variance."""
    dgamma: Float[Array, "features"] = np.sum(dY * X_hat, axis=0)
    dbeta: Float[Array, "features"] = dY.sum(axis=0)
    dX_hat: Float[Array, "batch features"] = dY * gamma
    through_mean: Float[Array, "features"] = dX_hat.mean(axis=0)
    through_variance: Float[Array, "batch features"] = X_hat * np.mean(dX_hat * X_hat, axis=0)
    return (dX_hat - through_mean - through_variance) / std, dgamma, dbeta


@checked
def update_running(
    running: Float[Array, "features"], of_batch: Float[Array, "features"], momentum: float = 0.9
) -> Float[Array, "features"]:
    """The moving mean of a statistic, for use after training."""
    return momentum * running + (1.0 - momentum) * of_batch


@checked
def forward_trained(
    X: Float[Array, "batch features"],
    gamma: Float[Array, "features"],
    beta: Float[Array, "features"],
    mean: Float[Array, "features"],
    variance: Float[Array, "features"],
) -> Float[Array, "batch features"]:
    """Y after training, from the stored mean and variance."""
    Y: Float[Array, "batch features"] = gamma * (X - mean) / np.sqrt(variance + EPSILON) + beta
    return Y


@checked
def backward_trained(
    dY: Float[Array, "batch features"],
    X: Float[Array, "batch features"],
    gamma: Float[Array, "features"],
    mean: Float[Array, "features"],
    variance: Float[Array, "features"],
) -> tuple[Float[Array, "batch features"], Float[Array, "features"], Float[Array, "features"]]:
    """(dX, dgamma, dbeta) after training: mean and variance are constants now."""
    std: Float[Array, "features"] = np.sqrt(variance + EPSILON)
    return dY * gamma / std, np.sum(dY * (X - mean) / std, axis=0), dY.sum(axis=0)


def run(seed: int = 0) -> Iterator[Progress]:
    """Recover a scale and a shift from normalised samples."""
    draw = np.random.default_rng(seed)
    X = 5.0 + 3.0 * draw.normal(size=(30, 4))
    target, _, _ = forward(X, draw.normal(size=4), draw.normal(size=4))
    params: Parameters = {"gamma": np.ones(4), "beta": np.zeros(4)}

    def loss_and_gradients() -> tuple[float, Parameters]:
        Y, X_hat, std = forward(X, **params)
        _, dgamma, dbeta = backward((Y - target) / len(X), X_hat, std, params["gamma"])
        return float(np.sum((Y - target) ** 2) / 2 / len(X)), {"gamma": dgamma, "beta": dbeta}

    yield from descend(params, loss_and_gradients, rate=0.3, steps=50)
