"""Skip-gram with negative sampling: a word's vector fits its neighbour's, and not those of words drawn at random.

Words repeat within a batch, among the negatives most of all, so the rows are added with `np.add.at`.

Source:
    Mikolov et al. 2013, Distributed Representations of Words and Phrases, eq. (4), averaged over the pairs.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from reference_nets.activations import sigmoid
from reference_nets.annotations import Array, Bool, Float, Int, Parameters, checked
from reference_nets.progress import Progress, descend


@checked
def scores(
    V: Float[Array, "words depth"],
    U: Float[Array, "words depth"],
    centre: Int[Array, "pairs"],
    others: Int[Array, "pairs candidates"],
) -> Float[Array, "pairs candidates"]:
    """The product of each centre's vector in V with each candidate's in U; column 0 is the true neighbour."""
    products: Float[Array, "pairs candidates"] = np.einsum("pd,pcd->pc", V[centre], U[others])
    return products


@checked
def loss(S: Float[Array, "pairs candidates"]) -> float:
    """-log sigmoid(S) for the true neighbour, -log sigmoid(-S) for the others: summed, averaged over pairs."""
    return float((np.logaddexp(0.0, -S[:, 0]).sum() + np.logaddexp(0.0, S[:, 1:]).sum()) / len(S))


@checked
def backward(
    S: Float[Array, "pairs candidates"],
    V: Float[Array, "words depth"],
    U: Float[Array, "words depth"],
    centre: Int[Array, "pairs"],
    others: Int[Array, "pairs candidates"],
) -> tuple[Float[Array, "words depth"], Float[Array, "words depth"]]:
    """(dV, dU)."""
    is_neighbour: Bool[Array, "candidates"] = np.arange(S.shape[1]) == 0
    dS: Float[Array, "pairs candidates"] = (sigmoid(S) - is_neighbour) / len(S)
    dV, dU = np.zeros_like(V), np.zeros_like(U)
    np.add.at(dV, centre, np.einsum("pc,pcd->pd", dS, U[others]))
    np.add.at(dU, others, dS[:, :, None] * V[centre][:, None, :])
    return dV, dU


def run(seed: int = 0) -> Iterator[Progress]:
    """Words 0 to 4 are neighbours of each other, and so are words 5 to 9; the negatives are drawn from all ten."""
    draw = np.random.default_rng(seed)
    centre = draw.integers(0, 10, size=300)
    neighbour = centre // 5 * 5 + draw.integers(0, 5, size=300)
    others = np.column_stack([neighbour, draw.integers(0, 10, size=(300, 3))])
    params: Parameters = {"V": 0.1 * draw.normal(size=(10, 4)), "U": np.zeros((10, 4))}

    def loss_and_gradients() -> tuple[float, Parameters]:
        S = scores(params["V"], params["U"], centre, others)
        dV, dU = backward(S, params["V"], params["U"], centre, others)
        return loss(S), {"V": dV, "U": dU}

    yield from descend(params, loss_and_gradients, rate=2.0, steps=200)
