"""The 2-5-5-1 binary classifier, one column per sample: sigmoid in all layers, binary cross-entropy.

W is (neurons, inputs) and b is (neurons, 1), as in the class `Layer` of the question it comes from. Three things are
put right, and none of them need raise an error when it is wrong: m is the number of *columns* (there `Y_hat.shape`,
both sizes), the gradients are divided by it as the cost is, and a bias's gradient is summed over the samples (there it
kept one column per sample, so that each bias grew into a matrix).

Source:
    The question "Back propagation on matrix of weights"; formulas: Nielsen, Neural Networks and Deep Learning,
    eq. (BP1) to (BP4) and (57).
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np

from reference_nets.activations import sigmoid, sigmoid_backward
from reference_nets.annotations import Array, Float, Parameters, checked
from reference_nets.progress import Progress


@checked
def initialise(sizes: tuple[int, ...], draw: np.random.Generator) -> Parameters:
    """W1, b1, W2, ...: normal weights of variance 1 / inputs, zero biases."""
    params: Parameters = {}
    for layer, (inputs, neurons) in enumerate(pairwise(sizes), start=1):
        params[f"W{layer}"] = draw.normal(scale=inputs**-0.5, size=(neurons, inputs))
        params[f"b{layer}"] = np.zeros((neurons, 1))
    return params


@checked
def forward(
    params: Parameters, X: Float[Array, "in batch"]
) -> tuple[Float[Array, "hidden1 batch"], Float[Array, "hidden2 batch"], Float[Array, "out batch"]]:
    """(a1, a2, a3): the activations of the three layers."""
    z1: Float[Array, "hidden1 batch"] = params["W1"] @ X + params["b1"]
    a1: Float[Array, "hidden1 batch"] = sigmoid(z1)
    z2: Float[Array, "hidden2 batch"] = params["W2"] @ a1 + params["b2"]
    a2: Float[Array, "hidden2 batch"] = sigmoid(z2)
    z3: Float[Array, "out batch"] = params["W3"] @ a2 + params["b3"]
    return a1, a2, sigmoid(z3)


@checked
def cost(Y_hat: Float[Array, "out batch"], Y: Float[Array, "out batch"]) -> float:
    """Binary cross-entropy, averaged over the columns."""
    m = Y.shape[1]
    return float(-np.sum(Y * np.log(Y_hat) + (1.0 - Y) * np.log(1.0 - Y_hat)) / m)


@checked
def cost_derivative(Y_hat: Float[Array, "out batch"], Y: Float[Array, "out batch"]) -> Float[Array, "out batch"]:
    """Derivative of `cost` by each output, with its 1 / m."""
    dA: Float[Array, "out batch"] = -(Y / Y_hat - (1.0 - Y) / (1.0 - Y_hat)) / Y.shape[1]
    return dA


@checked
def layer_gradients(
    delta: Float[Array, "neurons batch"], a_in: Float[Array, "inputs batch"]
) -> tuple[Float[Array, "neurons inputs"], Float[Array, "neurons 1"]]:
    """(dW, db) of one layer from its delta, the derivative by its weighted input."""
    return delta @ a_in.T, delta.sum(axis=1, keepdims=True)


@checked
def backward(
    params: Parameters,
    X: Float[Array, "in batch"],
    Y: Float[Array, "out batch"],
    a1: Float[Array, "hidden1 batch"],
    a2: Float[Array, "hidden2 batch"],
    a3: Float[Array, "out batch"],
) -> Parameters:
    """Gradients of `cost`, under the names of the parameters."""
    delta3: Float[Array, "out batch"] = sigmoid_backward(cost_derivative(a3, Y), a3)
    delta2: Float[Array, "hidden2 batch"] = sigmoid_backward(params["W3"].T @ delta3, a2)
    delta1: Float[Array, "hidden1 batch"] = sigmoid_backward(params["W2"].T @ delta2, a1)
    dW3, db3 = layer_gradients(delta3, a2)
    dW2, db2 = layer_gradients(delta2, a1)
    dW1, db1 = layer_gradients(delta1, X)
    return {"W1": dW1, "b1": db1, "W2": dW2, "b2": db2, "W3": dW3, "b3": db3}


@checked
def train_step(params: Parameters, X: Float[Array, "in batch"], Y: Float[Array, "out batch"], rate: float) -> float:
    """One step on the whole batch, `params` changed in place; returns the cost before the step."""
    a1, a2, a3 = forward(params, X)
    for name, gradient in backward(params, X, Y, a1, a2, a3).items():
        params[name] -= rate * gradient
    return cost(a3, Y)


def run(seed: int = 0, epochs: int = 2000) -> Iterator[Progress]:
    """Tell points inside a circle from points outside; two inputs, one column per point."""
    draw = np.random.default_rng(seed)
    X = draw.uniform(-1, 1, size=(2, 200))
    Y = (np.sum(X**2, axis=0, keepdims=True) < 0.6).astype(float)
    params = initialise((2, 5, 5, 1), draw)
    for epoch in range(1, epochs + 1):
        before = train_step(params, X, Y, rate=4.0)
        if epoch % (epochs // 10) == 0:
            accuracy = float(np.mean((forward(params, X)[2] > 0.5) == (Y > 0.5)))
            yield Progress(epoch, before, accuracy)
