"""Two mistakes of which the second is made from what the first gives: each is mended, and both together are right."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from training_programs import Edits, edited_text, findings, repaired

CHAIN = """\
import numpy as np

rng = np.random.default_rng(8)
x = rng.normal(size=(3, 25))
t = np.tanh(x[:1] * x[1:2]) * 0.4 + 0.5
U, V, W = rng.normal(size=(4, 3)), rng.normal(size=(4, 4)) * 0.6, rng.normal(size=(1, 4))


def squash(z):
    return 1 / (1 + np.exp(-z))


def steepness(z):
    return squash(z) * (1 - squash(z))


for turn in range(40):
    p = U @ x
    h = np.tanh(p)
    q = V @ h
    g = squash(q)
    r = W @ g
    y = squash(r)
    if turn % 10 == 0:
        print(0.5 * np.sum((y - t) ** 2))
    back_r = (y - t) * steepness(r)
    back_q = W.T @ back_r * steepness(q)
    back_p = V.T @ back_q * (1 - h ** 2)
    W -= 0.02 * back_r @ g.T
    V -= 0.02 * back_q @ h.T
    U -= 0.02 * back_p @ x.T
"""


@pytest.mark.parametrize(
    "edits",
    [
        [("(y - t) * steepness(r)\n", "(y - t) * (1 - y)\n"), ("steepness(q)\n", "steepness(g)\n")],
        [("steepness(r)\n", "steepness(y)\n"), ("V.T @ back_q", "V @ back_q")],
        [("W.T @ back_r * steepness(q)", "W.T @ back_r * steepness(g)"), ("(1 - h ** 2)", "(1 - h)")],
    ],
    ids=["half a slope and another", "slope and transpose", "behind the first layer"],
)
def test_both_are_mended(edits: Edits, tmp_path: Path) -> None:
    text = edited_text(CHAIN, edits)
    found = findings(tmp_path, text, trials=True)
    wrong = {text[: text.index(new)].count("\n") + 1 for _, new in edits}
    assert {f.cause.line for f in found} == wrong
    assert found[0].fixes[0].confidence == "verified"
    mended = repaired(text, found[0].fixes[0])
    assert not findings(tmp_path, mended)


def test_the_right_program_is_left_alone(tmp_path: Path) -> None:
    assert findings(tmp_path, CHAIN) == []
