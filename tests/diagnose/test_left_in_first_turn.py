"""Loops over samples that are left in their first turn, and functions that hand back the first of several things."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.diagnose.training_programs import blamed_line, findings, repaired

PROGRAM = """\
import numpy as np

rng = np.random.default_rng(6)
X = rng.normal(size=(24, 3))
T = np.sin(X @ rng.normal(size=(3, 1)))
A, B = rng.normal(0, 0.5, (3, 5)), rng.normal(0, 0.5, (5, 1))


def epoch(rate):
    {begin}
    for x, t in zip(X.reshape(6, 4, 3), T.reshape(6, 4, 1)):
        h = np.tanh(x @ A)
        d = (h @ B - t) / 4
        {note}
        back = d @ B.T * (1 - h**2)
        B[...] -= rate * h.T @ d
        A[...] -= rate * x.T @ back
{end}


for number in range(10):
    print(number, epoch(0.3))
"""
SUM = {"begin": "losses = 0.0", "note": "losses += float(np.sum(d**2))"}
LIST = {"begin": "losses = []", "note": "losses.append(float(np.sum(d**2)))"}
NONE = {"begin": "pass", "note": "losses = float(np.sum(d**2))"}
INSIDE, AFTER = "        return losses", "    return losses"

WRONG = [("a sum", SUM), ("a list", LIST)]
RIGHT = [
    ("after the loop", SUM, AFTER),
    ("one step is made on purpose", NONE, INSIDE),
    ("left when it is enough", SUM, "        if losses > 100:\n            return losses\n    return losses"),
]


@pytest.mark.parametrize("noted", [w[1] for w in WRONG], ids=[w[0] for w in WRONG])
def test_a_loop_that_is_left_in_its_first_turn_is_named(tmp_path: Path, noted: dict[str, str]) -> None:
    text = PROGRAM.format(end=INSIDE, **noted)
    (found,) = findings(tmp_path, text, trials=noted is SUM)
    assert (found.code, "return losses" in blamed_line(text, found)) == ("SC409", True)
    if noted is SUM:
        assert repaired(text, found.fixes[0]) == PROGRAM.format(end=AFTER, **noted)


@pytest.mark.parametrize(("noted", "end"), [r[1:] for r in RIGHT], ids=[r[0] for r in RIGHT])
def test_other_ways_out_are_left_alone(tmp_path: Path, noted: dict[str, str], end: str) -> None:
    assert findings(tmp_path, PROGRAM.format(end=end, **noted)) == []
