"""Losses, each a mean over the batch, with the gradient that starts the backward pass.

Arrays are one row per sample here; a features-first network hands over transposed arrays. The `..._from_logits` forms
take Z, before sigmoid or softmax: the derivative collapses to A - Y, and nothing overflows or divides by zero.

Source:
    Bishop, Pattern Recognition and Machine Learning, eq. (4.90) and (4.91) binary, (4.108) and (4.109) categorical;
    Nielsen, Neural Networks and Deep Learning, eq. (6) squared error and (57) cross-entropy.
"""

from __future__ import annotations

import numpy as np

from reference_nets.activations import sigmoid, softmax
from reference_nets.annotations import Array, Float, checked


@checked
def squared_error(A: Float[Array, "batch out"], Y: Float[Array, "batch out"]) -> float:
    """sum (A - Y)**2 / batch: summed over the outputs, averaged over the samples."""
    return float(np.sum((A - Y) ** 2) / len(A))


@checked
def squared_error_backward(A: Float[Array, "batch out"], Y: Float[Array, "batch out"]) -> Float[Array, "batch out"]:
    """dA = 2 (A - Y) / batch."""
    return 2.0 * (A - Y) / len(A)


@checked
def binary_cross_entropy(A: Float[Array, "batch out"], Y: Float[Array, "batch out"]) -> float:
    """-sum (Y log A + (1 - Y) log (1 - A)) / batch, for probabilities A strictly between 0 and 1."""
    return float(-np.sum(Y * np.log(A) + (1.0 - Y) * np.log(1.0 - A)) / len(A))


@checked
def binary_cross_entropy_backward(
    A: Float[Array, "batch out"], Y: Float[Array, "batch out"]
) -> Float[Array, "batch out"]:
    """dA = (-Y / A + (1 - Y) / (1 - A)) / batch."""
    return (-Y / A + (1.0 - Y) / (1.0 - A)) / len(A)


@checked
def binary_cross_entropy_from_logits(Z: Float[Array, "batch out"], Y: Float[Array, "batch out"]) -> float:
    """The same of A = sigmoid(Z): sum (log(1 + exp(Z)) - Y Z) / batch."""
    return float(np.sum(np.logaddexp(0.0, Z) - Y * Z) / len(Z))


@checked
def binary_cross_entropy_from_logits_backward(
    Z: Float[Array, "batch out"], Y: Float[Array, "batch out"]
) -> Float[Array, "batch out"]:
    """dZ = (sigmoid(Z) - Y) / batch: the sigmoid's slope and the log-loss cancel."""
    return (sigmoid(Z) - Y) / len(Z)


@checked
def cross_entropy(A: Float[Array, "batch classes"], Y: Float[Array, "batch classes"]) -> float:
    """-sum Y log A / batch, for one-hot rows Y and probabilities A > 0."""
    return float(-np.sum(Y * np.log(A)) / len(A))


@checked
def cross_entropy_backward(
    A: Float[Array, "batch classes"], Y: Float[Array, "batch classes"]
) -> Float[Array, "batch classes"]:
    """dA = -Y / A / batch."""
    return -Y / A / len(A)


@checked
def cross_entropy_from_logits(Z: Float[Array, "batch classes"], Y: Float[Array, "batch classes"]) -> float:
    """The same of A = softmax(Z): sum Y (log sum exp(Z) - Z) / batch, for rows Y that sum to 1."""
    top: Float[Array, "batch 1"] = Z.max(axis=1, keepdims=True)
    log_sum: Float[Array, "batch 1"] = top + np.log(np.sum(np.exp(Z - top), axis=1, keepdims=True))
    return float(np.sum(Y * (log_sum - Z)) / len(Z))


@checked
def cross_entropy_from_logits_backward(
    Z: Float[Array, "batch classes"], Y: Float[Array, "batch classes"]
) -> Float[Array, "batch classes"]:
    """dZ = (softmax(Z) - Y) / batch."""
    return (softmax(Z) - Y) / len(Z)
