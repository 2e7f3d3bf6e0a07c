"""Adam's counter of steps: one number for all parameters of a step."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from training_programs import Edits, edited_text, findings, repaired

PROGRAM = """\
import numpy as np

rng = np.random.default_rng(3)
X = rng.normal(size=(20, 3))
T = (X @ np.array([[1.0], [-2.0], [0.5]]) > 0).astype(float)
net = [rng.normal(0, 0.3, (3, 4)), np.zeros((1, 4)), rng.normal(0, 0.3, (4, 1)), np.zeros((1, 1))]
means = [np.zeros_like(p) for p in net]
squares = [np.zeros_like(p) for p in net]
turn = 0
for epoch in range(8):
    h = np.tanh(X @ net[0] + net[1])
    p = 1 / (1 + np.exp(-(h @ net[2] + net[3])))
    d = (p - T) / len(X)
    e = d @ net[2].T * (1 - h**2)
    slopes = [X.T @ e, e.sum(axis=0, keepdims=True), h.T @ d, d.sum(axis=0, keepdims=True)]
    turn += 1
    for k in range(4):
        g, m, v = slopes[k], means[k], squares[k]
        m[:] = 0.9 * m + 0.1 * g
        v[:] = 0.99 * v + 0.01 * g**2
        net[k] -= 0.01 * (m / (1 - 0.9**turn)) / (np.sqrt(v / (1 - 0.99**turn)) + 1e-8)
    print(-np.mean(np.log(np.where(T > 0, p, 1 - p))))
"""
COUNT, LOOP = "    turn += 1\n", "    for k in range(4):\n"

RIGHT: list[tuple[str, Edits]] = [
    ("counted once a step", []),
    (
        "a counter for each parameter",
        [
            ("turn = 0", "turn = [0] * 4"),
            (COUNT, ""),
            (LOOP, f"{LOOP}        turn[k] += 1\n"),
            ("0.9**turn", "0.9 ** turn[k]"),
            ("0.99**turn", "0.99 ** turn[k]"),
        ],
    ),
    ("rates that fall from turn to turn", [("0.01 * (m", "0.01 * 0.95 ** (2 * turn) * (m")]),
]


def test_counting_goes_before_the_loop(tmp_path: Path) -> None:
    text = edited_text(PROGRAM, [(COUNT, ""), (LOOP, f"{LOOP}        turn += 1\n")])
    (found,) = findings(tmp_path, text, trials=True)
    assert (found.code, found.cause.source) == ("SC410", "turn += 1")
    assert repaired(text, found.fixes[0]) == PROGRAM


def test_counting_in_a_function_of_each_parameter_is_named(tmp_path: Path) -> None:
    function = "def counted():\n    global turn\n    turn += 1\n\n\nturn = 0"
    text = edited_text(PROGRAM, [(COUNT, ""), ("turn = 0", function), (LOOP, f"{LOOP}        counted()\n")])
    (found,) = findings(tmp_path, text)
    assert (found.code, found.cause.source) == ("SC410", "turn += 1")


@pytest.mark.parametrize("edits", [r[1] for r in RIGHT], ids=[r[0].replace(" ", "-") for r in RIGHT])
def test_one_number_for_each_step_is_right(tmp_path: Path, edits: Edits) -> None:
    assert findings(tmp_path, edited_text(PROGRAM, edits)) == []
