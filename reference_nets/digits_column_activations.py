"""One image at a time through 784(+1)-hidden-10: the image is a row, the activations are columns.

The input row carries one more entry that is always 1 (hence 785), and there are biases besides, as in the question this
comes from. Weights are (in, out); z = W^T x^T + b is a column. In this mixed layout a gradient is easily transposed:
dW1 is x^T delta1^T, (in, 1) by (1, hidden), and the hidden layer's own slope multiplies elementwise, not as a matrix.

Source:
    The question "derivative of the weights and bias of a 3 layer neural network"; formulas: Nielsen, Neural Networks
    and Deep Learning, eq. (BP1) to (BP4).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from reference_nets.activations import sigmoid
from reference_nets.annotations import Array, Float, Parameters, checked
from reference_nets.digits import load_digits
from reference_nets.progress import Progress


@checked
def initialise(pixels: int, hidden: int, classes: int, draw: np.random.Generator) -> Parameters:
    """W1 (pixels + 1, hidden), b1 (hidden, 1), W2 (hidden, classes), b2 (classes, 1)."""
    inputs = pixels + 1
    return {
        "W1": draw.normal(scale=inputs**-0.5, size=(inputs, hidden)),
        "b1": np.zeros((hidden, 1)),
        "W2": draw.normal(scale=hidden**-0.5, size=(hidden, classes)),
        "b2": np.zeros((classes, 1)),
    }


@checked
def with_constant(image: Float[Array, "pixels"]) -> Float[Array, "1 pixels+1"]:
    """The image as a row, with a 1 behind the last pixel."""
    return np.append(image, 1.0)[None, :]


@checked
def expected_value(digit: int, classes: int) -> Float[Array, "{classes} 1"]:
    """The target: a column of zeros with a 1 at the digit."""
    column = np.zeros((classes, 1))
    column[digit] = 1.0
    return column


@checked
def forward(params: Parameters, x: Float[Array, "1 in"]) -> tuple[Float[Array, "hidden 1"], Float[Array, "classes 1"]]:
    """(hidden activations, output), both columns."""
    z1: Float[Array, "hidden 1"] = params["W1"].T @ x.T + params["b1"]
    a1: Float[Array, "hidden 1"] = sigmoid(z1)
    z2: Float[Array, "classes 1"] = params["W2"].T @ a1 + params["b2"]
    return a1, sigmoid(z2)


@checked
def loss(predicted: Float[Array, "classes 1"], expected: Float[Array, "classes 1"]) -> float:
    """Half the squared error, summed over the classes."""
    return float(0.5 * np.sum((predicted - expected) ** 2))


@checked
def backward(
    params: Parameters,
    x: Float[Array, "1 in"],
    expected: Float[Array, "classes 1"],
    a1: Float[Array, "hidden 1"],
    a2: Float[Array, "classes 1"],
) -> Parameters:
    """Gradients of `loss`, each of its parameter's shape."""
    delta2: Float[Array, "classes 1"] = (a2 - expected) * a2 * (1.0 - a2)
    delta1: Float[Array, "hidden 1"] = (params["W2"] @ delta2) * a1 * (1.0 - a1)
    dW2: Float[Array, "hidden classes"] = a1 @ delta2.T
    dW1: Float[Array, "in hidden"] = x.T @ delta1.T
    return {"W1": dW1, "b1": delta1, "W2": dW2, "b2": delta2}


@checked
def train_step(params: Parameters, x: Float[Array, "1 in"], expected: Float[Array, "classes 1"], rate: float) -> float:
    """One image; `params` changed in place; returns the loss before the step."""
    a1, a2 = forward(params, x)
    for name, gradient in backward(params, x, expected, a1, a2).items():
        params[name] -= rate * gradient
    return loss(a2, expected)


def run(seed: int = 0, epochs: int = 3) -> Iterator[Progress]:
    """All ten digits, image by image, on the small digits that come with scikit-learn."""
    draw = np.random.default_rng(seed)
    data = load_digits(seed=seed)
    params = initialise(data.X_train.shape[1], 30, 10, draw)
    rows = [(with_constant(x), expected_value(int(y), 10)) for x, y in zip(data.X_train, data.y_train, strict=True)]
    for epoch in range(1, epochs + 1):
        total = 0.0
        for x, expected in (rows[i] for i in draw.permutation(len(rows))):
            total += train_step(params, x, expected, rate=0.5)
        guesses = [int(forward(params, with_constant(x))[1].argmax()) for x in data.X_test]
        yield Progress(epoch * len(rows), total / len(rows), float(np.mean(guesses == data.y_test)), "on test images")
