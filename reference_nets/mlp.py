"""A network of N dense layers in either layout, with any of the activations and losses here, weight decay and dropout.

Layers count from 1, as W1 does. The loss is told the last A; for the losses `..._from_logits` the last activation is
"linear", so that A is Z. Everything is composed of `dense`, `activations`, `losses` and `regularisation`.

Source:
    Nielsen, Neural Networks and Deep Learning, eq. (BP1) to (BP4); Goodfellow, Bengio and Courville, Deep Learning,
    algorithms 6.3 and 6.4.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from reference_nets import dense, losses
from reference_nets.activations import ELEMENTWISE, softmax, softmax_backward
from reference_nets.annotations import Array, Float, Parameters, checked
from reference_nets.digits import load_digits, one_hot
from reference_nets.optimizers import Adam
from reference_nets.progress import Progress
from reference_nets.regularisation import draw_mask, dropout, dropout_backward, weight_decay, weight_decay_backward

# Which axis is the batch is for the plan to say; `dense` checks each layer in the plan's layout.
Matrix = Float[Array, "_ _"]


@dataclass(frozen=True)
class Plan:
    """What a network is made of: sizes from input to output, one activation per layer, the name of a loss."""

    sizes: tuple[int, ...]
    activations: tuple[str, ...]
    loss: str
    rows: bool = True
    decay: float = 0.0


@checked
def initialise(plan: Plan, draw: np.random.Generator) -> Parameters:
    """Normal weights of variance 2 / inputs (He et al. 2015, eq. 10), zero biases; W is (in, out) for rows."""
    params: Parameters = {}
    for layer, (inputs, outputs) in enumerate(pairwise(plan.sizes), start=1):
        W = draw.normal(scale=(2.0 / inputs) ** 0.5, size=(inputs, outputs))
        params[f"W{layer}"] = W if plan.rows else W.T.copy()
        params[f"b{layer}"] = np.zeros(outputs) if plan.rows else np.zeros((outputs, 1))
    return params


@checked
def forward(
    plan: Plan, params: Parameters, X: Matrix, masks: list[Matrix] | None = None
) -> tuple[list[Matrix], list[Matrix]]:
    """(Z, A) of all layers; A[0] is X, Z[0] too, so that Z[l] belongs to W{l}. `masks` are for the hidden layers."""
    step = dense.forward if plan.rows else dense.forward_columns
    Z, A = [X], [X]
    for layer, activation in enumerate(plan.activations, start=1):
        Z.append(step(A[-1], params[f"W{layer}"], params[f"b{layer}"]))
        if activation == "softmax":
            A.append(softmax(Z[-1], axis=1 if plan.rows else 0))
        else:
            A.append(ELEMENTWISE[activation].forward(Z[-1]))
        if masks is not None and layer < len(plan.activations):
            A[-1] = dropout(A[-1], masks[layer - 1])
    return Z, A


@checked
def loss(plan: Plan, params: Parameters, output: Matrix, Y: Matrix) -> float:
    """The plan's loss, and the weight decay of every W."""
    rows = (output, Y) if plan.rows else (output.T, Y.T)
    decay = sum(weight_decay(W, plan.decay) for name, W in params.items() if name.startswith("W"))
    return float(getattr(losses, plan.loss)(*rows)) + decay


@checked
def backward(
    plan: Plan, params: Parameters, Z: list[Matrix], A: list[Matrix], Y: Matrix, masks: list[Matrix] | None = None
) -> Parameters:
    """Gradients of `loss` by every parameter, under its name."""
    start = getattr(losses, f"{plan.loss}_backward")
    dA = start(A[-1], Y) if plan.rows else start(A[-1].T, Y.T).T
    step = dense.backward if plan.rows else dense.backward_columns
    gradients: Parameters = {}
    for layer, activation in reversed(list(enumerate(plan.activations, start=1))):
        if masks is not None and layer < len(plan.activations):
            dA = dropout_backward(dA, masks[layer - 1])
        if activation == "softmax":
            dZ = softmax_backward(dA, A[layer], axis=1 if plan.rows else 0)
        else:
            rule = ELEMENTWISE[activation]
            # After dropout A[layer] is no longer the activation's own output, so that one is computed again.
            dZ = rule.backward(dA, rule.forward(Z[layer]) if rule.from_output else Z[layer])
        W = params[f"W{layer}"]
        dA, dW, gradients[f"b{layer}"] = step(dZ, A[layer - 1], W)
        gradients[f"W{layer}"] = dW + weight_decay_backward(W, plan.decay)
    return gradients


@checked
def draw_masks(plan: Plan, batch: int, keep: float, draw: np.random.Generator) -> list[Matrix]:
    """One dropout mask per hidden layer."""
    return [draw_mask((batch, n) if plan.rows else (n, batch), keep, draw) for n in plan.sizes[1:-1]]


def run(seed: int = 0, epochs: int = 10) -> Iterator[Progress]:
    """All ten small digits: relu, cross-entropy from logits, dropout, weight decay and Adam, in batches of 32."""
    draw = np.random.default_rng(seed)
    data = load_digits(seed=seed)
    Y = one_hot(data.y_train, 10)
    plan = Plan((data.X_train.shape[1], 64, 10), ("relu", "linear"), "cross_entropy_from_logits", decay=1e-4)
    params, rule = initialise(plan, draw), Adam(0.003)
    for epoch in range(1, epochs + 1):
        total, order = 0.0, draw.permutation(len(Y))
        batches = np.array_split(order, len(Y) // 32)
        for batch in batches:
            masks = draw_masks(plan, len(batch), 0.8, draw)
            Z, A = forward(plan, params, data.X_train[batch], masks)
            total += loss(plan, params, A[-1], Y[batch])
            rule.update(params, backward(plan, params, Z, A, Y[batch], masks))
        right = forward(plan, params, data.X_test)[1][-1].argmax(axis=1) == data.y_test
        yield Progress(rule.steps, total / len(batches), float(np.mean(right)), f"on test images, epoch {epoch}")
