"""Programs that step a whole array in several parts: position by position, sample by sample, branch by branch."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from training_programs import blamed_line, edited_text, findings, repaired

# Filters, with the part of every position where they lay.
POSITIONS = """\
import numpy as np

rng = np.random.default_rng(3)
kernels, head = rng.normal(size=(2, 2, 2)), rng.normal(size=(2, 18)) * 0.3
pictures, kinds = rng.normal(size=(6, 4, 4)), rng.integers(0, 2, 6)
for turn in range(2):
    for picture, kind in zip(pictures, kinds):
        seen = np.zeros((2, 3, 3))
        for i in range(3):
            for j in range(3):
                seen[:, i, j] = np.sum(picture[i:i + 2, j:j + 2] * kernels, axis=(1, 2))
        lit = np.maximum(seen, 0)
        scores = head @ lit.ravel()
        odds = np.exp(scores - scores.max())
        odds /= odds.sum()
        loss = -np.log(odds[kind])
        odds[kind] -= 1
        back = (head.T @ odds).reshape(2, 3, 3) * (seen > 0)
        head -= 0.1 * np.outer(odds, lit.ravel())
        for i in range(3):
            for j in range(3):
                kernels -= 0.1 * back[:, i, j][:, None, None] * picture[i:i + 2, j:j + 2]
    print(loss)
"""

# A recurrent layer, with the part of every moment, by another name each time.
MOMENTS = """\
import numpy as np

rng = np.random.default_rng(4)
into, over, out = rng.normal(size=(3, 2)) * 0.5, rng.normal(size=(3, 3)) * 0.5, rng.normal(size=3)
songs = rng.normal(size=(5, 4, 2))
for turn in range(2):
    for song in songs:
        states = [np.zeros(3)]
        for note in song:
            states.append(np.tanh(into @ note + over @ states[-1]))
        miss = out @ states[-1] - song[0, 0]
        loss = 0.5 * miss**2
        back, parts = miss * out, []
        out = out - 0.02 * miss * states[-1]
        for t in reversed(range(4)):
            slope = back * (1 - states[t + 1] ** 2)
            parts.append((t, slope))
            back = over.T @ slope
        for t, slope in parts:
            into = into - 0.02 * np.outer(slope, song[t])
            over = over - 0.02 * np.outer(slope, states[t])
    print(loss)
"""

# One array for two branches.
BRANCHES = """\
import numpy as np

rng = np.random.default_rng(5)
shared, last = rng.normal(size=(4, 3)) * 0.5, rng.normal(size=3)
here, there = rng.normal(size=(9, 4)), rng.normal(size=(9, 4))
goal = np.sin(here[:, 0]) - there[:, 1]
for turn in range(4):
    a, b = np.tanh(here @ shared), np.tanh(there @ shared)
    miss = (a - b) @ last - goal
    loss = np.mean(miss**2)
    back = 2 * miss / len(goal)
    back_a = np.outer(back, last) * (1 - a**2)
    back_b = -np.outer(back, last) * (1 - b**2)
    last = last - 0.1 * (a - b).T @ back
    shared -= 0.1 * here.T @ back_a
    shared -= 0.1 * there.T @ back_b
    print(loss)
"""

RIGHT = {
    "position by position": (POSITIONS, []),
    "moment by moment": (MOMENTS, []),
    "branch by branch": (BRANCHES, []),
    "sums that are printed": (BRANCHES, [("    print(loss)\n", "    print(loss)\nprint(shared.sum())\n")]),
}
# Of each: the program, the edits that spoil it, and what the line to blame has in it.
WRONG = {
    "rows for columns": (
        POSITIONS,
        [("None, None] * picture[i:i + 2, j:j + 2]", "None, None] * picture[j:j + 2, i:i + 2]")],
        "kernels -=",
    ),
    "the moment after": (MOMENTS, [("outer(slope, states[t])", "outer(slope, states[t + 1])")], "over = over -"),
    "the slope of the other branch": (BRANCHES, [("(1 - b**2)", "(1 - a**2)")], "back_b ="),
}


@pytest.mark.parametrize("name", RIGHT)
def test_nothing_is_said_of_a_right_program(tmp_path: Path, name: str) -> None:
    assert findings(tmp_path, edited_text(*RIGHT[name])) == []


@pytest.mark.parametrize("name", WRONG)
def test_the_line_to_blame_and_what_mends_it(tmp_path: Path, name: str) -> None:
    program, edits, line = WRONG[name]
    text = edited_text(program, edits)
    (finding,) = findings(tmp_path, text, trials=True)
    assert line in blamed_line(text, finding)
    assert finding.fixes[0].confidence == "verified"
    assert findings(tmp_path, repaired(text, finding.fixes[0])) == []
