"""Weight decay and dropout, each with what it adds to the backward pass.

Source:
    Goodfellow, Bengio and Courville, Deep Learning, eq. (7.1) to (7.5) weight decay; Srivastava et al. 2014, Dropout,
    sec. 4, in the inverted form that scales while training.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from reference_nets.annotations import Array, Float, Parameters, checked
from reference_nets.progress import Progress, descend


@checked
def weight_decay(W: Float[Array, "*shape"], strength: float) -> float:
    """strength / 2 * sum W**2; biases are left out, by custom."""
    return 0.5 * strength * float(np.sum(W**2))


@checked
def weight_decay_backward(W: Float[Array, "*shape"], strength: float) -> Float[Array, "*shape"]:
    """strength * W: to be added to dW, and not divided by the batch unless the penalty is."""
    return strength * W


@checked
def draw_mask(shape: tuple[int, ...], keep: float, draw: np.random.Generator) -> Float[Array, "..."]:
    """1 / keep with probability `keep`, else 0; drawn once per forward pass and kept for the backward pass."""
    return (draw.random(shape) < keep) / keep


@checked
def dropout(A: Float[Array, "*shape"], mask: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """A * mask while training; without training nothing is done, as the mask's mean is 1."""
    return A * mask


@checked
def dropout_backward(dA: Float[Array, "*shape"], mask: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """dA * mask, with the very mask of the forward pass."""
    return dA * mask


def run(seed: int = 0) -> Iterator[Progress]:
    """Linear regression with more columns than rows, a new dropout mask each step, and weight decay."""
    draw = np.random.default_rng(seed)
    X, target = draw.normal(size=(10, 20)), draw.normal(size=10)
    params: Parameters = {"W": np.zeros(20)}

    def loss_and_gradients() -> tuple[float, Parameters]:
        mask = draw_mask(X.shape, 0.9, draw)
        dropped = dropout(X, mask)
        error = dropped @ params["W"] - target
        gradient = dropped.T @ error / len(X) + weight_decay_backward(params["W"], 0.1)
        return float(np.sum(error**2) / 2 / len(X)) + weight_decay(params["W"], 0.1), {"W": gradient}

    yield from descend(params, loss_and_gradients, rate=0.05, steps=200)
