"""Tied weights that come apart because a step makes a new array, and what may be kept of old weights."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.diagnose.training_programs import blamed_line, findings, repaired

PROGRAM = """\
import numpy as np

rng = np.random.default_rng(7)
X = rng.normal(size=(30, 2)) @ rng.normal(size=(2, 6))
net = {{"W": rng.normal(0, 0.3, (6, 3)), "b": np.zeros(3)}}
net["V"] = {tied}
for epoch in range(15):
    h = np.tanh(X @ net["W"] + net["b"])
    d = (h @ net["V"]{turned} - X) / len(X)
    below = d @ net["V"]{back} * (1 - h**2)
    slope = X.T @ below{other}
    {step}
    net["b"] = net["b"] - 0.1 * below.sum(axis=0)
    print(epoch, np.mean(d**2))
"""
ANEW = "net['W'] = net['W'] - 0.1 * slope"
IN_PLACE = "net['W'] -= 0.1 * slope"
TRANSPOSE = {"tied": "net['W'].T", "turned": "", "back": ".T"}
NAME = {"tied": "net['W']", "turned": ".T", "back": ""}
BOTH = " + d.T @ h"

#     id                          how it is tied   other slope   how a step is made
RIGHT = [
    ("changed in place", TRANSPOSE, BOTH, IN_PLACE),
    ("a second name, changed in place", NAME, BOTH, IN_PLACE),
    ("turned anew", TRANSPOSE, BOTH, ANEW + "; net['V'] = net['W'].T"),
    ("a fixed way back", TRANSPOSE, "", ANEW),
]


@pytest.mark.parametrize("tied", [TRANSPOSE, NAME], ids=["a transpose", "a second name"])
def test_a_step_that_leaves_a_view_behind_is_named(tmp_path: Path, tied: dict[str, str]) -> None:
    text = PROGRAM.format(other=BOTH, step=ANEW, **tied)
    (found,) = findings(tmp_path, text)
    assert found.code == "SC406"
    assert ANEW in blamed_line(text, found)


@pytest.mark.parametrize(("tied", "other", "step"), [r[1:] for r in RIGHT], ids=[r[0] for r in RIGHT])
def test_weights_that_stay_tied_are_left_alone(tmp_path: Path, tied: dict[str, str], other: str, step: str) -> None:
    assert findings(tmp_path, PROGRAM.format(other=other, step=step, **tied)) == []


def test_the_array_itself_is_changed(tmp_path: Path) -> None:
    text = PROGRAM.format(other=BOTH, step=ANEW, **TRANSPOSE)
    (found,) = findings(tmp_path, text, trials=True)
    assert found.fixes[0].confidence == "verified"
    assert IN_PLACE in repaired(text, found.fixes[0])
