"""Two losses that are printed side by side, and what they send back to the layer that they have in common."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.diagnose.training_programs import blamed_line, findings, repaired

ONE_AFTER_THE_OTHER = """\
import numpy as np

rng = np.random.default_rng(4)
X = rng.normal(size=(40, 3))
t, k = np.sin(X[:, :1]), (X[:, 1:2] > 0).astype(float)
W = rng.normal(0, 0.4, (3, 6))
A, B = rng.normal(0, 0.4, (6, 1)), rng.normal(0, 0.4, (6, 1))
for epoch in range(12):
    h = np.tanh(X @ W)
    out, p = h @ A, 1 / (1 + np.exp(-h @ B))
    print(np.mean((out - t) ** 2), -np.mean(k * np.log(p) + (1 - k) * np.log(1 - p)))
    da, db = 2 * (out - t) / 40, (p - k) / 40
    back = da @ A.T
    {more}
    dW = X.T @ (back * (1 - h**2))
    A -= 0.2 * h.T @ da
    B -= 0.2 * h.T @ db
    W -= 0.2 * dW
"""
IN_A_LOOP = """\
import numpy as np

rng = np.random.default_rng(4)
X = rng.normal(size=(40, 3))
goals = {{"a": np.sin(X[:, :2]), "b": X[:, :1] * X[:, 1:2]}}
W = rng.normal(0, 0.4, (3, 6))
heads = {{"a": rng.normal(0, 0.4, (6, 2)), "b": rng.normal(0, 0.4, (6, 1))}}
for epoch in range(12):
    h = np.tanh(X @ W)
    grads = {{"W": np.zeros_like(W)}}
    for key, head in heads.items():
        d = (h @ head - goals[key]) / len(X)
        {more}
        heads[key] = head - 0.2 * h.T @ d
    W = W - 0.2 * grads["W"]
print(W)
"""
#     id                    program              right                               wrong
PAIRS = [
    ("one after the other", ONE_AFTER_THE_OTHER, "back += db @ B.T", "back = db @ B.T"),
    (
        "in a loop",
        IN_A_LOOP,
        "grads['W'] += X.T @ (d @ head.T * (1 - h**2))",
        "grads['W'] = X.T @ (d @ head.T * (1 - h**2))",
    ),
]
# Only one loss teaches the layer that both outputs read.
READ_ONLY = ONE_AFTER_THE_OTHER.replace("back = da @ A.T\n    {more}", "back = db @ B.T")


@pytest.mark.parametrize(("program", "right", "wrong"), [p[1:] for p in PAIRS], ids=[p[0] for p in PAIRS])
def test_a_share_that_is_overwritten_is_named(tmp_path: Path, program: str, right: str, wrong: str) -> None:
    text = program.format(more=wrong)
    (found,) = findings(tmp_path, text, trials=True)
    assert found.code == "SC306"
    assert wrong in blamed_line(text, found)
    assert right in repaired(text, found.fixes[0])


@pytest.mark.parametrize(("program", "right"), [p[1:3] for p in PAIRS], ids=[p[0] for p in PAIRS])
def test_shares_that_are_added_up_are_left_alone(tmp_path: Path, program: str, right: str) -> None:
    assert findings(tmp_path, program.format(more=right)) == []


def test_a_layer_that_one_loss_teaches_is_left_alone(tmp_path: Path) -> None:
    assert findings(tmp_path, READ_ONLY) == []
