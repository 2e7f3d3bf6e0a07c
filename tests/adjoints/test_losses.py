"""Which loss a backward pass descends, computed by the program or not."""

from __future__ import annotations

import pytest

from shapecheck.gradients.losses import find_losses
from shapecheck.gradients.steps import steps
from shapecheck.network.parameters import find_parameters

HEAD = """
import numpy as np
rng = np.random.default_rng(2)
X = rng.normal(size=(40, 3))
W, b = 0.5 * rng.normal(size=(3, 2)), np.zeros(2)
labels = rng.integers(0, 2, 40)
T = np.eye(2)[labels]
def softmax(z):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)
"""

#    id, the loop's body, the formula or the source of the loss
PROGRAMS = [
    (
        "printed cross-entropy",
        """
    p = softmax(X @ W + b)
    loss = -np.mean(np.sum(T * np.log(p), axis=1))
    d = (p - T) / len(X)
""",
        "-np.mean(np.sum(T * np.log(p), axis=1))",
    ),
    ("softmax, no loss", "\n    p = softmax(X @ W + b)\n    d = (p - T) / len(X)\n", "-sum target log(output)"),
    (
        "softmax, integer labels",
        """
    p = softmax(X @ W + b)
    d = p.copy()
    d[np.arange(len(X)), labels] -= 1
    d /= len(X)
""",
        "-sum target log(output)",
    ),
    (
        "sigmoid, target minus output",
        "\n    p = 1 / (1 + np.exp(-(X @ W + b)))\n    d = -(T - p)\n",
        "-sum target log(output) + (1 - target) log(1 - output)",
    ),
    ("squared error, no loss", "\n    d = np.subtract(X @ W + b, T) / 40\n", "1/2 sum (output - target)^2"),
    (
        "squared error though mean absolute error is printed",
        """
    out = X @ W + b
    print(np.mean(np.abs(out - T)))
    d = out - T
""",
        "1/2 sum (output - target)^2",
    ),
    (
        "sample by sample",
        """
    gW, gb = np.zeros_like(W), np.zeros_like(b)
    for x, t in zip(X[:10], T):
        out = np.tanh(x @ W + b)
        e = (out - t) * (1 - out ** 2)
        gW += np.outer(x, e)
        gb += e
    W -= 0.01 * gW
    b -= 0.01 * gb
    continue
""",
        "1/2 sum (output - target)^2",
    ),
]
TAIL = "    W -= 0.1 * X.T @ d\n    b -= 0.1 * d.sum(axis=0)\n"


@pytest.mark.parametrize(("body", "expected"), [p[1:] for p in PROGRAMS], ids=[p[0] for p in PROGRAMS])
def test_the_loss_that_is_descended(run, body, expected):
    program = run(HEAD + "for step in range(4):" + body + TAIL)
    replay = program.replay
    first = steps(replay, find_parameters(program.tape))[1]
    losses = find_losses(replay, first)
    best = losses[0]
    site = program.tape.site_of(best.value) if best.value is not None else None
    assert (best.formula or site.text) == expected
    assert best.right == first.olds
    assert best.credible


def test_networks_that_share_nothing_have_steps_of_their_own(run):
    second = "    q = X[:, :2] @ V\n    V -= 0.1 * X[:, :2].T @ (q - T)\n"
    text = HEAD + "V = rng.normal(size=(2, 2))\nfor step in range(3):" + PROGRAMS[0][1] + TAIL + second
    program = run(text)
    replay = program.replay
    names = {tuple(p.name for p, _, _, _ in s.parameters) for s in steps(replay, find_parameters(program.tape))}
    assert names == {("W", "b"), ("V",)}


def test_a_scalar_of_other_data_is_not_credible(run):
    body = """
    p = X @ W + b
    loss = np.sum((X[::-1] @ W + b) ** 3)
    d = np.sign(p - T) * np.abs(p - T) ** 0.3
"""
    program = run(HEAD + "for step in range(3):" + body + TAIL)
    replay = program.replay
    losses = find_losses(replay, steps(replay, find_parameters(program.tape))[1])
    assert not any(loss.credible for loss in losses)
