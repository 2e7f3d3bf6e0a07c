"""Learning rates that a schedule lowers from what it has lowered before, and schedules that are right."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from training_programs import blamed_line, findings, repaired

PROGRAM = """\
import math

import numpy as np

rng = np.random.default_rng(0)
x = rng.normal(size=(30, 3))
t = x @ np.array([[1.0], [-2.0], [0.5]]) + 0.1 * rng.normal(size=(30, 1))
w = rng.normal(size=(3, 1))


def lowered(given, turn):
    return given * 0.97**turn


start = 0.2
rate = start
for turn in range(100):
    w -= rate * x.T @ (x @ w - t) / len(x)
    SCHEDULE
print(np.mean((x @ w - t) ** 2))
"""

WRONG = {
    "a quotient": "rate = rate / (1 + 0.01 * turn)",
    "a factor in place": "rate *= math.exp(-0.01 * turn)",
    "a function": "rate = lowered(rate, turn)",
}
RIGHT = {
    "one share for all turns": "rate *= 0.9",
    "a share of the first rate": "rate = start / (1 + 0.01 * turn)",
    "a cosine, turn by turn": "rate *= (1 + math.cos(0.0314 * (turn + 1))) / (1 + math.cos(0.0314 * turn))",
    "no less than that": "rate = max(rate / (1 + 0.01 * turn), 0.02)",
}
_CHEAP = {"a quotient", "a cosine, turn by turn"}


def rows(table):
    """The rows of a table; most are left out where time is short."""
    return [pytest.param(name, marks=() if name in _CHEAP else pytest.mark.corpus) for name in table]


@pytest.mark.parametrize("name", rows(WRONG))
def test_a_schedule_that_goes_on_from_what_it_left(tmp_path, name):
    text = PROGRAM.replace("SCHEDULE", WRONG[name])
    found = findings(tmp_path, text, trials=True)
    assert [f.code for f in found] == ["SC410"]
    assert ("turn" in blamed_line(text, found[0]), found[0].fixes[0].confidence) == (True, "verified")
    assert findings(tmp_path, repaired(text, found[0].fixes[0])) == []


@pytest.mark.parametrize("name", rows(RIGHT))
def test_nothing_is_said_of_a_right_schedule(tmp_path, name):
    assert findings(tmp_path, PROGRAM.replace("SCHEDULE", RIGHT[name])) == []
