"""The delta-rule network on 400 graduate admissions: 6 features, 2 hidden units, 900 epochs of full-batch descent.

The lesson prints ten losses, and they are not the losses of the training set. After the loop over the records its
variable `x` still holds the *last* one, and the printed number is the mean of (out(last record) - target)**2 over all
targets. `printed_loss` does the same, and `training_loss` beside it is what was meant.

Source:
    The lesson "Implementing Backpropagation", exercise with `binary.csv`. Its unprinted preparation is known: `gre` and
    `gpa` standardised over all rows with ddof 1, then one column per rank; seed 21, 360 rows drawn without replacement;
    seed 21 again, W1 before W2, both with scale features**-0.5.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from reference_nets.activations import sigmoid
from reference_nets.annotations import Array, Float, checked
from reference_nets.delta_rule import forward
from reference_nets.progress import Progress

SEED, HIDDEN, LEARNRATE, EPOCHS = 21, 2, 0.005, 900
COLUMNS = ("admit", "gre", "gpa", "rank")


@checked
@dataclass(frozen=True)
class Admissions:
    """The split of the exercise, in the order in which the rows were drawn."""

    features: Float[Array, "records in"]
    targets: Float[Array, "records"]
    features_test: Float[Array, "test in"]
    targets_test: Float[Array, "test"]


@checked
def read_table(path: str | Path) -> Float[Array, "rows 4"]:
    """Read the columns admit, gre, gpa and rank.

    Raises:
        ValueError: The header or a row is not as expected; the message has the line.
    """
    with Path(path).open(newline="") as file:
        lines = list(csv.reader(file))
    if not lines or tuple(lines[0]) != COLUMNS:
        raise ValueError(f"{path}: the first line must be {','.join(COLUMNS)}")
    for number, line in enumerate(lines[1:], start=2):
        if len(line) != len(COLUMNS):
            raise ValueError(f"{path}, line {number}: {len(line)} values, and {len(COLUMNS)} are wanted")
    return np.array(lines[1:], dtype=float)


@checked
def load_admissions(path: str | Path) -> Admissions:
    """Prepare and split the table as the exercise did."""
    table = read_table(path)
    admit, marks, rank = table[:, 0], table[:, 1:3], table[:, 3]
    standardised = (marks - marks.mean(axis=0)) / marks.std(axis=0, ddof=1)
    features = np.column_stack([standardised, *(rank == r for r in (1, 2, 3, 4))])
    # The exercise draws from NumPy's legacy generator; another one would draw other rows.
    chosen = np.random.RandomState(SEED).choice(len(table), size=int(len(table) * 0.9), replace=False)
    rest = np.setdiff1d(np.arange(len(table)), chosen)
    return Admissions(features[chosen], admit[chosen], features[rest], admit[rest])


@checked
def initialise(features: int) -> tuple[Float[Array, "{features} hidden"], Float[Array, "hidden"]]:
    """(input-hidden, hidden-output) weights of the exercise."""
    legacy = np.random.RandomState(SEED)
    scale = features**-0.5
    return legacy.normal(scale=scale, size=(features, HIDDEN)), legacy.normal(scale=scale, size=HIDDEN)


@checked
def epoch_steps(
    features: Float[Array, "records in"],
    targets: Float[Array, "records"],
    weights_input_hidden: Float[Array, "in hidden"],
    weights_hidden_output: Float[Array, "hidden"],
) -> tuple[Float[Array, "in hidden"], Float[Array, "hidden"]]:
    """The summed steps of one epoch for learning rate 1: `delta_rule.weight_steps` of all records at once."""
    hidden: Float[Array, "records hidden"] = sigmoid(features @ weights_input_hidden)
    output: Float[Array, "records"] = sigmoid(hidden @ weights_hidden_output)
    output_error_term: Float[Array, "records"] = (targets - output) * output * (1.0 - output)
    hidden_error: Float[Array, "records hidden"] = output_error_term[:, None] * weights_hidden_output
    hidden_error_term: Float[Array, "records hidden"] = hidden_error * hidden * (1.0 - hidden)
    return features.T @ hidden_error_term, hidden.T @ output_error_term


@checked
def outputs(
    features: Float[Array, "records in"], W1: Float[Array, "in hidden"], W2: Float[Array, "hidden"]
) -> Float[Array, "records"]:
    """The network's output for every record."""
    return sigmoid(sigmoid(features @ W1) @ W2)


@checked
def training_loss(data: Admissions, W1: Float[Array, "in hidden"], W2: Float[Array, "hidden"]) -> float:
    """The mean squared error over the training records: the loss that the exercise meant to print."""
    return float(np.mean((outputs(data.features, W1, W2) - data.targets) ** 2))


@checked
def printed_loss(data: Admissions, W1: Float[Array, "in hidden"], W2: Float[Array, "hidden"]) -> float:
    """The number that the exercise prints: the last record's output, held against everybody's target."""
    _, out = forward(data.features[-1], W1, W2)
    return float(np.mean((out - data.targets) ** 2))


def run(data: str | Path) -> Iterator[Progress]:
    """Repeat the exercise on the table at the path `data`; the printed losses stand beside the right ones."""
    admissions = load_admissions(data)
    W1, W2 = initialise(admissions.features.shape[1])
    for epoch in range(EPOCHS):
        dW1, dW2 = epoch_steps(admissions.features, admissions.targets, W1, W2)
        W1 += LEARNRATE * dW1 / len(admissions.features)
        W2 += LEARNRATE * dW2 / len(admissions.features)
        if epoch % (EPOCHS // 10) == 0 or epoch == EPOCHS - 1:
            right = (outputs(admissions.features_test, W1, W2) > 0.5) == admissions.targets_test
            note = f"on test records; the exercise prints the loss {printed_loss(admissions, W1, W2):.12f}"
            yield Progress(epoch, training_loss(admissions, W1, W2), float(np.mean(right)), note)
