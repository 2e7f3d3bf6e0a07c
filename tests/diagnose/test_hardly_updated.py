"""Weights that are updated before the backward pass has read them, by steps so small that it hardly shows."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from training_programs import blamed_line, edited_text, findings, repaired

# Q-learning: the target is a copy of the output in which the value of one action is another.
RIGHT = """\
import numpy as np

rng = np.random.default_rng(5)


class Values:
    def __init__(self, rate):
        self.rate = rate
        self.first = rng.normal(size=(3, 8)) * 0.6
        self.second = rng.normal(size=(8, 2)) * 0.6

    def of(self, seen):
        self.hidden = np.tanh(seen @ self.first)
        return self.hidden @ self.second

    def learn(self, seen, wanted):
        away = self.of(seen) - wanted
        to_second = self.hidden.T @ away
        to_first = seen.T @ (away @ self.second.T * (1 - self.hidden**2))
        self.first -= self.rate * to_first
        self.second -= self.rate * to_second


values = Values(1e-4)
where = rng.normal(size=(1, 3))
for move in range(40):
    q = values.of(where)
    action = int(np.argmax(q)) if rng.random() > 0.2 else int(rng.integers(2))
    there = 0.9 * where + rng.normal(size=(1, 3)) * 0.3
    reward = -float(np.abs(there).sum())
    wanted = q.copy()
    wanted[0, action] = reward + 0.9 * np.max(values.of(there))
    values.learn(where, wanted)
    where = there
print(np.linalg.norm(values.first))
"""
EARLY = "        self.second -= self.rate * to_second\n"
LATER = "        self.first -= self.rate * to_first\n"


def test_a_tiny_step_that_comes_too_early_is_named(tmp_path: Path) -> None:
    assert findings(tmp_path, RIGHT) == []
    above = "        to_second = self.hidden.T @ away\n"
    wrong = edited_text(RIGHT, [(EARLY, ""), (above, above + EARLY)])
    (found,) = findings(tmp_path, wrong, trials=True)
    assert (found.code, found.parameters, blamed_line(wrong, found) + "\n") == ("SC401", ("self.first",), EARLY)
    assert found.fixes[0].confidence == "verified"
    assert findings(tmp_path, repaired(wrong, found.fixes[0])) == []
