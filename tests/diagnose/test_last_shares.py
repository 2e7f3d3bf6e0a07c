"""Sums over the turns of a loop of which only the last turn's share is kept: where, and the `+=` that is meant."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from training_programs import findings, repaired

STATES = """\
import numpy as np

rng = np.random.RandomState(1)
xs, goal = rng.randn(5, 2), rng.randn(5)
U, R, v, b = rng.randn(4, 2), 0.4 * rng.randn(4, 4), rng.randn(4), np.zeros(4)
for _ in range(6):
    h = [np.zeros(4)]
    for x in xs:
        h.append(np.tanh(U @ x + R @ h[-1] + b))
    out = np.array([v @ s for s in h[1:]])
    cost = 0.5 * np.sum((out - goal) ** 2)
    dU, dR, dv, db = [np.zeros_like(p) for p in (U, R, v, b)]
    back = np.zeros(4)
    for t in range(4, -1, -1):
        e = out[t] - goal[t]
        dv += e * h[t + 1]
        dz = (e * v + back) * (1 - h[t + 1] ** 2)
        dU += np.outer(dz, xs[t])
        dR += np.outer(dz, h[t])
        db += dz.reshape(db.shape)
        back = R.T @ dz
    for p, g in ((U, dU), (R, dR), (v, dv), (b, db)):
        p -= 0.05 * g
print(cost)
"""

GATES = """\
import numpy as np

rng = np.random.RandomState(2)
word, goal = rng.randn(4, 3, 1), 0.5


def squash(z):
    return 1 / (1 + np.exp(-z))


class Cell:
    def __init__(self):
        self.W = {g: 0.5 * rng.randn(5, 8) for g in "zc"}
        self.b = {g: np.zeros((5, 1)) for g in "zc"}

    def forward(self):
        h, self.seen, loss = np.zeros((5, 1)), [], 0.0
        for x in word:
            both = np.vstack([h, x])
            z, c = squash(self.W["z"] @ both + self.b["z"]), np.tanh(self.W["c"] @ both + self.b["c"])
            self.seen.append((both, h, z, c))
            h = z * h + (1 - z) * c
        self.out = h
        return 0.5 * np.sum((h - goal) ** 2)

    def backward(self):
        dW = {g: np.zeros_like(self.W[g]) for g in self.W}
        db = {g: np.zeros_like(self.b[g]) for g in self.b}
        dh = self.out - goal
        for both, h, z, c in reversed(self.seen):
            d = {"z": dh * (h - c) * z * (1 - z), "c": dh * (1 - z) * (1 - c ** 2)}
            dh = dh * z
            for g in d:
                dW[g] += d[g] @ both.T
                db[g] += d[g]
                dh = dh + (self.W[g].T @ d[g])[:5]
        return dW, db


cell = Cell()
for _ in range(6):
    loss = cell.forward()
    dW, db = cell.backward()
    for g in dW:
        cell.W[g] -= 0.1 * dW[g]
        cell.b[g] -= 0.1 * db[g]
print(loss)
"""

CONSTANTS = """\
import numpy as np

rng = np.random.RandomState(3)
t = np.linspace(0, 2, 12)
seen = 1.5 * np.exp(-0.7 * t) + 0.3


def cost_and_slope(q):
    A, k, c = q
    J, gA, gk, gc = 0.0, 0.0, 0.0, 0.0
    for i in range(len(t)):
        fall = np.exp(-k * t[i])
        miss = A * fall + c - seen[i]
        J += 0.5 * miss ** 2
        gA += miss * fall
        gk += -miss * A * t[i] * fall
        gc += miss
    return J, np.array([gA, gk, gc])


q = np.array([1.0, 0.2, 0.1])
for _ in range(6):
    J, g = cost_and_slope(q)
    q = q - 0.05 * g
print(J)
"""

# One network for both of a pair; the samples are drawn around five centres, and what is wanted tells of their draws.
TWICE = """\
import numpy as np

rng = np.random.RandomState(6)
centres = rng.randn(5, 4)


class Net:
    def __init__(self, sizes):
        self.W = [rng.randn(i, o) / 2 for i, o in zip(sizes, sizes[1:])]
        self.b = [np.zeros(o) for o in sizes[1:]]

    def forget(self):
        self.gW = [np.zeros_like(w) for w in self.W]
        self.gb = [np.zeros_like(b) for b in self.b]

    def forward(self, x):
        outs = [x]
        for k, (w, b) in enumerate(zip(self.W, self.b)):
            z = outs[-1] @ w + b
            outs.append(np.tanh(z) if k == 0 else z)
        return outs

    def backward(self, d, outs):
        for k in (1, 0):
            if k == 0:
                d = d * (1 - outs[1] ** 2)
            self.gW[k] += outs[k].T @ d
            self.gb[k] += d.sum(axis=0)
            d = d @ self.W[k].T


net = Net([4, 6, 2])
for _ in range(6):
    i, j = rng.randint(0, 5, 16), rng.randint(0, 5, 16)
    left = net.forward(centres[i] + 0.2 * rng.randn(16, 4))
    right = net.forward(centres[j] + 0.2 * rng.randn(16, 4))
    apart = left[-1] - right[-1]
    wanted = np.where(i == j, 0.0, 1.0)[:, None] * np.array([1.0, -1.0])
    cost = 0.5 * np.sum((apart - wanted) ** 2) / 16
    net.forget()
    net.backward((apart - wanted) / 16, left)
    net.backward(-(apart - wanted) / 16, right)
    for p, g in zip(net.W + net.b, net.gW + net.gb):
        p -= 0.1 * g
print(cost)
"""

# Every sample has a loop through time of its own, and what these come to is added up.
SAMPLES = """\
import numpy as np

rng = np.random.RandomState(8)
U, R, b, v = rng.randn(4, 2), 0.4 * rng.randn(4, 4), np.zeros(4), rng.randn(4)


def slopes(xs, goal):
    h = [np.zeros(4)]
    for x in xs:
        h.append(np.tanh(U @ x + R @ h[-1] + b))
    miss = v @ h[-1] - goal
    dU, dR, db = np.zeros_like(U), np.zeros_like(R), np.zeros_like(b)
    d = miss * v
    for t in (2, 1, 0):
        dz = d * (1 - h[t + 1] ** 2)
        dU += np.outer(dz, xs[t])
        dR += np.outer(dz, h[t])
        db += dz
        d = R.T @ dz
    return 0.5 * miss**2, [dU, dR, db, miss * h[-1]]


for _ in range(5):
    total, loss = None, 0.0
    for _ in range(3):
        cost, found = slopes(rng.randn(3, 2), rng.randn())
        loss += cost
        total = found if total is None else [a + g for a, g in zip(total, found)]
    for p, g in zip((U, R, b, v), total):
        p -= 0.1 * g / 3
print(loss)
"""

# The mistake, the program, and the line that adds what it should.
LAST = [
    ("a bias through time", STATES, "db += dz"),
    ("a recurrent weight", STATES, "dR += np"),
    ("gates in a dictionary", GATES, "db[g] += d[g]"),
    ("one constant of three", CONSTANTS, "gk += -miss"),
    ("a bias of every sample", SAMPLES, "db += dz\n"),
]


@pytest.mark.parametrize("text", [STATES, GATES, CONSTANTS, TWICE, SAMPLES])
def test_the_right_program_is_left_alone(tmp_path: Path, text: str) -> None:
    assert [f for f in findings(tmp_path, text) if f.severity != "note"] == []


@pytest.mark.parametrize(("text", "adds"), [w[1:] for w in LAST], ids=[w[0].replace(" ", "-") for w in LAST])
def test_the_line_that_keeps_only_the_last_share_is_named(tmp_path: Path, text: str, adds: str) -> None:
    assert text.count(adds) == 1
    changed = text.replace(adds, adds.replace("+=", "="))
    found = findings(tmp_path, changed, trials=True)
    assert (found[0].code, found[0].cause.line) == ("SC306", text[: text.index(adds)].count("\n") + 1)
    assert found[0].fixes[0].confidence == "verified"
    assert repaired(changed, found[0].fixes[0]) == text


def test_of_several_sums_that_keep_the_last_share_all_are_mended(tmp_path: Path) -> None:
    changed = TWICE.replace("] += ", "] = ")
    found = findings(tmp_path, changed, trials=True)
    assert {f.code for f in found} == {"SC306"}
    assert found[0].fixes[0].confidence == "verified"
    assert repaired(changed, found[0].fixes[0]) == TWICE


def test_what_is_zero_in_every_turn_is_named(tmp_path: Path) -> None:
    text = STATES.replace("(e * v + back)", "back")
    found = findings(tmp_path, text)
    assert [f.cause.line for f in found] == [text[: text.index("dz = back")].count("\n") + 1]
