"""Scaled dot-product attention: every query takes a weighted mean of the values, weighted by how well its key fits.

Source:
    Vaswani et al. 2017, Attention Is All You Need, eq. (1); backward: the softmax's Jacobian applied row by row, see
    `activations.softmax_backward`.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from reference_nets.activations import softmax, softmax_backward
from reference_nets.annotations import Array, Bool, Float, Parameters, checked
from reference_nets.progress import Progress, descend

# Large enough to leave no weight, small enough to stay a number where a whole row is masked.
MASKED = -1e9


@checked
def forward(
    Q: Float[Array, "batch queries depth"],
    K: Float[Array, "batch keys depth"],
    V: Float[Array, "batch keys width"],
    allowed: Bool[Array, "queries keys"] | None = None,
) -> tuple[Float[Array, "batch queries width"], Float[Array, "batch queries keys"]]:
    """(output, weights): softmax(Q K^T / sqrt(depth)) V; a key is left out where `allowed` is False."""
    scores: Float[Array, "batch queries keys"] = Q @ K.swapaxes(1, 2) / np.sqrt(Q.shape[2])
    if allowed is not None:
        scores = np.where(allowed, scores, MASKED)
    weights: Float[Array, "batch queries keys"] = softmax(scores)
    return weights @ V, weights


@checked
def backward(
    d_output: Float[Array, "batch queries width"],
    weights: Float[Array, "batch queries keys"],
    Q: Float[Array, "batch queries depth"],
    K: Float[Array, "batch keys depth"],
    V: Float[Array, "batch keys width"],
) -> tuple[Float[Array, "batch queries depth"], Float[Array, "batch keys depth"], Float[Array, "batch keys width"]]:
    """(dQ, dK, dV). A masked key has weight 0, and with it gradient 0: the mask need not be known again."""
    dV: Float[Array, "batch keys width"] = weights.swapaxes(1, 2) @ d_output
    d_weights: Float[Array, "batch queries keys"] = d_output @ V.swapaxes(1, 2)
    d_scores: Float[Array, "batch queries keys"] = softmax_backward(d_weights, weights) / np.sqrt(Q.shape[2])
    return d_scores @ K, d_scores.swapaxes(1, 2) @ Q, dV


@checked
def causal(time: int) -> Bool[Array, "{time} {time}"]:
    """True where a key is not later than the query."""
    return np.tri(time, dtype=bool)


def run(seed: int = 0) -> Iterator[Progress]:
    """Find queries, keys and values that reproduce the output of others, without looking ahead."""
    draw = np.random.default_rng(seed)
    shapes = {"Q": (2, 5, 3), "K": (2, 5, 3), "V": (2, 5, 4)}
    target, _ = forward(**{name: draw.normal(size=shape) for name, shape in shapes.items()}, allowed=causal(5))
    params: Parameters = {name: draw.normal(size=shape) for name, shape in shapes.items()}

    def loss_and_gradients() -> tuple[float, Parameters]:
        output, weights = forward(**params, allowed=causal(5))
        gradients = backward(output - target, weights, **params)
        return float(np.sum((output - target) ** 2) / 2), dict(zip(params, gradients, strict=True))

    yield from descend(params, loss_and_gradients, rate=0.3, steps=200)
