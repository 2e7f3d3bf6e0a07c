"""Two-dimensional convolution (cross-correlation, as everywhere in the field) with stride and zero padding.

The loops run over the few positions in the kernel; the images are done at once. One kernel entry W[:, :, i, j] sees
the image shifted by (i, j) and thinned out by the stride. Windows overlap, so dX is accumulated with +=.

Source:
    Goodfellow, Bengio and Courville, Deep Learning, eq. (9.8) forward with stride, (9.11) dW, (9.13) dX; Dumoulin and
    Visin 2016, A guide to convolution arithmetic, relationship 6, for the size of the output.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from reference_nets.annotations import Array, Float, Parameters, checked
from reference_nets.progress import Progress, descend


def output_size(size: int, kernel: int, stride: int, padding: int) -> int:
    """floor((size + 2 padding - kernel) / stride) + 1."""
    return (size + 2 * padding - kernel) // stride + 1


def shifted(start: int, count: int, stride: int) -> slice:
    """The `count` places start, start + stride, ..."""
    return slice(start, start + (count - 1) * stride + 1, stride)


@checked
def padded(X: Float[Array, "batch channels height width"], padding: int) -> Float[Array, "batch channels _ _"]:
    """X with a border of `padding` zeros."""
    border = (padding, padding)
    return np.pad(X, ((0, 0), (0, 0), border, border))


@checked
def forward(
    X: Float[Array, "batch channels height width"],
    W: Float[Array, "filters channels kernel_h kernel_w"],
    b: Float[Array, "filters"],
    stride: int = 1,
    padding: int = 0,
) -> Float[Array, "batch filters out_h out_w"]:
    """Z[n, f, y, x] = b[f] + sum over c, i, j of X[n, c, y stride + i, x stride + j] W[f, c, i, j]."""
    kernel_h, kernel_w = W.shape[2:]
    out_h = output_size(X.shape[2], kernel_h, stride, padding)
    out_w = output_size(X.shape[3], kernel_w, stride, padding)
    P = padded(X, padding)
    Z = np.zeros((len(X), len(W), out_h, out_w)) + b[:, None, None]
    for i, j in np.ndindex(kernel_h, kernel_w):
        seen = P[:, :, shifted(i, out_h, stride), shifted(j, out_w, stride)]
        Z += np.einsum("nchw,fc->nfhw", seen, W[:, :, i, j])
    return Z


@checked
def backward(
    dZ: Float[Array, "batch filters out_h out_w"],
    X: Float[Array, "batch channels height width"],
    W: Float[Array, "filters channels kernel_h kernel_w"],
    stride: int = 1,
    padding: int = 0,
) -> tuple[
    Float[Array, "batch channels height width"],
    Float[Array, "filters channels kernel_h kernel_w"],
    Float[Array, "filters"],
]:
    """(dX, dW, db)."""
    P = padded(X, padding)
    dP, dW = np.zeros_like(P), np.zeros_like(W)
    out_h, out_w = dZ.shape[2:]
    for i, j in np.ndindex(*W.shape[2:]):
        rows, columns = shifted(i, out_h, stride), shifted(j, out_w, stride)
        dW[:, :, i, j] = np.einsum("nfhw,nchw->fc", dZ, P[:, :, rows, columns])
        dP[:, :, rows, columns] += np.einsum("nfhw,fc->nchw", dZ, W[:, :, i, j])
    height, width = X.shape[2:]
    dX: Float[Array, "batch channels height width"] = dP[:, :, padding : padding + height, padding : padding + width]
    return dX, dW, dZ.sum(axis=(0, 2, 3))


def run(seed: int = 0) -> Iterator[Progress]:
    """Recover the kernels that made the targets."""
    draw = np.random.default_rng(seed)
    X = draw.normal(size=(4, 2, 7, 6))
    target = forward(X, draw.normal(size=(3, 2, 3, 2)), draw.normal(size=3), stride=2, padding=1)
    params: Parameters = {"W": np.zeros((3, 2, 3, 2)), "b": np.zeros(3)}

    def loss_and_gradients() -> tuple[float, Parameters]:
        error = forward(X, **params, stride=2, padding=1) - target
        _, dW, db = backward(error / len(X), X, params["W"], stride=2, padding=1)
        return float(np.sum(error**2) / 2 / len(X)), {"W": dW, "b": db}

    yield from descend(params, loss_and_gradients, rate=0.03, steps=200)
