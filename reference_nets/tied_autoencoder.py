"""An autoencoder whose decoder is the encoder's matrix transposed: one W, used twice, with two gradients to add.

Source:
    Vincent et al. 2010, Stacked Denoising Autoencoders, sec. 2.2, tied weights; backward derived here.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from reference_nets.activations import sigmoid, sigmoid_backward
from reference_nets.annotations import Array, Float, Parameters, checked
from reference_nets.digits import load_digits
from reference_nets.progress import Progress, descend


@checked
def forward(
    X: Float[Array, "batch in"], W: Float[Array, "in hidden"], b: Float[Array, "hidden"], c: Float[Array, "in"]
) -> tuple[Float[Array, "batch hidden"], Float[Array, "batch in"]]:
    """(code, reconstruction): sigmoid(X W + b), and code W^T + c."""
    code: Float[Array, "batch hidden"] = sigmoid(X @ W + b)
    return code, code @ W.T + c


@checked
def loss(R: Float[Array, "batch in"], X: Float[Array, "batch in"]) -> float:
    """Half the squared error of the reconstruction, summed over the entries, averaged over the batch."""
    return float(0.5 * np.sum((R - X) ** 2) / len(X))


@checked
def backward(
    X: Float[Array, "batch in"],
    W: Float[Array, "in hidden"],
    code: Float[Array, "batch hidden"],
    R: Float[Array, "batch in"],
) -> tuple[Float[Array, "in hidden"], Float[Array, "hidden"], Float[Array, "in"]]:
    """(dW, db, dc); dW is the encoder's part plus the decoder's, which arrives transposed."""
    dR: Float[Array, "batch in"] = (R - X) / len(X)
    decoder: Float[Array, "in hidden"] = dR.T @ code
    dZ: Float[Array, "batch hidden"] = sigmoid_backward(dR @ W, code)
    encoder: Float[Array, "in hidden"] = X.T @ dZ
    return encoder + decoder, dZ.sum(axis=0), dR.sum(axis=0)


def run(seed: int = 0) -> Iterator[Progress]:
    """Squeeze scikit-learn's digits of 64 pixels through 16 numbers."""
    X = load_digits(seed=seed).X_train
    params: Parameters = {
        "W": np.random.default_rng(seed).normal(scale=0.1, size=(X.shape[1], 16)),
        "b": np.zeros(16),
        "c": X.mean(axis=0),
    }

    def loss_and_gradients() -> tuple[float, Parameters]:
        code, R = forward(X, **params)
        return loss(R, X), dict(zip(params, backward(X, params["W"], code, R), strict=True))

    yield from descend(params, loss_and_gradients, rate=0.4, steps=100)
