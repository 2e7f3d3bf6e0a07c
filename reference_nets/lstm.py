"""Long short-term memory: a cell that is forgotten, written to and read through three gates.

One weight matrix acts on [x, h] and makes all four parts at once, in the order forget, input, candidate, output. Two
things are carried back through time, the gradient of h and that of the cell c.

Source:
    Goodfellow, Bengio and Courville, Deep Learning, eq. (10.40) to (10.44), with tanh for the candidate as in Gers,
    Schmidhuber and Cummins 2000.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from reference_nets.activations import sigmoid
from reference_nets.annotations import Array, Float, Parameters, checked
from reference_nets.progress import Progress, descend


@checked
def step(
    x: Float[Array, "batch inputs"],
    h: Float[Array, "batch hidden"],
    c: Float[Array, "batch hidden"],
    W: Float[Array, "inputs+hidden 4*hidden"],
    b: Float[Array, "4*hidden"],
) -> tuple[Float[Array, "batch hidden"], Float[Array, "batch hidden"], Float[Array, "batch 4*hidden"]]:
    """(h, c, gates) of the next step; the gates, after their activations, are for `step_backward`."""
    z: Float[Array, "batch 4*hidden"] = np.concatenate([x, h], axis=1) @ W + b
    forget, write, candidate, read = np.split(z, 4, axis=1)
    forget, write, candidate, read = sigmoid(forget), sigmoid(write), np.tanh(candidate), sigmoid(read)
    c_next: Float[Array, "batch hidden"] = forget * c + write * candidate
    return read * np.tanh(c_next), c_next, np.concatenate([forget, write, candidate, read], axis=1)


@checked
def step_backward(
    dh: Float[Array, "batch hidden"],
    dc: Float[Array, "batch hidden"],
    c: Float[Array, "batch hidden"],
    c_next: Float[Array, "batch hidden"],
    gates: Float[Array, "batch 4*hidden"],
) -> tuple[Float[Array, "batch 4*hidden"], Float[Array, "batch hidden"]]:
    """(dz, dc of the step before): dc arrives from the next step, and more of it through h."""
    forget, write, candidate, read = np.split(gates, 4, axis=1)
    top: Float[Array, "batch hidden"] = np.tanh(c_next)
    dc_next: Float[Array, "batch hidden"] = dc + dh * read * (1.0 - top**2)
    parts = [
        dc_next * c * forget * (1.0 - forget),
        dc_next * candidate * write * (1.0 - write),
        dc_next * write * (1.0 - candidate**2),
        dh * top * read * (1.0 - read),
    ]
    return np.concatenate(parts, axis=1), dc_next * forget


# (h, c, gates); before the first step there are no gates.
State = tuple[Float[Array, "batch hidden"], Float[Array, "batch hidden"], Float[Array, "batch _"]]


@checked
def forward(
    X: Float[Array, "time batch inputs"],
    h0: Float[Array, "batch hidden"],
    c0: Float[Array, "batch hidden"],
    W: Float[Array, "inputs+hidden 4*hidden"],
    b: Float[Array, "4*hidden"],
) -> list[State]:
    """The states before the first step and after each."""
    states = [(h0, c0, np.zeros((len(h0), 0)))]
    for x in X:
        states.append(step(x, states[-1][0], states[-1][1], W, b))
    return states


@checked
def backward(
    dH: Float[Array, "time batch hidden"],
    X: Float[Array, "time batch inputs"],
    W: Float[Array, "inputs+hidden 4*hidden"],
    states: list[State],
) -> tuple[
    Float[Array, "time batch inputs"],
    Float[Array, "batch hidden"],
    Float[Array, "batch hidden"],
    Float[Array, "inputs+hidden 4*hidden"],
    Float[Array, "4*hidden"],
]:
    """(dX, dh0, dc0, dW, db), where dH is the loss's gradient by each h alone."""
    dX, dW, db = np.zeros_like(X), np.zeros_like(W), np.zeros(W.shape[1])
    dh, dc = np.zeros_like(dH[0]), np.zeros_like(dH[0])
    for t in reversed(range(len(X))):
        h, c, _ = states[t]
        _, c_next, gates = states[t + 1]
        dz, dc = step_backward(dH[t] + dh, dc, c, c_next, gates)
        dW += np.concatenate([X[t], h], axis=1).T @ dz
        db += dz.sum(axis=0)
        dX[t], dh = np.split(dz @ W.T, [X.shape[2]], axis=1)
    return dX, dh, dc, dW, db


def run(seed: int = 0) -> Iterator[Progress]:
    """Remember the first of six numbers until the end."""
    draw = np.random.default_rng(seed)
    X, start = draw.normal(size=(6, 40, 1)), np.zeros((40, 5))
    params: Parameters = {"W": draw.normal(scale=0.4, size=(6, 20)), "b": np.repeat([1.0, 0.0, 0.0, 0.0], 5)}

    def loss_and_gradients() -> tuple[float, Parameters]:
        states = forward(X, start, start, **params)
        error = states[-1][0][:, 0] - np.tanh(X[0, :, 0])
        dH = np.zeros((6, 40, 5))
        dH[-1, :, 0] = error / 40
        *_, dW, db = backward(dH, X, params["W"], states)
        return float(np.sum(error**2) / 80), {"W": dW, "b": db}

    yield from descend(params, loss_and_gradients, rate=0.5, steps=400)
