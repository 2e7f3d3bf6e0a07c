"""A residual block: Y = X + F(X). The identity path hands dY to dX untouched, so that gradients reach early layers.

Source:
    He et al. 2016, Deep Residual Learning for Image Recognition, eq. (1), with dense layers for F.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from reference_nets import dense
from reference_nets.activations import relu, relu_backward
from reference_nets.annotations import Array, Float, Parameters, checked
from reference_nets.progress import Progress, descend


@checked
def forward(
    X: Float[Array, "batch width"],
    W1: Float[Array, "width hidden"],
    b1: Float[Array, "hidden"],
    W2: Float[Array, "hidden width"],
    b2: Float[Array, "width"],
) -> tuple[Float[Array, "batch width"], Float[Array, "batch hidden"]]:
    """(Y, Z1): Y = X + relu(X W1 + b1) W2 + b2; the sum needs F(X) to be as wide as X."""
    Z1: Float[Array, "batch hidden"] = dense.forward(X, W1, b1)
    return X + dense.forward(relu(Z1), W2, b2), Z1


@checked
def backward(
    dY: Float[Array, "batch width"],
    X: Float[Array, "batch width"],
    Z1: Float[Array, "batch hidden"],
    W1: Float[Array, "width hidden"],
    W2: Float[Array, "hidden width"],
) -> tuple[
    Float[Array, "batch width"],
    Float[Array, "width hidden"],
    Float[Array, "hidden"],
    Float[Array, "hidden width"],
    Float[Array, "width"],
]:
    """(dX, dW1, db1, dW2, db2); dX is the sum of both paths."""
    dA1, dW2, db2 = dense.backward(dY, relu(Z1), W2)
    dX, dW1, db1 = dense.backward(relu_backward(dA1, Z1), X, W1)
    return dY + dX, dW1, db1, dW2, db2


def run(seed: int = 0) -> Iterator[Progress]:
    """Imitate another residual block."""
    draw = np.random.default_rng(seed)
    X = draw.normal(size=(50, 4))
    shapes = {"W1": (4, 8), "b1": (8,), "W2": (8, 4), "b2": (4,)}
    target, _ = forward(X, **{name: 0.5 * draw.normal(size=shape) for name, shape in shapes.items()})
    params: Parameters = {name: 0.5 * draw.normal(size=shape) for name, shape in shapes.items()}

    def loss_and_gradients() -> tuple[float, Parameters]:
        Y, Z1 = forward(X, **params)
        _, *gradients = backward((Y - target) / len(X), X, Z1, params["W1"], params["W2"])
        return float(np.sum((Y - target) ** 2) / 2 / len(X)), dict(zip(params, gradients, strict=True))

    yield from descend(params, loss_and_gradients, rate=0.1, steps=300)
