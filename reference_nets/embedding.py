"""Embedding: a row of a table for every word. A word that occurs twice collects both gradients.

`dE[ids] += dY` keeps only the last of the repeated rows; `np.add.at` adds them all.

Source:
    Bengio et al. 2003, A Neural Probabilistic Language Model, sec. 2, the table C; backward: the adjoint of indexing.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from reference_nets.annotations import Array, Float, Int, Parameters, checked
from reference_nets.progress import Progress, descend


@checked
def forward(E: Float[Array, "words depth"], ids: Int[Array, "*places"]) -> Float[Array, "*places depth"]:
    """Y[place] = E[ids[place]]."""
    return E[ids]


@checked
def backward(
    dY: Float[Array, "*places depth"], ids: Int[Array, "*places"], words: int
) -> Float[Array, "{words} depth"]:
    """dE: zero for words that do not occur."""
    dE = np.zeros((words, dY.shape[-1]))
    np.add.at(dE, ids, dY)
    return dE


def run(seed: int = 0) -> Iterator[Progress]:
    """Find a table from the sums of its rows over sentences in which words repeat."""
    draw = np.random.default_rng(seed)
    ids = draw.integers(0, 6, size=(20, 4))
    target = forward(draw.normal(size=(6, 3)), ids).sum(axis=1)
    params: Parameters = {"E": np.zeros((6, 3))}

    def loss_and_gradients() -> tuple[float, Parameters]:
        error = forward(params["E"], ids).sum(axis=1) - target
        dY = np.repeat(error[:, None, :], 4, axis=1) / len(ids)
        return float(np.sum(error**2) / 2 / len(ids)), {"E": backward(dY, ids, 6)}

    yield from descend(params, loss_and_gradients, rate=0.3, steps=200)
