"""The 2-[5]-1 network that learns to add two numbers, one sample at a time: vectors in, vectors out.

Sigmoid in every layer and mean squared error. `activations[0]` is the input, `activations[i + 1]` the output of layer
i + 1; weights are (in, out). The error is target minus output, so it points downhill and the steps are *added*: that
is the same thing as subtracting the gradient, and right. A bias here is (out,): as (1, out) it would turn every vector
that it is added to into a matrix.

Source:
    The forum question about the error `shapes (2,) and (1,5) not aligned`, with each layer's output kept (there the
    input was returned as the output); formulas: Nielsen, Neural Networks and Deep Learning, eq. (BP1) to (BP4).
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np

from reference_nets.activations import sigmoid
from reference_nets.annotations import Array, Float, Parameters, checked
from reference_nets.progress import Progress


@checked
def initialise(sizes: list[int], draw: np.random.Generator) -> Parameters:
    """W1, b1, W2, ...: normal weights of variance 1 / inputs, zero biases."""
    params: Parameters = {}
    for layer, (inputs, outputs) in enumerate(pairwise(sizes), start=1):
        params[f"W{layer}"] = draw.normal(scale=inputs**-0.5, size=(inputs, outputs))
        params[f"b{layer}"] = np.zeros(outputs)
    return params


@checked
def layer_forward(a: Float[Array, "in"], W: Float[Array, "in out"], b: Float[Array, "out"]) -> Float[Array, "out"]:
    """sigmoid(a W + b) for one sample."""
    return sigmoid(a @ W + b)


@checked
def layer_backward(
    error: Float[Array, "out"], a_out: Float[Array, "out"], a_in: Float[Array, "in"], W: Float[Array, "in out"]
) -> tuple[Float[Array, "in"], Float[Array, "in out"], Float[Array, "out"]]:
    """(error of the layer below, dW, db) from this layer's error; dW is an outer product, input by output."""
    delta: Float[Array, "out"] = error * a_out * (1.0 - a_out)
    dW: Float[Array, "in out"] = a_in[:, None] * delta[None, :]
    return W @ delta, dW, delta


@checked
def forward(params: Parameters, x: Float[Array, "in"]) -> list[Float[Array, "_"]]:
    """The activations of every layer, the input first."""
    activations = [x]
    for layer in range(1, len(params) // 2 + 1):
        activations.append(layer_forward(activations[-1], params[f"W{layer}"], params[f"b{layer}"]))
    return activations


@checked
def loss(output: Float[Array, "out"], target: Float[Array, "out"]) -> float:
    """Mean squared error over the outputs of one sample."""
    return float(np.mean((target - output) ** 2))


@checked
def backward(params: Parameters, activations: list[Float[Array, "_"]], error: Float[Array, "out"]) -> Parameters:
    """Carry `error`, the loss's derivative by the output, back through every layer.

    Handed the derivative with a minus, as `train_step` does, it returns steps downhill: it is linear in `error`.
    """
    gradients: Parameters = {}
    for layer in reversed(range(1, len(params) // 2 + 1)):
        error, gradients[f"dW{layer}"], gradients[f"db{layer}"] = layer_backward(
            error, activations[layer], activations[layer - 1], params[f"W{layer}"]
        )
    return {name: gradients[f"d{name}"] for name in params}


@checked
def error_of(output: Float[Array, "out"], target: Float[Array, "out"]) -> Float[Array, "out"]:
    """2 (target - output) / outputs: minus the derivative of the loss."""
    return 2.0 * (target - output) / len(output)


@checked
def train_step(params: Parameters, x: Float[Array, "in"], target: Float[Array, "out"], rate: float) -> float:
    """One sample: forward, backward, `params` changed in place; returns the loss before the step."""
    activations = forward(params, x)
    steps = backward(params, activations, error_of(activations[-1], target))
    for name, step in steps.items():
        params[name] += rate * step
    return loss(activations[-1], target)


def run(seed: int = 0, epochs: int = 10, samples: int = 200) -> Iterator[Progress]:
    """Learn x1 + x2 for numbers below one half, sample by sample; reports the mean loss of an epoch."""
    draw = np.random.default_rng(seed)
    items = draw.random((samples, 2)) / 2
    targets = items.sum(axis=1, keepdims=True)
    params = initialise([2, 5, 1], draw)
    for epoch in range(1, epochs + 1):
        total = sum(train_step(params, x, target, rate=0.5) for x, target in zip(items, targets, strict=True))
        yield Progress(epoch * samples, total / samples)
