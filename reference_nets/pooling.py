"""Max and average pooling over square windows, which overlap when the stride is smaller than the window.

A maximum hands its whole gradient to the one entry that won; of equal entries, to the first. An entry that wins in
several windows collects from each, hence += and not =.

Source:
    Goodfellow, Bengio and Courville, Deep Learning, sec. 9.3; Dumoulin and Visin 2016, relationship 7, for the sizes.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from reference_nets.annotations import Array, Float, Int, Parameters, checked
from reference_nets.convolution import output_size, shifted
from reference_nets.progress import Progress, descend


@checked
def windows(
    X: Float[Array, "batch channels height width"], size: int, stride: int
) -> Float[Array, "{size}*{size} batch channels out_h out_w"]:
    """The entries of all windows: first axis the place within the window, row by row."""
    out_h, out_w = (output_size(n, size, stride, 0) for n in X.shape[2:])
    places = np.ndindex(size, size)
    return np.stack([X[:, :, shifted(i, out_h, stride), shifted(j, out_w, stride)] for i, j in places])


@checked
def max_forward(
    X: Float[Array, "batch channels height width"], size: int, stride: int
) -> tuple[Float[Array, "batch channels out_h out_w"], Int[Array, "batch channels out_h out_w"]]:
    """(Y, winner): the maxima, and for `max_backward` the place of each in its window."""
    seen = windows(X, size, stride)
    return seen.max(axis=0), seen.argmax(axis=0)


@checked
def max_backward(
    dY: Float[Array, "batch channels out_h out_w"],
    winner: Int[Array, "batch channels out_h out_w"],
    X: Float[Array, "batch channels height width"],
    size: int,
    stride: int,
) -> Float[Array, "batch channels height width"]:
    """dX: each dY goes to the winner of its window."""
    dX = np.zeros_like(X)
    for place, (i, j) in enumerate(np.ndindex(size, size)):
        dX[:, :, shifted(i, dY.shape[2], stride), shifted(j, dY.shape[3], stride)] += dY * (winner == place)
    return dX


@checked
def average_forward(
    X: Float[Array, "batch channels height width"], size: int, stride: int
) -> Float[Array, "batch channels out_h out_w"]:
    """The mean of every window."""
    Y: Float[Array, "batch channels out_h out_w"] = windows(X, size, stride).mean(axis=0)
    return Y


@checked
def average_backward(
    dY: Float[Array, "batch channels out_h out_w"],
    X: Float[Array, "batch channels height width"],
    size: int,
    stride: int,
) -> Float[Array, "batch channels height width"]:
    """dX: each dY is shared out equally over its window."""
    dX = np.zeros_like(X)
    for i, j in np.ndindex(size, size):
        dX[:, :, shifted(i, dY.shape[2], stride), shifted(j, dY.shape[3], stride)] += dY / size**2
    return dX


def run(seed: int = 0) -> Iterator[Progress]:
    """Change an image until its overlapping 3 by 3 maxima are those wanted."""
    draw = np.random.default_rng(seed)
    target, _ = max_forward(draw.normal(size=(1, 1, 7, 7)), 3, 2)
    params: Parameters = {"X": draw.normal(size=(1, 1, 7, 7))}

    def loss_and_gradients() -> tuple[float, Parameters]:
        Y, winner = max_forward(params["X"], 3, 2)
        return float(np.sum((Y - target) ** 2) / 2), {"X": max_backward(Y - target, winner, params["X"], 3, 2)}

    yield from descend(params, loss_and_gradients, rate=0.1, steps=200)
