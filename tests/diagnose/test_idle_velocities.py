"""Velocities that are kept from step to step, and that no step takes: the gradient is taken as it is."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from training_programs import Edits, blamed_line, edited_text, findings, repaired

HANDED_ROUND = """\
import numpy as np

rng = np.random.default_rng(2)
X = rng.normal(size=(3, 10))
y = (X[:1] + X[1:2] > 0) * 1.0


def slopes(net):
    h = np.tanh(net["A"] @ X + net["a"])
    p = 1 / (1 + np.exp(-(net["B"] @ h + net["b"])))
    d = (p - y) / 10
    below = net["B"].T @ d * (1 - h**2)
    return {"A": below @ X.T, "a": below.sum(axis=1, keepdims=True), "B": d @ h.T, "b": d.sum(axis=1, keepdims=True)}


def stepped(net, speed, grads, turn):
    for k in net:
        speed[k] = 0.9 * speed[k] - 0.3 * grads[k]
        net[k] += speed[k]
    return net, speed


net = {"A": rng.normal(size=(4, 3)), "a": np.zeros((4, 1)), "B": rng.normal(size=(1, 4)), "b": np.zeros((1, 1))}
speed = {k: np.zeros_like(p) for k, p in net.items()}
for turn in range(9):
    net, speed = stepped(net, speed, slopes(net), turn)
"""
IN_LINE = """\
import numpy as np

rng = np.random.RandomState(4)
x, t = rng.randn(12, 2), rng.randn(12, 2)
w, b = rng.randn(2, 2), np.zeros(2)
vw, vb = np.zeros((2, 2)), np.zeros(2)
for turn in range(8):
    miss = (x @ w + b - t) / 12
    gw = x.T @ miss
    gb = miss.sum(axis=0)
    vw = 0.8 * vw + 0.2 * gw
    vb = 0.8 * vb + 0.2 * gb
    w, b = w - 0.1 * vw, b - 0.1 * vb
"""

#     id, program, edits, the line that is named
WRONG = [
    pytest.param(HANDED_ROUND, [("net[k] += speed[k]", "net[k] -= 0.3 * grads[k]")], "net[k] -=", id="with-its-rate"),
    pytest.param(
        IN_LINE,
        [("0.1 * vw, b - 0.1 * vb", "0.1 * gw, b - 0.1 * gb")],
        "w, b =",
        id="of-the-gradient-alone",
        marks=pytest.mark.corpus,
    ),
]


@pytest.mark.parametrize(("program", "edits", "line"), WRONG)
def test_the_step_beside_the_velocity_is_named(tmp_path: Path, program: str, edits: Edits, line: str) -> None:
    text = edited_text(program, edits)
    (found,) = findings(tmp_path, text, trials=True)
    assert (found.code, found.title) == ("SC406", "the velocity is kept, and never applied")
    assert blamed_line(text, found).strip().startswith(line)
    assert repaired(text, found.fixes[0]) == program


RIGHT: list[tuple[str, Edits]] = [
    (
        "applied later on",
        [("net[k] += speed[k]", "net[k] += speed[k] if turn > 30 else -0.3 * grads[k]")],
    ),
    (
        "looked at in the end",
        [
            ("net[k] += speed[k]", "net[k] -= 0.3 * grads[k]"),
            ("slopes(net), turn)\n", "slopes(net), turn)\nprint(max(np.abs(v).max() for v in speed.values()))\n"),
        ],
    ),
]


@pytest.mark.parametrize("edits", [r[1] for r in RIGHT], ids=[r[0].replace(" ", "-") for r in RIGHT])
def test_a_velocity_for_something_is_right(tmp_path: Path, edits: Edits) -> None:
    assert findings(tmp_path, edited_text(HANDED_ROUND, edits), trials=True) == []
