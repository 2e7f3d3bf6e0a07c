"""Layer normalisation: every sample is brought to mean 0 and variance 1 over its own features, then scaled and shifted.

It looks like batch normalisation and differs in the axis: the statistics run over the features of one row, so gamma is
inside the means of dX, while dgamma and dbeta still sum over the rows.

Source:
    Ba, Kiros and Hinton 2016, Layer Normalization, eq. (3) and (4); backward derived as in batch normalisation.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from reference_nets.annotations import Array, Float, Parameters, checked
from reference_nets.progress import Progress, descend

EPSILON = 1e-5


@checked
def forward(
    X: Float[Array, "*rows features"], gamma: Float[Array, "features"], beta: Float[Array, "features"]
) -> tuple[Float[Array, "*rows features"], Float[Array, "*rows features"], Float[Array, "*rows 1"]]:
    """(Y, X_hat, std); any number of axes before the features, as in (batch, time, features)."""
    std: Float[Array, "*rows 1"] = np.sqrt(X.var(axis=-1, keepdims=True) + EPSILON)
    X_hat: Float[Array, "*rows features"] = (X - X.mean(axis=-1, keepdims=True)) / std
    return gamma * X_hat + beta, X_hat, std


@checked
def backward(
    dY: Float[Array, "*rows features"],
    X_hat: Float[Array, "*rows features"],
    std: Float[Array, "*rows 1"],
    gamma: Float[Array, "features"],
) -> tuple[Float[Array, "*rows features"], Float[Array, "features"], Float[Array, "features"]]:
    """(dX, dgamma, dbeta)."""
    rows = tuple(range(dY.ndim - 1))
    dX_hat: Float[Array, "*rows features"] = dY * gamma
    through_mean: Float[Array, "*rows 1"] = dX_hat.mean(axis=-1, keepdims=True)
    through_variance: Float[Array, "*rows features"] = X_hat * np.mean(dX_hat * X_hat, axis=-1, keepdims=True)
    dX: Float[Array, "*rows features"] = (dX_hat - through_mean - through_variance) / std
    return dX, np.sum(dY * X_hat, axis=rows), dY.sum(axis=rows)


def run(seed: int = 0) -> Iterator[Progress]:
    """Recover a scale and a shift from normalised rows."""
    draw = np.random.default_rng(seed)
    X = 5.0 + 3.0 * draw.normal(size=(30, 4))
    target, _, _ = forward(X, draw.normal(size=4), draw.normal(size=4))
    params: Parameters = {"gamma": np.ones(4), "beta": np.zeros(4)}

    def loss_and_gradients() -> tuple[float, Parameters]:
        Y, X_hat, std = forward(X, **params)
        _, dgamma, dbeta = backward((Y - target) / len(X), X_hat, std, params["gamma"])
        return float(np.sum((Y - target) ** 2) / 2 / len(X)), {"gamma": dgamma, "beta": dbeta}

    yield from descend(params, loss_and_gradients, rate=0.3, steps=50)
