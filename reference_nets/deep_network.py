"""N layers from a list of sizes, one column per sample: 784-196-1 tells fives from eights.

W[l] is (n[l], n[l-1]), b[l] is (n[l], 1); every layer is a sigmoid, the cost is binary cross-entropy over n samples.
The tutorial's algorithm box, with its misprints put right (left as printed, right as computed here):

    A[l] = g(b[l])                        A[l] = g(Z[l])
    dZ[L] = dA[L] s'(dA[L])               dZ[L] = dA[L] s'(Z[L])            and dZ[l] = dA[l] g'(Z[l])
    J with A[2]                           J with A[L]
    J = -1/n (Y log A - (1-Y) log(1-A))   J = -1/n sum (Y log A + (1-Y) log(1-A))
    dW[l] = dZ[l] dA[l-1]                 dW[l] = 1/n dZ[l] A[l-1]^T        it had neither ^T nor 1/n
    dW[2] = dZ[2] A[2]                    dW[2] = 1/n dZ[2] A[1]^T
    db[l] = dZ[l]                         db[l] = 1/n sum of dZ[l] over the samples, a column
    dA[l-1] = dZ[l] W[l]                  dA[l-1] = W[l]^T dZ[l]
    dW[1] = dJ/dW[2], db[1] = dJ/db[2]    dW[1] = dJ/dW[1], db[1] = dJ/db[1]

Source:
    The tutorial "Understand and implement the backpropagation algorithm from scratch in Python"; formulas: Nielsen,
    Neural Networks and Deep Learning, eq. (BP1) to (BP4) and (57).
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np

from reference_nets.activations import sigmoid
from reference_nets.annotations import Array, Float, Parameters, checked
from reference_nets.digits import Digits, load_digits
from reference_nets.progress import Progress


@checked
def initialise(sizes: list[int], draw: np.random.Generator) -> Parameters:
    """W1, b1, ..., WL, bL for sizes such as [784, 196, 1]: normal weights of variance 1 / inputs, zero biases."""
    params: Parameters = {}
    for layer, (inputs, units) in enumerate(pairwise(sizes), start=1):
        params[f"W{layer}"] = draw.normal(size=(units, inputs)) / np.sqrt(inputs)
        params[f"b{layer}"] = np.zeros((units, 1))
    return params


@checked
def layer_forward(
    A_prev: Float[Array, "in n"], W: Float[Array, "out in"], b: Float[Array, "out 1"]
) -> Float[Array, "out n"]:
    """A = s(W A_prev + b)."""
    Z: Float[Array, "out n"] = W @ A_prev + b
    return sigmoid(Z)


@checked
def layer_backward(
    dA: Float[Array, "out n"], A: Float[Array, "out n"], A_prev: Float[Array, "in n"], W: Float[Array, "out in"]
) -> tuple[Float[Array, "in n"], Float[Array, "out in"], Float[Array, "out 1"]]:
    """(dA_prev, dW, db), the 1/n of the cost in dW and db only, as the tutorial has it."""
    n = A.shape[1]
    dZ: Float[Array, "out n"] = dA * A * (1.0 - A)
    dW: Float[Array, "out in"] = dZ @ A_prev.T / n
    db: Float[Array, "out 1"] = np.sum(dZ, axis=1, keepdims=True) / n
    return W.T @ dZ, dW, db


@checked
def forward(params: Parameters, X: Float[Array, "n in"]) -> list[Float[Array, "_ n"]]:
    """A[0] = X^T, A[1], ..., A[L]; X is one row per sample."""
    A = [X.T]
    for layer in range(1, len(params) // 2 + 1):
        A.append(layer_forward(A[-1], params[f"W{layer}"], params[f"b{layer}"]))
    return A


@checked
def cost(A: Float[Array, "1 n"], Y: Float[Array, "n 1"]) -> float:
    """Binary cross-entropy, averaged over the samples."""
    return float(-np.sum(Y.T * np.log(A) + (1.0 - Y.T) * np.log(1.0 - A)) / len(Y))


@checked
def cost_backward(A: Float[Array, "1 n"], Y: Float[Array, "n 1"]) -> Float[Array, "1 n"]:
    """dA[L] = -Y^T / A + (1 - Y^T) / (1 - A): without the 1/n, which `layer_backward` puts in."""
    return -Y.T / A + (1.0 - Y.T) / (1.0 - A)


@checked
def backward(params: Parameters, A: list[Float[Array, "_ n"]], Y: Float[Array, "n 1"]) -> Parameters:
    """Gradients of the cost by every W and b, under the names of the parameters."""
    gradients: Parameters = {}
    dA = cost_backward(A[-1], Y)
    for layer in range(len(params) // 2, 0, -1):
        dA, gradients[f"W{layer}"], gradients[f"b{layer}"] = layer_backward(
            dA, A[layer], A[layer - 1], params[f"W{layer}"]
        )
    return gradients


@checked
def train_step(params: Parameters, X: Float[Array, "n in"], Y: Float[Array, "n 1"], rate: float) -> float:
    """One step on the whole batch, `params` changed in place; returns the cost before the step."""
    A = forward(params, X)
    for name, gradient in backward(params, A, Y).items():
        params[name] -= rate * gradient
    return cost(A[-1], Y)


@checked
def accuracy(params: Parameters, X: Float[Array, "n in"], Y: Float[Array, "n 1"]) -> float:
    """Share of the samples on the right side of one half."""
    return float(np.mean((forward(params, X)[-1].T > 0.5) == (Y > 0.5)))


@checked
def preprocess(
    data: Digits, negative: int, positive: int
) -> tuple[Float[Array, "n in"], Float[Array, "n 1"], Float[Array, "test in"], Float[Array, "test 1"]]:
    """(X train, Y train, X test, Y test) for two digits; Y is a column, 1 for `positive`; X has the mean taken off."""
    both = data.only(negative, positive)
    mean = both.X_train.mean(axis=0)
    targets = [(y == positive).astype(float)[:, None] for y in (both.y_train, both.y_test)]
    return both.X_train - mean, targets[0], both.X_test - mean, targets[1]


def run(
    seed: int = 0, data: str | Path | None = None, steps: int = 120, hidden: tuple[int, ...] = (196,)
) -> Iterator[Progress]:
    """Fives against eights: MNIST from the folder `data`, or the small digits of scikit-learn."""
    X, Y, X_test, Y_test = preprocess(load_digits(data, seed=seed), negative=5, positive=8)
    params = initialise([X.shape[1], *hidden, 1], np.random.default_rng(seed))
    for step in range(1, steps + 1):
        before = train_step(params, X, Y, rate=0.5)
        if step % max(1, steps // 10) == 0:
            note = f"on training images, {accuracy(params, X_test, Y_test):.1%} on test images"
            yield Progress(step, before, accuracy(params, X, Y), note)
