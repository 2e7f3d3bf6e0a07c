"""The best weights so far: kept as copies, or as the arrays that go on changing."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from training_programs import blamed_line, findings, repaired

PROGRAM = """\
import copy

import numpy as np

rng = np.random.default_rng(3)
X = rng.normal(size=(30, 3))
T = (X @ np.array([[1.0], [-2.0], [0.5]]) > 0).astype(float)
net = {{"W": rng.normal(0, 0.3, (3, 1)), "b": np.zeros((1, 1))}}
lowest, best = np.inf, None
for epoch in range(12):
    p = 1 / (1 + np.exp(-(X @ net["W"] + net["b"])))
    loss = -np.mean(T * np.log(p) + (1 - T) * np.log(1 - p))
    if loss < lowest:
        lowest = loss
        best = {kept}
    d = (p - T) / len(X)
    slopes = {{"W": X.T @ d, "b": d.sum(axis=0, keepdims=True)}}
    for key in net:
        {step}
print(lowest, best)
"""
IN_PLACE = "net[key] -= 0.1 * slopes[key]"
ANEW = "net[key] = net[key] - 0.1 * slopes[key]"

#     id                        what is kept                                       how a step is made
WRONG = [
    ("the dictionary", "net", IN_PLACE),
    ("a shallow copy", "dict(net)", IN_PLACE),
    ("a shallow copy by its method", "net.copy()", IN_PLACE),
    ("a tuple of arrays", "(net['W'], net['b'])", IN_PLACE),
    ("a comprehension", "{k: v for k, v in net.items()}", IN_PLACE),
]
RIGHT = [
    ("a deep copy", "copy.deepcopy(net)", IN_PLACE),
    ("copies", "{k: v.copy() for k, v in net.items()}", IN_PLACE),
    ("new arrays in every step", "dict(net)", ANEW),
    ("a number", "float(np.abs(net['W']).sum())", IN_PLACE),
]


@pytest.mark.parametrize(("kept", "step"), [w[1:] for w in WRONG], ids=[w[0] for w in WRONG])
def test_arrays_that_go_on_changing_are_named(tmp_path: Path, kept: str, step: str) -> None:
    text = PROGRAM.format(kept=kept, step=step)
    (found,) = findings(tmp_path, text)
    assert found.code == "SC404"
    assert "best = " in blamed_line(text, found)


@pytest.mark.parametrize(("kept", "step"), [r[1:] for r in RIGHT], ids=[r[0] for r in RIGHT])
def test_copies_are_left_alone(tmp_path: Path, kept: str, step: str) -> None:
    assert findings(tmp_path, PROGRAM.format(kept=kept, step=step)) == []


def test_the_copies_are_made(tmp_path: Path) -> None:
    text = PROGRAM.format(kept="dict(net)", step=IN_PLACE)
    (found,) = findings(tmp_path, text, trials=True)
    assert found.fixes[0].confidence == "verified"
    assert "best = {key: array.copy() for key, array in net.items()}" in repaired(text, found.fixes[0])
