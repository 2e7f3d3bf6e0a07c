"""Multi-head self-attention: the width is dealt out to heads, each attends by itself, and the results are joined.

The heads are moved into the batch axis, so that `attention` does all of them at once. Splitting the width is a reshape
*and* a swap of axes; a reshape alone to (heads, time, depth) mixes time into the heads and raises no error.

Source:
    Vaswani et al. 2017, Attention Is All You Need, sec. 3.2.2.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from reference_nets import attention
from reference_nets.annotations import Array, Bool, Float, Parameters, checked
from reference_nets.progress import Progress, descend


@checked
def split_heads(X: Float[Array, "batch time width"], heads: int) -> Float[Array, "batch*{heads} time width//{heads}"]:
    """Deal the width out to the heads."""
    batch, time, width = X.shape
    parts = X.reshape(batch, time, heads, width // heads).swapaxes(1, 2)
    return parts.reshape(batch * heads, time, width // heads)


@checked
def join_heads(X: Float[Array, "rows time depth"], heads: int) -> Float[Array, "rows//{heads} time depth*{heads}"]:
    """Undo `split_heads`."""
    rows, time, depth = X.shape
    parts = X.reshape(rows // heads, heads, time, depth).swapaxes(1, 2)
    return parts.reshape(rows // heads, time, heads * depth)


@checked
def forward(
    X: Float[Array, "batch time width"],
    Wq: Float[Array, "width width"],
    Wk: Float[Array, "width width"],
    Wv: Float[Array, "width width"],
    Wo: Float[Array, "width width"],
    heads: int,
    allowed: Bool[Array, "time time"] | None = None,
) -> tuple[Float[Array, "batch time width"], list[Float[Array, "_ _ _"]]]:
    """(Y, kept): kept are Q, K, V and the weights, by head, and the joined output of the heads, for `backward`."""
    Q, K, V = (split_heads(X @ W, heads) for W in (Wq, Wk, Wv))
    output, weights = attention.forward(Q, K, V, allowed)
    joined: Float[Array, "batch time width"] = join_heads(output, heads)
    return joined @ Wo, [Q, K, V, weights, joined]


@checked
def backward(
    dY: Float[Array, "batch time width"],
    kept: list[Float[Array, "_ _ _"]],
    X: Float[Array, "batch time width"],
    Wq: Float[Array, "width width"],
    Wk: Float[Array, "width width"],
    Wv: Float[Array, "width width"],
    Wo: Float[Array, "width width"],
    heads: int,
) -> tuple[
    Float[Array, "batch time width"],
    Float[Array, "width width"],
    Float[Array, "width width"],
    Float[Array, "width width"],
    Float[Array, "width width"],
]:
    """(dX, dWq, dWk, dWv, dWo); X feeds three products, so dX is the sum of three."""
    Q, K, V, weights, joined = kept
    dWo: Float[Array, "width width"] = np.einsum("bti,btj->ij", joined, dY)
    by_head = attention.backward(split_heads(dY @ Wo.T, heads), weights, Q, K, V)
    dX = np.zeros_like(X)
    gradients = []
    for part, W in zip(by_head, (Wq, Wk, Wv), strict=True):
        whole = join_heads(part, heads)
        gradients.append(np.einsum("bti,btj->ij", X, whole))
        dX += whole @ W.T
    dWq, dWk, dWv = gradients
    return dX, dWq, dWk, dWv, dWo


def run(seed: int = 0) -> Iterator[Progress]:
    """Imitate another attention with two heads on random sequences."""
    draw = np.random.default_rng(seed)
    X = draw.normal(size=(4, 5, 6))
    names = ("Wq", "Wk", "Wv", "Wo")
    target, _ = forward(X, **{name: 0.5 * draw.normal(size=(6, 6)) for name in names}, heads=2)
    params: Parameters = {name: 0.3 * draw.normal(size=(6, 6)) for name in names}

    def loss_and_gradients() -> tuple[float, Parameters]:
        Y, kept = forward(X, **params, heads=2)
        _, *gradients = backward((Y - target) / len(X), kept, X, **params, heads=2)
        return float(np.sum((Y - target) ** 2) / 2 / len(X)), dict(zip(params, gradients, strict=True))

    yield from descend(params, loss_and_gradients, rate=0.02, steps=400)
