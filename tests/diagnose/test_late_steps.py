"""Steps that are taken before the gradient of their turn has entered what they are made from."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from training_programs import Edits, edited_text, findings, repaired

VELOCITIES = """\
import numpy as np

rng = np.random.default_rng(5)
x = rng.normal(size=(14, 3))
t = np.tanh(x @ rng.normal(size=(3, 2)))
net = {"U": rng.normal(size=(3, 4)) / 2, "V": rng.normal(size=(4, 2)) / 2}
pace = {name: np.zeros(net[name].shape) for name in net}
for turn in range(30):
    h = np.tanh(x @ net["U"])
    e = h @ net["V"] - t
    slopes = {"U": x.T @ (e @ net["V"].T * (1 - h**2)) / 14, "V": h.T @ e / 14}
    for name in net:
        pace[name] *= 0.8
        pace[name] += 0.1 * slopes[name]
    for name in net:
        net[name] -= pace[name]
print(np.mean(e**2))
"""
APPLY = "    for name in net:\n        net[name] -= pace[name]\n"
FEED = "    for name in net:\n        pace[name] *= 0.8\n"

CALLS = """\
import numpy as np


class Descent:
    def __init__(self, arrays, rate):
        self.arrays, self.rate = arrays, rate
        self.slopes = [np.zeros_like(a) for a in arrays]

    def apply(self):
        for a, g in zip(self.arrays, self.slopes):
            a -= self.rate * g


def run(x, arrays):
    h = 1 / (1 + np.exp(-(x @ arrays[0] + arrays[1])))
    return h, h @ arrays[2]


def differentiate(x, t, h, out, arrays, slopes):
    e = 2 * (out - t) / t.size
    d = (e @ arrays[2].T) * h * (1 - h)
    for slope, found in zip(slopes, (x.T @ d, d.sum(axis=0), h.T @ e)):
        slope[...] = found


rng = np.random.default_rng(8)
x, t = rng.normal(size=(12, 3)), rng.normal(size=(12, 1))
arrays = [rng.normal(size=(3, 5)), np.zeros(5), rng.normal(size=(5, 1))]
descent = Descent(arrays, 0.3)
for turn in range(25):
    h, out = run(x, arrays)
    differentiate(x, t, h, out, arrays, descent.slopes)
    descent.apply()
    loss = np.mean((out - t) ** 2)
print(loss)
"""
BACKWARD, STEP = "    differentiate(x, t, h, out, arrays, descent.slopes)\n", "    descent.apply()\n"

WAVES = """\
import numpy as np

rng = np.random.default_rng(1)
stiff = np.eye(6) * 2 - np.eye(6, k=1) - np.eye(6, k=-1)
where, speed = rng.normal(size=(6, 2)), np.zeros((6, 2))
for moment in range(40):
    force = -stiff @ where
    where += 0.05 * speed
    speed += 0.05 * force
    energy = 0.5 * np.sum(where * (stiff @ where))
print(energy)
"""

WRONG: list[tuple[str, str, Edits, str]] = [
    ("velocities", VELOCITIES, [(APPLY, ""), (FEED, f"{APPLY}{FEED}")], "net[name] -= pace[name]"),
    ("calls", CALLS, [(STEP, ""), (BACKWARD, f"{STEP}{BACKWARD}")], "descent.apply()"),
]
RIGHT: list[tuple[str, str, Edits]] = [
    ("velocity, then step", VELOCITIES, []),
    ("step at the beginning of the turn", VELOCITIES, [(APPLY, ""), ("    h = np", f"{APPLY}    h = np")]),
    ("backward, then step", CALLS, []),
    ("step first, then forward", CALLS, [(STEP, ""), ("    h, out = run", f"{STEP}    h, out = run")]),
    ("Euler's method", WAVES, []),
]


@pytest.mark.parametrize(("program", "edits", "blamed"), [w[1:] for w in WRONG], ids=[w[0] for w in WRONG])
def test_step_of_the_turn_before_is_moved_behind_the_gradient(
    tmp_path: Path, program: str, edits: Edits, blamed: str
) -> None:
    text = edited_text(program, edits)
    (found,) = findings(tmp_path, text, trials=True)
    assert (found.code, found.cause.source, found.fixes[0].confidence) == ("SC401", blamed, "verified")
    assert repaired(text, found.fixes[0]) == program


@pytest.mark.parametrize(("program", "edits"), [r[1:] for r in RIGHT], ids=[r[0].replace(" ", "-") for r in RIGHT])
def test_steps_that_follow_their_own_turn_are_right(tmp_path: Path, program: str, edits: Edits) -> None:
    assert findings(tmp_path, edited_text(program, edits)) == []
