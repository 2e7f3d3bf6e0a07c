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


RENEWED = """\
import numpy as np

rng = np.random.default_rng(5)
{helper}

online = [rng.normal(0, 0.4, (4, 6)), rng.normal(0, 0.4, (6, 2))]
frozen = {kept}
for step in range(30):
    s, after, a = rng.integers(0, 4, 8), rng.integers(0, 4, 8), rng.integers(0, 2, 8)
    h = np.tanh(np.eye(4)[s] @ online[0])
    q = h @ online[1]
    goal = (after == 3) + 0.9 * (np.tanh(np.eye(4)[after] @ frozen[0]) @ frozen[1]).max(axis=1)
    d = np.zeros_like(q)
    d[np.arange(8), a] = (q[np.arange(8), a] - goal) / 8
    below = d @ online[1].T * (1 - h**2)
    online[1] -= 0.2 * h.T @ d
    online[0] -= 0.2 * np.eye(4)[s].T @ below
    if step % 10 == 9:
        {again}
print(frozen[1], online[1])
"""
SHALLOW = "def twin(weights):\n    return weights[:]"
DEEP = "def twin(weights):\n    return [w.copy() for w in weights]"
ANEW_NOW_AND_THEN = "frozen = twin(online)"


@pytest.mark.parametrize("helper", [SHALLOW, "twin = list"])
def test_weights_kept_now_and_then_that_follow_every_step_are_named(tmp_path: Path, helper: str) -> None:
    kept = "list(online)" if helper != SHALLOW else "twin(online)"
    text = RENEWED.format(helper=helper, kept=kept, again=f"frozen = {kept}")
    (found,) = findings(tmp_path, text)
    assert found.code == "SC404"
    assert ("return weights[:]" if helper == SHALLOW else "frozen = list") in blamed_line(text, found)


@pytest.mark.parametrize(
    ("helper", "kept", "again"),
    [
        (DEEP, "twin(online)", ANEW_NOW_AND_THEN),
        (SHALLOW, "twin(online)", "print(len(frozen))"),
        (SHALLOW, "[w.copy() for w in online]", ANEW_NOW_AND_THEN),
        ("", "online", "frozen = online"),
    ],
    ids=["copies", "kept once", "another copy at first", "a second name"],
)
def test_weights_kept_otherwise_are_left_alone(tmp_path: Path, helper: str, kept: str, again: str) -> None:
    assert findings(tmp_path, RENEWED.format(helper=helper, kept=kept, again=again)) == []
