"""Steps that move copies of the weights: the copy is named, and handed on no more; copies with a use are left alone."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from training_programs import Edits, blamed_line, edited_text, findings, repaired

LAYERS = """\
import numpy as np

rng = np.random.RandomState(3)
X = rng.randn(20, 3)
T = np.tanh(X @ rng.randn(3, 2))


class Layer:
    def __init__(self, i, o):
        self.W, self.b = rng.randn(i, o), np.zeros(o)

    def forward(self, x):
        self.x = x
        return x @ self.W + self.b

    def backward(self, d):
        self.grads = [self.x.T @ d, d.sum(axis=0)]
        return d @ self.W.T


class Descent:
    def __init__(self, arrays, rate):
        self.arrays = list(arrays)
        self.rate = rate

    def step(self, grads):
        for i, g in enumerate(grads):
            self.arrays[i] -= self.rate * g


first, second = Layer(3, 5), Layer(5, 2)
descent = Descent([first.W, first.b, second.W, second.b], 0.1)
for epoch in range(8):
    h = np.tanh(first.forward(X))
    out = second.forward(h)
    loss = 0.5 * np.mean(np.sum((out - T) ** 2, axis=1))
    d = second.backward((out - T) / len(X))
    first.backward(d * (1 - h**2))
    descent.step([*first.grads, *second.grads])
print(loss)
"""
COPIED = ("list(arrays)", "[a.copy() for a in arrays]")
MADE_ANEW = ("self.arrays[i] -= self.rate * g", "self.arrays[i] = self.arrays[i] - self.rate * g")

NAMES = """\
import numpy as np

rng = np.random.RandomState(5)
x, t = rng.randn(4, 30), rng.randn(1, 30)
A, B = rng.randn(6, 4), rng.randn(1, 6)


def slopes():
    h = 1 / (1 + np.exp(-A @ x))
    e = (B @ h - t) / 30
    return (B.T @ e * h * (1 - h)) @ x.T, e @ h.T


a, b = A.ravel(), B.ravel()
for turn in range(12):
    dA, dB = slopes()
    a -= 0.2 * (dA.ravel() + 0.01 * a)
    b -= 0.2 * (dB.ravel() + 0.01 * b)
print(A[0], B[0])
"""

STEPS = """\
    dA, dB = slopes()
    a -= 0.2 * (dA.ravel() + 0.01 * a)
    b -= 0.2 * (dB.ravel() + 0.01 * b)
"""
IN_SHARES = """\
    a, b = A.copy(), B.copy()
    for k in range(30):
        h, e = slopes()
        h, e = h[:, k : k + 1], e[:, k : k + 1]
        a -= 0.2 * (B.T @ e * h * (1 - h)) @ x[:, k : k + 1].T
        b -= 0.2 * e @ h.T
    A, B = a, b
"""

#     id, program, edits, the line to blame, text of it after the repair
WRONG: list[tuple[str, str, Edits, str, str]] = [
    ("copies in a list", LAYERS, [COPIED], "[a.copy() for", "[a for a in arrays]"),
    ("new arrays in a list", LAYERS, [MADE_ANEW], "self.arrays[i] = self", "self.arrays[i] -= self.rate * g"),
    ("both", LAYERS, [COPIED, MADE_ANEW], "[a.copy() for", "self.arrays[i] -= self.rate * g"),
    (
        "flat copies that decay",
        NAMES,
        [("A.ravel(), B.ravel()", "A.flatten(), np.array(B).ravel()"), ("b -= 0.2 * (dB", "B[:] -= 0.2 * (dB"),
         ("01 * b)", "01 * b).reshape(1, 6)")],
        "A.flatten()",
        "A.ravel(), np.array",
    ),
]  # fmt: skip

#     id, program, edits
RIGHT: list[tuple[str, str, Edits]] = [
    ("the arrays themselves", LAYERS, []),
    ("views", NAMES, []),
    (
        "shares added up in a copy",
        NAMES,
        [
            ("    return (B.T @ e * h * (1 - h)) @ x.T, e @ h.T", "    return h, e"),
            ("a, b = A.ravel(), B.ravel()\n", ""),
            (
                STEPS,
                IN_SHARES,
            ),
            ("range(12)", "range(2)"),
        ],
    ),
    (
        "a moving average of the weights",
        NAMES,
        [
            ("a, b = A", "mean = A.copy()\na, b = A"),
            ("print(A[0]", "    mean += 0.1 * (A - mean)\nprint(mean[0], A[0]"),
        ],
    ),
    (
        "an anchor that nothing moves",
        NAMES,
        [
            ("a, b = A", "anchor = A.copy()\na, b = A"),
            ("    b -=", "    a -= 0.01 * (A - anchor).ravel()\n    b -="),
        ],
    ),
]


@pytest.mark.parametrize(
    ("program", "edits", "line", "mended"), [w[1:] for w in WRONG], ids=[w[0].replace(" ", "-") for w in WRONG]
)
def test_what_the_network_never_sees_is_named(
    tmp_path: Path, program: str, edits: Edits, line: str, mended: str
) -> None:
    text = edited_text(program, edits)
    (found,) = findings(tmp_path, text, trials=True)
    assert found.code == "SC406"
    assert line in blamed_line(text, found)
    assert mended in repaired(text, found.fixes[0])


@pytest.mark.parametrize(("program", "edits"), [r[1:] for r in RIGHT], ids=[r[0].replace(" ", "-") for r in RIGHT])
def test_copies_with_a_use_are_left_alone(tmp_path: Path, program: str, edits: Edits) -> None:
    assert findings(tmp_path, edited_text(program, edits)) == []
