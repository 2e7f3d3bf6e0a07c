"""Activations, and what each does to a gradient on its way back.

Each backward function takes the gradient `dA` of the loss by the activation's *output* and returns the gradient by its
input. Sigmoid, tanh and softmax are differentiated from their output `A`, the rectifiers from their input `Z`: the two
conventions bear the same name in most programs, and mixing them is the most common wrong derivative.

Source:
    Nielsen, Neural Networks and Deep Learning, eq. (3) sigmoid, (110) tanh, (111) the one from the other; Goodfellow,
    Bengio and Courville, Deep Learning, eq. (6.29) softmax, sec. 6.3.1 rectifiers; Maas et al. 2013, leaky rectifier.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from reference_nets.annotations import Array, Float, checked

LEAK = 0.01


@checked
def sigmoid(Z: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """1 / (1 + exp(-Z)), written with tanh: exp(-Z) would overflow for a very negative Z."""
    return 0.5 * (1.0 + np.tanh(0.5 * Z))


@checked
def sigmoid_backward(dA: Float[Array, "*shape"], A: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """dZ = dA * A (1 - A), where A is already a sigmoid."""
    return dA * A * (1.0 - A)


@checked
def tanh(Z: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """The hyperbolic tangent, a sigmoid between -1 and 1."""
    return np.tanh(Z)


@checked
def tanh_backward(dA: Float[Array, "*shape"], A: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """dZ = dA * (1 - A**2), where A is already a tanh."""
    return dA * (1.0 - A**2)


@checked
def relu(Z: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """max(0, Z)."""
    return np.maximum(Z, 0.0)


@checked
def relu_backward(dA: Float[Array, "*shape"], Z: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """dZ = dA where Z > 0, else 0 (at Z = 0 any slope from 0 to 1 would do)."""
    return dA * (Z > 0)


@checked
def leaky_relu(Z: Float[Array, "*shape"], leak: float = LEAK) -> Float[Array, "*shape"]:
    """Z where Z > 0, else leak * Z: no unit is ever dead."""
    return np.where(Z > 0, Z, leak * Z)


@checked
def leaky_relu_backward(
    dA: Float[Array, "*shape"], Z: Float[Array, "*shape"], leak: float = LEAK
) -> Float[Array, "*shape"]:
    """dZ = dA where Z > 0, else leak * dA."""
    dZ: Float[Array, "*shape"] = np.where(Z > 0, dA, leak * dA)
    return dZ


@checked
def softmax(Z: Float[Array, "*shape"], axis: int = -1) -> Float[Array, "*shape"]:
    """exp(Z) / sum exp(Z) along the classes; the largest Z is taken away first, which changes nothing but overflow."""
    E: Float[Array, "*shape"] = np.exp(Z - Z.max(axis=axis, keepdims=True))
    A: Float[Array, "*shape"] = E / E.sum(axis=axis, keepdims=True)
    return A


@checked
def softmax_backward(dA: Float[Array, "*shape"], A: Float[Array, "*shape"], axis: int = -1) -> Float[Array, "*shape"]:
    """dZ = A * (dA - sum(dA * A)): every output depends on every input, so A (1 - A) alone is not its derivative."""
    dZ: Float[Array, "*shape"] = A * (dA - (dA * A).sum(axis=axis, keepdims=True))
    return dZ


class Activation(NamedTuple):
    """A function and its backward; `from_output` says which of Z and A the backward is given."""

    forward: Callable[[Array], Array]
    backward: Callable[[Array, Array], Array]
    from_output: bool


@checked
def _same(Z: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    return Z


@checked
def _same_backward(dA: Float[Array, "*shape"], _Z: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    return dA


# Softmax is not here: it mixes the units, so it needs to be told the axis of the classes.
ELEMENTWISE: dict[str, Activation] = {
    "linear": Activation(_same, _same_backward, from_output=False),
    "sigmoid": Activation(sigmoid, sigmoid_backward, from_output=True),
    "tanh": Activation(tanh, tanh_backward, from_output=True),
    "relu": Activation(relu, relu_backward, from_output=False),
    "leaky_relu": Activation(leaky_relu, leaky_relu_backward, from_output=False),
}
