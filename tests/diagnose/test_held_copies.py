"""Targets from a copy of the network: it is renewed from the parameters, and no gradient is meant to go that way."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from training_programs import blamed_line, edited_text, findings

# A copy that follows slowly, in place.
SLOWLY = """\
import numpy as np

rng = np.random.default_rng(5)


class Critic:
    def __init__(self):
        self.A, self.a = rng.normal(size=(4, 6)) * 0.4, np.zeros(6)
        self.B = rng.normal(size=(6, 2)) * 0.4

    def __call__(self, s):
        self.s = s
        self.h = np.tanh(s @ self.A + self.a)
        return self.h @ self.B

    def slopes(self, d):
        dh = d @ self.B.T * (1 - self.h**2)
        return [self.s.T @ dh, dh.sum(axis=0), self.h.T @ d]

    def arrays(self):
        return [self.A, self.a, self.B]


quick, slow = Critic(), Critic()
for mine, other in zip(slow.arrays(), quick.arrays()):
    mine[...] = other
for step in range(12):
    s, after = rng.normal(size=(2, 8, 4))
    did = rng.integers(0, 2, 8)
    goal = np.sin(s[:, 0]) + 0.9 * slow(after).max(axis=1)
    values = quick(s)
    miss = values[np.arange(8), did] - goal
    d = np.zeros_like(values)
    d[np.arange(8), did] = miss / 8
    for p, g in zip(quick.arrays(), quick.slopes(d)):
        p -= 0.1 * g
    for mine, other in zip(slow.arrays(), quick.arrays()):
        mine += 0.02 * (other - mine)
    print(0.5 * np.mean(miss**2))
"""

# A copy that is made anew now and then, of one state at a time.
NOW_AND_THEN = """\
import numpy as np

rng = np.random.default_rng(8)
net = {"U": rng.normal(size=(5, 3)) * 0.5, "c": np.zeros(5), "v": rng.normal(size=5) * 0.5}


def worth(net, s):
    h = np.tanh(net["U"] @ s + net["c"])
    return net["v"] @ h, h


for step in range(20):
    if step % 10 == 0:
        kept = {name: array.copy() for name, array in net.items()}
    s, after = rng.normal(size=(2, 3))
    value, h = worth(net, s)
    miss = value - (s.sum() + 0.9 * worth(kept, after)[0])
    dz = miss * net["v"] * (1 - h**2)
    slopes = {"U": np.outer(dz, s), "c": dz, "v": miss * h}
    net = {name: array - 0.05 * slopes[name] for name, array in net.items()}
    print(0.5 * miss**2)
"""


@pytest.mark.parametrize("text", [SLOWLY, NOW_AND_THEN], ids=["slowly", "now and then"])
def test_nothing_is_said_of_targets_from_a_copy(tmp_path: Path, text: str) -> None:
    assert findings(tmp_path, text) == []


@pytest.mark.parametrize(
    ("text", "right", "wrong"),
    [
        (SLOWLY, "dh.sum(axis=0)", "dh.mean(axis=0)"),
        (NOW_AND_THEN, "(1 - h**2)", "(1 - h)"),
    ],
    ids=["slowly", "now and then"],
)
def test_a_mistake_beside_such_targets_is_mended(tmp_path: Path, text: str, right: str, wrong: str) -> None:
    changed = edited_text(text, [(right, wrong)])
    (found,) = findings(tmp_path, changed, trials=True)
    assert wrong in blamed_line(changed, found)
    assert found.fixes[0].confidence == "verified"
