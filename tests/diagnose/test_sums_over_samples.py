"""Gradients summed over some samples, and applied now and then: the sum begins anew after each update."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from training_programs import Edits, blamed_line, edited_text, findings, repaired

PROGRAM = """\
import numpy as np

rng = np.random.default_rng(1)
X = rng.normal(size=(40, 3))
y = np.tanh(X @ np.array([0.7, -1.1, 0.4])) + 0.3
w, c = rng.normal(size=3) * 0.1, np.zeros(1)
dw, dc = np.zeros_like(w), np.zeros_like(c)
for turn in range(3):
    for i in range(len(X)):
        out = np.tanh(w @ X[i] + c)
        delta = (out - y[i]) * (1 - out**2)
        dw += delta * X[i]
        dc += delta
        if (i + 1) % 4 == 0:
            w -= 0.1 * dw / 4
            c -= 0.1 * dc / 4
            dw = np.zeros_like(dw)
            dc = np.zeros_like(dc)
    print(turn, 0.5 * np.mean((np.tanh(X @ w + c) - y) ** 2))
"""
RESET = "            dw = np.zeros_like(dw)\n            dc = np.zeros_like(dc)\n"
STEPS = "            w -= 0.1 * dw / 4\n            c -= 0.1 * dc / 4\n"
LISTED = "            for p, g in zip((w, c), (dw, dc)):\n                p -= 0.1 * g / 4\n"
FIRST = "        if i % 4 == 0:\n            dw, dc = np.zeros_like(w), np.zeros_like(c)\n        out ="

#     id, edits, text of the blamed line
WRONG: list[tuple[str, Edits, str]] = [
    ("never reset", [(RESET, "")], "c -="),
    ("never reset, stepped in a loop", [(RESET, ""), (STEPS, LISTED)], "p -="),
]
RIGHT: list[tuple[str, Edits]] = [
    ("reset after the update", []),
    ("reset before the first of the samples", [(RESET, ""), ("        out =", FIRST)]),
]


@pytest.mark.parametrize(("edits", "line"), [w[1:] for w in WRONG], ids=[w[0].replace(" ", "-") for w in WRONG])
def test_the_sum_begins_anew_after_the_update(tmp_path: Path, edits: Edits, line: str) -> None:
    text = edited_text(PROGRAM, edits)
    (found,) = findings(tmp_path, text, trials=True)
    assert found.code == "SC403"
    assert line in blamed_line(text, found)
    mended = repaired(text, found.fixes[0])
    assert mended.count("zeros_like(") == 4
    assert findings(tmp_path, mended) == []


@pytest.mark.parametrize("edits", [r[1] for r in RIGHT], ids=[r[0].replace(" ", "-") for r in RIGHT])
def test_a_sum_that_begins_anew_is_right(tmp_path: Path, edits: Edits) -> None:
    assert findings(tmp_path, edited_text(PROGRAM, edits)) == []


# Sums over a batch, in a method of its own.
BATCHES = """\
import numpy as np

rng = np.random.default_rng(4)
X = rng.normal(size=(30, 3))
Y = np.tanh(X @ rng.normal(size=(3, 2)))
ws = [rng.normal(size=(3, 4)) * 0.6, rng.normal(size=(4, 2)) * 0.6]


def slopes(x, y):
    h = np.tanh(x @ ws[0])
    d = h @ ws[1] - y
    return [np.outer(x, ws[1] @ d * (1 - h**2)), np.outer(h, d)]


def learn(batch):
    sums = [np.zeros_like(w) for w in ws]
    for i in batch:
        for s, g in zip(sums, slopes(X[i], Y[i])):
            s += g
    for w, s in zip(ws, sums):
        w -= 0.2 * s / len(batch)


for turn in range(6):
    for start in range(0, 30, 10):
        learn(range(start, start + 10))
    print(turn, np.mean((np.tanh(X @ ws[0]) @ ws[1] - Y) ** 2))
"""
STEP = "    for w, s in zip(ws, sums):\n        w -= 0.2 * s / len(batch)\n"
WITHIN = "        for w, s in zip(ws, sums):\n            w -= 0.2 * s / len(batch)\n"
BEGUN = "    sums = [np.zeros_like(w) for w in ws]\n"
ONCE = BATCHES.replace(BEGUN, "").replace("def slopes", BEGUN.strip() + "\n\n\ndef slopes")


@pytest.mark.parametrize(
    ("text", "line"),
    [(BATCHES.replace(STEP, WITHIN), 21), (ONCE, 21)],
    ids=["stepped for each sample", "begun once"],
)
def test_a_sum_is_applied_once_and_whole(tmp_path: Path, text: str, line: int) -> None:
    (found,) = findings(tmp_path, text, trials=True)
    assert (found.code, found.location.line) == ("SC403", line)
    assert found.fixes[0].confidence == "verified"
    mended = repaired(text, found.fixes[0])
    assert BEGUN in mended
    assert findings(tmp_path, mended) == findings(tmp_path, BATCHES) == []


ENTRIES = """\
import math
import random

random.seed(3)
data = [[random.uniform(-1, 1) for _ in range(2)] for _ in range(6)]
W = [[random.gauss(0, 1) for _ in range(2)] for _ in range(3)]
V = [random.gauss(0, 1) for _ in range(3)]
for epoch in range(9):
    cost = 0.0
    dW = [[0.0] * 2 for _ in range(3)]
    dV = [0.0] * 3
    for x in data:
        h = [math.tanh(W[j][0] * x[0] + W[j][1] * x[1]) for j in range(3)]
        e = sum(V[j] * h[j] for j in range(3)) - x[0] * x[1]
        cost += 0.5 * e * e
        for j in range(3):
            dV[j] += e * h[j]
            for k in range(2):
                dW[j][k] += e * V[j] * (1 - h[j] ** 2) * x[k]
    for j in range(3):
        V[j] -= 0.02 * dV[j]
        for k in range(2):
            W[j][k] -= 0.02 * dW[j][k]
    print(epoch, cost)
"""
LISTS_BEGUN = "    dW = [[0.0] * 2 for _ in range(3)]\n    dV = [0.0] * 3\n"


def test_lists_of_numbers_begin_at_zero_together(tmp_path: Path) -> None:
    lines = LISTS_BEGUN.replace("    d", "d")
    text = ENTRIES.replace(LISTS_BEGUN, "").replace("for epoch", lines + "for epoch")
    found = findings(tmp_path, text, trials=True)[0]
    assert (found.code, found.fixes[0].confidence) == ("SC403", "verified")
    assert repaired(text, found.fixes[0]).replace(lines, "", 1) == ENTRIES


SAMPLES = """\
import numpy as np

rng = np.random.default_rng(1)
X, Y = rng.normal(size=(6, 3)), rng.normal(size=(6, 2))
U, V = rng.normal(size=(3, 4)) * 0.5, rng.normal(size=(4, 2)) * 0.5
for epoch in range(20):
    gU, gV = np.zeros_like(U), np.zeros_like(V)
    total = 0
    for x, y in zip(X, Y):
        h = np.tanh(x @ U)
        d = h @ V - y
        total += 0.5 * np.sum(d**2)
        dV = np.outer(h, d)
        dU = np.outer(x, (V @ d) * (1 - h**2))
        gV += dV
        gU += dU
    U -= 0.02 * gU
    V -= 0.02 * gV
    print(total)
"""
BOTH = "        gV += dV\n        gU += dU\n"


@pytest.mark.parametrize("outside", [BOTH, "        gU += dU\n"], ids=["all sums", "one of two"])
def test_sums_that_were_not_indented_are(tmp_path: Path, outside: str) -> None:
    text = SAMPLES.replace(outside, outside.replace("        ", "    "))
    (found,) = findings(tmp_path, text, trials=True)
    assert found.fixes[0].confidence == "verified"
    assert blamed_line(text, found).strip() == outside.splitlines()[0].strip()
    assert repaired(text, found.fixes[0]) == SAMPLES
