"""The batch form that is usually given as the answer: one column per image, all sigmoid, divided by m.

As it circulates, its hidden slope is 1 - A1**2, the slope of tanh, under a sigmoid: it runs, all shapes fit, and dW1 is
wrong. Here the slope is A1 (1 - A1). The output's dZ2 = A2 - Y means the loss is cross-entropy, not squared error.

Source:
    The answer to "derivative of the weights and bias of a 3 layer neural network"; formulas: Bishop, Pattern
    Recognition and Machine Learning, eq. (5.54) and (5.56).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from reference_nets.activations import sigmoid
from reference_nets.annotations import Array, Float, Parameters, checked
from reference_nets.digits import load_digits, one_hot
from reference_nets.progress import Progress


@checked
def initialise(inputs: int, hidden: int, classes: int, draw: np.random.Generator) -> Parameters:
    """W1 (hidden, inputs), b1 (hidden, 1), W2 (classes, hidden), b2 (classes, 1)."""
    return {
        "W1": draw.normal(scale=inputs**-0.5, size=(hidden, inputs)),
        "b1": np.zeros((hidden, 1)),
        "W2": draw.normal(scale=hidden**-0.5, size=(classes, hidden)),
        "b2": np.zeros((classes, 1)),
    }


@checked
def forward(
    params: Parameters, X: Float[Array, "in batch"]
) -> tuple[Float[Array, "hidden batch"], Float[Array, "classes batch"]]:
    """(A1, A2)."""
    Z1: Float[Array, "hidden batch"] = params["W1"] @ X + params["b1"]
    A1: Float[Array, "hidden batch"] = sigmoid(Z1)
    Z2: Float[Array, "classes batch"] = params["W2"] @ A1 + params["b2"]
    return A1, sigmoid(Z2)


@checked
def loss(A2: Float[Array, "classes batch"], Y: Float[Array, "classes batch"]) -> float:
    """Binary cross-entropy of every class on its own, summed over classes, averaged over the batch."""
    return float(-np.sum(Y * np.log(A2) + (1.0 - Y) * np.log(1.0 - A2)) / Y.shape[1])


@checked
def backward(
    params: Parameters,
    X: Float[Array, "in batch"],
    Y: Float[Array, "classes batch"],
    A1: Float[Array, "hidden batch"],
    A2: Float[Array, "classes batch"],
) -> Parameters:
    """Gradients of `loss`; dZ1 and dZ2 are m times the derivatives, and the division comes last."""
    m = X.shape[1]
    dZ2: Float[Array, "classes batch"] = A2 - Y
    dW2: Float[Array, "classes hidden"] = 1 / m * (dZ2 @ A1.T)
    db2: Float[Array, "classes 1"] = 1 / m * np.sum(dZ2, axis=1, keepdims=True)
    dZ1: Float[Array, "hidden batch"] = (params["W2"].T @ dZ2) * A1 * (1.0 - A1)
    dW1: Float[Array, "hidden in"] = 1 / m * (dZ1 @ X.T)
    db1: Float[Array, "hidden 1"] = 1 / m * np.sum(dZ1, axis=1, keepdims=True)
    return {"W1": dW1, "b1": db1, "W2": dW2, "b2": db2}


@checked
def train_step(params: Parameters, X: Float[Array, "in batch"], Y: Float[Array, "classes batch"], rate: float) -> float:
    """One step on the whole batch, `params` changed in place; returns the loss before the step."""
    A1, A2 = forward(params, X)
    for name, gradient in backward(params, X, Y, A1, A2).items():
        params[name] -= rate * gradient
    return loss(A2, Y)


def run(seed: int = 0, epochs: int = 60) -> Iterator[Progress]:
    """All ten digits, full batch, on the small digits that come with scikit-learn."""
    data = load_digits(seed=seed)
    X, Y = data.X_train.T.copy(), one_hot(data.y_train, 10).T.copy()
    params = initialise(len(X), 32, 10, np.random.default_rng(seed))
    for epoch in range(1, epochs + 1):
        before = train_step(params, X, Y, rate=3.0)
        if epoch % (epochs // 10) == 0:
            guesses = forward(params, data.X_test.T)[1].argmax(axis=0)
            yield Progress(epoch, before, float(np.mean(guesses == data.y_test)), "on test images")
