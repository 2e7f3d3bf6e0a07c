"""The plain recurrent network, unrolled over time: h[t] = tanh(x[t] Wx + h[t-1] Wh + b).

Axes are time, batch, features. On its way back every h[t] receives two gradients, from its own output and from h[t+1];
forgetting the second gives gradients that are right for one step and wrong for all longer sequences.

Source:
    Goodfellow, Bengio and Courville, Deep Learning, eq. (10.8) and (10.9) forward, (10.20) to (10.28) backward.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from reference_nets.annotations import Array, Float, Parameters, checked
from reference_nets.progress import Progress, descend


@checked
def forward(
    X: Float[Array, "time batch in"],
    h0: Float[Array, "batch hidden"],
    Wx: Float[Array, "in hidden"],
    Wh: Float[Array, "hidden hidden"],
    b: Float[Array, "hidden"],
) -> Float[Array, "time batch hidden"]:
    """The hidden states of all steps, h0 not among them."""
    H = np.zeros((len(X), *h0.shape))
    h = h0
    for t in range(len(X)):
        h = np.tanh(X[t] @ Wx + h @ Wh + b)
        H[t] = h
    return H


@checked
def backward(
    dH: Float[Array, "time batch hidden"],
    H: Float[Array, "time batch hidden"],
    X: Float[Array, "time batch in"],
    h0: Float[Array, "batch hidden"],
    Wx: Float[Array, "in hidden"],
    Wh: Float[Array, "hidden hidden"],
) -> tuple[
    Float[Array, "time batch in"],
    Float[Array, "batch hidden"],
    Float[Array, "in hidden"],
    Float[Array, "hidden hidden"],
    Float[Array, "hidden"],
]:
    """(dX, dh0, dWx, dWh, db), where dH is the loss's gradient by each output alone."""
    dX, dWx, dWh, db = np.zeros_like(X), np.zeros_like(Wx), np.zeros_like(Wh), np.zeros(Wh.shape[0])
    carried = np.zeros_like(h0)
    for t in reversed(range(len(X))):
        dz = (dH[t] + carried) * (1.0 - H[t] ** 2)
        before = H[t - 1] if t > 0 else h0
        dX[t] = dz @ Wx.T
        dWx += X[t].T @ dz
        dWh += before.T @ dz
        db += dz.sum(axis=0)
        carried = dz @ Wh.T
    return dX, carried, dWx, dWh, db


def run(seed: int = 0) -> Iterator[Progress]:
    """Imitate another recurrent network on random sequences of six steps."""
    draw = np.random.default_rng(seed)
    X, h0 = draw.normal(size=(6, 20, 3)), np.zeros((20, 4))
    shapes = {"Wx": (3, 4), "Wh": (4, 4), "b": (4,)}
    target = forward(X, h0, **{name: 0.5 * draw.normal(size=shape) for name, shape in shapes.items()})
    params: Parameters = {name: 0.1 * draw.normal(size=shape) for name, shape in shapes.items()}

    def loss_and_gradients() -> tuple[float, Parameters]:
        H = forward(X, h0, **params)
        _, _, *gradients = backward((H - target) / 20, H, X, h0, params["Wx"], params["Wh"])
        return float(np.sum((H - target) ** 2) / 40), dict(zip(params, gradients, strict=True))

    yield from descend(params, loss_and_gradients, rate=0.1, steps=300)
