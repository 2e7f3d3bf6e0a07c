"""Two layers without biases by the delta rule, one sample at a time; and the worked example with its printed numbers.

An error term is the error, target minus output, times the slope; the changes are added. They are the learning rate
times *minus* the gradient of half the squared error: target - output with += is right.

`weights_hidden_output` is a vector, so the network has one output and its error term is a plain number.

Source:
    The lesson "Implementing Backpropagation", two inputs and one output unit; formulas: Mitchell, Machine Learning,
    eq. (T4.3) to (T4.5), for half the squared error.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from reference_nets.activations import sigmoid
from reference_nets.annotations import Array, Float, checked
from reference_nets.progress import Progress

# The worked example: three inputs, two hidden units.
EXAMPLE_X = (0.5, 0.1, -0.2)
EXAMPLE_TARGET = 0.6
EXAMPLE_LEARNRATE = 0.5
EXAMPLE_INPUT_HIDDEN = ((0.5, -0.6), (0.1, -0.2), (0.1, 0.7))
EXAMPLE_HIDDEN_OUTPUT = (0.1, -0.3)


@checked
def logistic(z: float) -> float:
    """The sigmoid of one number."""
    return 0.5 * (1.0 + math.tanh(0.5 * z))


@checked
def forward(
    x: Float[Array, "in"],
    weights_input_hidden: Float[Array, "in hidden"],
    weights_hidden_output: Float[Array, "hidden"],
) -> tuple[Float[Array, "hidden"], float]:
    """(hidden activations, output); the one output is a plain number."""
    hidden: Float[Array, "hidden"] = sigmoid(x @ weights_input_hidden)
    return hidden, logistic(float(hidden @ weights_hidden_output))


@checked
def loss(output: float, target: float) -> float:
    """Half the squared error of one sample."""
    return 0.5 * (target - output) ** 2


@checked
def weight_steps(
    x: Float[Array, "in"],
    target: float,
    hidden: Float[Array, "hidden"],
    output: float,
    weights_hidden_output: Float[Array, "hidden"],
) -> tuple[Float[Array, "in hidden"], Float[Array, "hidden"]]:
    """(step of input-hidden, step of hidden-output) for learning rate 1: minus the gradient of `loss`."""
    error = target - output
    output_error_term = error * output * (1.0 - output)
    hidden_error: Float[Array, "hidden"] = output_error_term * weights_hidden_output
    hidden_error_term: Float[Array, "hidden"] = hidden_error * hidden * (1.0 - hidden)
    return x[:, None] * hidden_error_term, output_error_term * hidden


@checked
def worked_example() -> tuple[Float[Array, "in hidden"], Float[Array, "hidden"]]:
    """(change of input-hidden weights, change of hidden-output weights) of the lesson's example."""
    x, weights_hidden_output = np.array(EXAMPLE_X), np.array(EXAMPLE_HIDDEN_OUTPUT)
    hidden, output = forward(x, np.array(EXAMPLE_INPUT_HIDDEN), weights_hidden_output)
    steps = weight_steps(x, EXAMPLE_TARGET, hidden, output, weights_hidden_output)
    return EXAMPLE_LEARNRATE * steps[0], EXAMPLE_LEARNRATE * steps[1]


def run() -> Iterator[Progress]:
    """Train on the worked example; the changes of its first step, which the lesson prints, stand in the first line."""
    input_hidden, hidden_output = worked_example()
    first = f"first change of hidden-output weights {hidden_output}, of input-hidden weights {input_hidden}".replace(
        "\n", ""
    )
    x = np.array(EXAMPLE_X)
    weights = [np.array(EXAMPLE_INPUT_HIDDEN), np.array(EXAMPLE_HIDDEN_OUTPUT)]
    for step in range(51):
        hidden, output = forward(x, *weights)
        if step % 10 == 0:
            yield Progress(step, loss(output, EXAMPLE_TARGET), note=first if step == 0 else "")
        changes = weight_steps(x, EXAMPLE_TARGET, hidden, output, weights[1])
        weights = [weight + EXAMPLE_LEARNRATE * change for weight, change in zip(weights, changes, strict=True)]
