"""The gated recurrent unit: h moves part of the way to a candidate; the reset gate dims h before the candidate sees it.

`Wg` makes both gates, update then reset, from [x, h]; `Wc` makes the candidate from [x, reset * h]. The update gate is
the share of the *old* h that is kept, as in the first publication; many programs have it the other way round.

Source:
    Cho et al. 2014, Learning Phrase Representations using RNN Encoder-Decoder, eq. (5) to (8); backward derived here.
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
    Wg: Float[Array, "inputs+hidden 2*hidden"],
    bg: Float[Array, "2*hidden"],
    Wc: Float[Array, "inputs+hidden hidden"],
    bc: Float[Array, "hidden"],
) -> tuple[Float[Array, "batch hidden"], Float[Array, "batch 2*hidden"], Float[Array, "batch hidden"]]:
    """(h of the next step, gates, candidate)."""
    gates: Float[Array, "batch 2*hidden"] = sigmoid(np.concatenate([x, h], axis=1) @ Wg + bg)
    keep, reset = np.split(gates, 2, axis=1)
    candidate: Float[Array, "batch hidden"] = np.tanh(np.concatenate([x, reset * h], axis=1) @ Wc + bc)
    return keep * h + (1.0 - keep) * candidate, gates, candidate


@checked
def step_backward(
    dh_next: Float[Array, "batch hidden"],
    x: Float[Array, "batch inputs"],
    h: Float[Array, "batch hidden"],
    gates: Float[Array, "batch 2*hidden"],
    candidate: Float[Array, "batch hidden"],
    Wg: Float[Array, "inputs+hidden 2*hidden"],
    Wc: Float[Array, "inputs+hidden hidden"],
) -> tuple[
    Float[Array, "batch inputs"],
    Float[Array, "batch hidden"],
    Float[Array, "inputs+hidden 2*hidden"],
    Float[Array, "2*hidden"],
    Float[Array, "inputs+hidden hidden"],
    Float[Array, "hidden"],
]:
    """(dx, dh, dWg, dbg, dWc, dbc); h is used four times, so its gradient has four parts."""
    keep, reset = np.split(gates, 2, axis=1)
    dz_candidate: Float[Array, "batch hidden"] = dh_next * (1.0 - keep) * (1.0 - candidate**2)
    dx_candidate, dh_dimmed = np.split(dz_candidate @ Wc.T, [x.shape[1]], axis=1)
    d_keep = dh_next * (h - candidate) * keep * (1.0 - keep)
    d_reset = dh_dimmed * h * reset * (1.0 - reset)
    dz_gates: Float[Array, "batch 2*hidden"] = np.concatenate([d_keep, d_reset], axis=1)
    dx_gates, dh_gates = np.split(dz_gates @ Wg.T, [x.shape[1]], axis=1)
    dWg: Float[Array, "inputs+hidden 2*hidden"] = np.concatenate([x, h], axis=1).T @ dz_gates
    dWc: Float[Array, "inputs+hidden hidden"] = np.concatenate([x, reset * h], axis=1).T @ dz_candidate
    dh: Float[Array, "batch hidden"] = dh_next * keep + dh_dimmed * reset + dh_gates
    return dx_candidate + dx_gates, dh, dWg, dz_gates.sum(axis=0), dWc, dz_candidate.sum(axis=0)


# (h, gates, candidate); before the first step the last two are empty.
State = tuple[Float[Array, "batch hidden"], Float[Array, "batch _"], Float[Array, "batch _"]]


@checked
def forward(
    X: Float[Array, "time batch inputs"],
    h0: Float[Array, "batch hidden"],
    Wg: Float[Array, "inputs+hidden 2*hidden"],
    bg: Float[Array, "2*hidden"],
    Wc: Float[Array, "inputs+hidden hidden"],
    bc: Float[Array, "hidden"],
) -> list[State]:
    """The states before the first step and after each."""
    none = np.zeros((len(h0), 0))
    states = [(h0, none, none)]
    for x in X:
        states.append(step(x, states[-1][0], Wg, bg, Wc, bc))
    return states


@checked
def backward(
    dH: Float[Array, "time batch hidden"],
    X: Float[Array, "time batch inputs"],
    Wg: Float[Array, "inputs+hidden 2*hidden"],
    Wc: Float[Array, "inputs+hidden hidden"],
    states: list[State],
) -> tuple[Float[Array, "time batch inputs"], Float[Array, "batch hidden"], Parameters]:
    """(dX, dh0, gradients of Wg, bg, Wc, bc), where dH is the loss's gradient by each h alone."""
    dX, dh = np.zeros_like(X), np.zeros_like(dH[0])
    total: Parameters = {}
    for t in reversed(range(len(X))):
        _, gates, candidate = states[t + 1]
        dX[t], dh, *parts = step_backward(dH[t] + dh, X[t], states[t][0], gates, candidate, Wg, Wc)
        for name, part in zip(("Wg", "bg", "Wc", "bc"), parts, strict=True):
            total[name] = total[name] + part if name in total else part
    return dX, dh, total


def run(seed: int = 0) -> Iterator[Progress]:
    """Remember the first of six numbers until the end."""
    draw = np.random.default_rng(seed)
    X, start = draw.normal(size=(6, 40, 1)), np.zeros((40, 5))
    shapes = {"Wg": (6, 10), "bg": (10,), "Wc": (6, 5), "bc": (5,)}
    params: Parameters = {name: draw.normal(scale=0.4, size=shape) for name, shape in shapes.items()}

    def loss_and_gradients() -> tuple[float, Parameters]:
        states = forward(X, start, **params)
        error = states[-1][0][:, 0] - np.tanh(X[0, :, 0])
        dH = np.zeros((6, 40, 5))
        dH[-1, :, 0] = error / 40
        _, _, gradients = backward(dH, X, params["Wg"], params["Wc"], states)
        return float(np.sum(error**2) / 80), gradients

    yield from descend(params, loss_and_gradients, rate=1.0, steps=400)
