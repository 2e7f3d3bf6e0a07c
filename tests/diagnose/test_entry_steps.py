"""Programs that step their arrays entry by entry, or row by row: what they step is one parameter all the same."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from training_programs import blamed_line, edited_text, findings, repaired

from shapecheck.gradients.gathered import gathered
from shapecheck.network.parameters import find_parameters
from shapecheck.trace.process import run_program
from shapecheck.trace.run import Program

# Numbers of an object, and rows of an array of samples.
NUMBERS = """\
import numpy as np

rng = np.random.default_rng(3)
table = rng.normal(size=(12, 2))
goals = np.sign(table[:, 0])


class Pair:
    def __init__(self):
        self.p, self.q, self.r = rng.normal(size=3)

    def learn(self, row, goal):
        out = np.tanh(self.p * row[0] + self.q * row[1] + self.r)
        back = (out - goal) * (1 - out**2)
        self.p -= 0.1 * back * row[0]
        self.q -= 0.1 * back * row[1]
        self.r -= 0.1 * back


pair = Pair()
for turn in range(3):
    for row, goal in zip(table, goals):
        pair.learn(row, goal)
"""

# Two layers in loops, with velocities; and lists of neurons.
LOOPS = """\
import numpy as np

rng = np.random.default_rng(1)
seen, wanted = rng.normal(size=(6, 3)), rng.uniform(0.2, 0.8, size=(6, 2))
U, V = rng.normal(size=(3, 4)), rng.normal(size=(4, 2))
pace = np.zeros((4, 2))
for turn in range(3):
    for x, t in zip(seen, wanted):
        h = [0.0] * 4
        for j in range(4):
            total = 0.0
            for i in range(3):
                total += x[i] * U[i][j]
            h[j] = np.tanh(total)
        o = [1 / (1 + np.exp(-sum(h[j] * V[j][k] for j in range(4)))) for k in range(2)]
        do = [(o[k] - t[k]) * o[k] * (1 - o[k]) for k in range(2)]
        dh = [sum(do[k] * V[j][k] for k in range(2)) * (1 - h[j] ** 2) for j in range(4)]
        for j in range(4):
            for k in range(2):
                pace[j][k] = 0.5 * pace[j][k] - 0.1 * do[k] * h[j]
                V[j][k] += pace[j][k]
        for i in range(3):
            for j in range(4):
                U[i][j] -= 0.1 * dh[j] * x[i]
"""

# A rating at a time: a row of each table is stepped, and decays.
ROWS = """\
import numpy as np

rng = np.random.default_rng(2)
ratings = rng.integers(1, 6, size=(5, 4)).astype(float)
users, films = rng.random((5, 3)), rng.random((4, 3))
for turn in range(2):
    for u in range(5):
        for i in range(4):
            miss = ratings[u, i] - users[u] @ films[i]
            before = users[u].copy()
            users[u] += 0.02 * (miss * films[i] - 0.01 * users[u])
            films[i] += 0.02 * (miss * before - 0.01 * films[i])
"""

# Two parts of one array.
PARTS = """\
import numpy as np

rng = np.random.default_rng(4)
X = rng.normal(size=(12, 3))
y = X @ np.array([1.0, -2.0, 0.5]) + 0.3
w = rng.normal(size=4)
for turn in range(4):
    errors = y - (X @ w[1:] + w[0])
    w[1:] += 0.01 * X.T.dot(errors)
    w[0] += 0.01 * errors.sum()
"""

ADAPTED = [
    ("w[1:] += 0.01 * X.T.dot(errors)\n", "g = np.append(errors.sum(), X.T.dot(errors))\n"),
    (
        "    w[0] += 0.01 * errors.sum()\n",
        "    for k in range(4):\n        G[k] += g[k] ** 2\n        w[k] += 0.1 * g[k] / (np.sqrt(G[k]) + 1e-8)\n",
    ),
    ("w = rng.normal(size=4)\n", "w = rng.normal(size=4)\nG = np.zeros(4)\n"),
]

# What learns without a gradient, or by the value of the entry itself.
OTHERS = """\
import numpy as np

rng = np.random.default_rng(5)
worth, units = 0.01 * rng.random((5, 2)), rng.random((6, 3))
for turn in range(40):
    s = turn % 5
    a = int(np.argmax(worth[s]))
    gap = (s == 4) + 0.9 * np.max(worth[(s + a) % 5]) - worth[s, a]
    worth[s, a] += 0.1 * gap
    x = rng.random(3)
    nearest = int(np.argmin(((units - x) ** 2).sum(axis=1)))
    for i in range(6):
        away = x - units[i]
        units[i] += 0.1 * np.exp(-((i - nearest) ** 2)) * away
print(worth.sum(), units.sum())
"""

PARAMETERS = {
    "entries": (LOOPS, {"V": (4, 2), "U": (3, 4)}),
    "rows": (ROWS, {"users": (5, 3), "films": (4, 3)}),
    "parts": (PARTS, {"w": (4,)}),
    "tables": (OTHERS, {}),
}

RIGHT = {
    "numbers of an object": (NUMBERS, []),
    "entries with a velocity": (LOOPS, []),
    "entries set anew": (LOOPS, [("U[i][j] -= 0.1 * dh[j] * x[i]", "U[i][j] = U[i][j] - 0.1 * dh[j] * x[i]")]),
    "rows that decay": (ROWS, []),
    "parts": (PARTS, []),
    "a rate for each entry": (PARTS, ADAPTED),
    "tables": (OTHERS, []),
}

# Centres that are read once more where they are stepped, one after the other, and pulled as hard as they answered.
CENTRES = """\
import numpy as np

rng = np.random.default_rng(3)
spots, goals = rng.uniform(-1, 1, (12, 2)), rng.normal(size=12)
hubs, heights, level = rng.uniform(-1, 1, (4, 2)), rng.normal(size=4), 0.0


def towards(here, there, answer):
    return answer * (there - here) / 0.5


for turn in range(2):
    for spot, goal in zip(spots, goals):
        answers = np.array([np.exp(-np.sum((spot - hub) ** 2)) for hub in hubs])
        miss = answers @ heights + level - goal
        level -= 0.05 * miss
        for k in range(len(hubs)):
            pull = towards(hubs[k], spot, answers[k])
            hubs[k] -= 0.05 * miss * heights[k] * pull
        heights -= 0.05 * miss * answers
print(level)
"""

# Of each: the program, the edits that spoil it, and what the line to blame has in it.
WRONG = {
    "another number": (NUMBERS, [("self.q -= 0.1 * back * row[1]", "self.q -= 0.1 * back * row[0]")], "self.q -="),
    "the wrong way": (PARTS, [("errors = y - (X @ w[1:] + w[0])", "errors = X @ w[1:] + w[0] - y")], "w["),
    "towards for away from": (CENTRES, [("hubs[k], spot, answers[k]", "spot, hubs[k], answers[k]")], "there - here"),
    "the row of another": (ROWS, [("miss * before", "miss * films[i]")], "miss * films[i]"),
}


@pytest.mark.parametrize("name", PARAMETERS)
def test_what_is_stepped_is_one_parameter(tmp_path, name):
    text, wanted = PARAMETERS[name]
    script = tmp_path / "script.py"
    script.write_text(text)
    trace = run_program(Program(str(script), ()), stdout_to_stderr=True).trace
    tape = gathered(trace.head)
    assert {p.name: p.shape(tape) for p in find_parameters(tape)} == wanted


@pytest.mark.parametrize("name", RIGHT)
def test_nothing_is_said_of_a_right_program(tmp_path, name):
    assert findings(tmp_path, edited_text(*RIGHT[name])) == []


@pytest.mark.parametrize("name", WRONG)
def test_the_line_to_blame(tmp_path, name):
    program, edits, line = WRONG[name]
    text = edited_text(program, edits)
    first = findings(tmp_path, text)[0]
    assert line in blamed_line(text, first), (first.code, blamed_line(text, first))


def test_what_mends_it(tmp_path):
    program, edits, _ = WRONG["another number"]
    text = edited_text(program, edits)
    fix = findings(tmp_path, text, trials=True)[0].fixes[0]
    assert fix.confidence == "verified"
    assert findings(tmp_path, repaired(text, fix)) == []


# Both factors in one loop, each entry written as a sum, and one table seen from its other side.
RATINGS = """\
import numpy as np

np.random.seed(3)
R = np.array([[5, 3, 0, 1], [4, 0, 0, 1], [1, 1, 0, 5], [1, 0, 0, 4], [0, 1, 5, 4]])
P, Q = np.random.rand(5, 4), np.random.rand(4, 4)
Q = Q.T
for turn in range(4):
    for i in range(5):
        for j in range(4):
            if R[i][j] > 0:
                e = R[i][j] - np.dot(P[i, :], Q[:, j])
                for k in range(4):
                    p = P[i][k]
                    P[i][k] = P[i][k] + 0.02 * e * Q[k][j]
                    Q[k][j] = Q[k][j] + 0.02 * e * p
print(np.round(P @ Q, 1))
"""


def test_two_factors_in_one_loop_are_stepped_together(tmp_path: Path) -> None:
    assert findings(tmp_path, RATINGS) == []
    text = RATINGS.replace("P[i][k] + 0.02", "P[i][k] - 0.02")
    (found,) = findings(tmp_path, text)
    assert (found.code, "P[i][k] - 0.02" in blamed_line(text, found)) == ("SC402", True)
