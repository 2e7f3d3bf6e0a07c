"""Programs that train on plain numbers: several steps side by side tell what one of them cannot."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from training_programs import blamed_line, edited_text, findings, repaired

# A line through points, all of them in every step; both parameters begin with one and the same number.
LINE = """\
import random

random.seed(1)
points = [(x / 10, 0.3 * x + 1 + random.gauss(0, 0.1)) for x in range(20)]


def cost(slope, height):
    return sum((y - (slope * x + height)) ** 2 for x, y in points) / len(points)


def moved(slope, height, rate):
    by_slope = 0
    by_height = 0
    count = float(len(points))
    for x, y in points:
        by_slope += -(2 / count) * x * (y - (slope * x + height))
        by_height += -(2 / count) * (y - (slope * x + height))
    return slope - rate * by_slope, height - rate * by_height


slope = height = 0.0
for turn in range(30):
    slope, height = moved(slope, height, 0.1)
    if turn % 10 == 0:
        print(turn, cost(slope, height))
"""

# A neuron, one sample at a time.
NEURON = """\
import math

samples = [(-1.5, 0), (-0.4, 0), (0.1, 0), (0.6, 1), (0.9, 1), (1.7, 1)]
w, b = 0.1, 0.0
for turn in range(8):
    total = 0.0
    for x, y in samples:
        p = 1 / (1 + math.exp(-(w * x + b)))
        total -= y * math.log(p) + (1 - y) * math.log(1 - p)
        dz = p - y
        w -= 0.2 * dz * x
        b -= 0.2 * dz
    print(turn, total)
"""

# Two layers, one sample at a time.
CHAIN = """\
import math

w1, w2, w3, b1, b2 = 0.15, 0.2, 0.4, 0.35, 0.6
table = [(0, 0, 0), (0, 1, 1), (1, 0, 1), (1, 1, 1)]


def bent(z):
    return 1 / (1 + math.exp(-z))


for turn in range(40):
    error = 0
    for p, q, t in table:
        h = bent(w1 * p + w2 * q + b1)
        o = bent(w3 * h + b2)
        error += 0.5 * (t - o) ** 2
        do = (o - t) * o * (1 - o)
        dh = do * w3 * h * (1 - h)
        w3 -= 0.5 * do * h
        b2 -= 0.5 * do
        w1 -= 0.5 * dh * p
        w2 -= 0.5 * dh * q
        b1 -= 0.5 * dh
    if turn % 20 == 0:
        print(turn, error)
"""

# Two numbers that begin as integers, and all points at once.
FIT = """\
import numpy as np

rng = np.random.default_rng(0)
x = rng.uniform(-2, 2, 50)
y = 3 * x - 1 + rng.normal(0, 0.1, 50)
slope, height = 0, 0
for turn in range(60):
    error = slope * x + height - y
    slope -= 0.1 * (error * x).mean()
    height -= 0.1 * error.mean()
print(slope, height)
"""

# The biases begin with one number, the weights with others.
ALIKE = ("w3, b1, b2 = 0.15, 0.2, 0.4, 0.35, 0.6", "w3 = 0.15, 0.2, 0.4\nb1 = b2 = 0.0")

# A network of lists of numbers, each stepped in place; a library sums the products of two lists.
LISTS = """\
import math
import random

import numpy as np

random.seed(1)
hidden = [[random.uniform(-1, 1) for _ in range(3)] for _ in range(3)]
out = [[random.uniform(-1, 1) for _ in range(4)] for _ in range(2)]
samples = [([0.1, 0.8, 1], [0.9, 0.1]), ([0.7, 0.3, 1], [0.2, 0.5]), ([0.5, 0.9, 1], [0.7, 0.3])]


def fire(row, x):
    return 1 / (1 + math.exp(-np.inner(row, x)))


for turn in range(12):
    for x, t in samples:
        h = [fire(row, x) for row in hidden] + [1]
        y = [fire(row, h) for row in out]
        d = [(p - q) * p * (1 - p) for p, q in zip(y, t)]
        back = [h[j] * (1 - h[j]) * np.inner(d, [row[j] for row in out]) for j in range(3)]
        for row, e in zip(out, d):
            for j in range(4):
                row[j] -= 0.5 * e * h[j]
        for row, e in zip(hidden, back):
            for i in range(3):
                row[i] -= 0.5 * e * x[i]
print(out)
"""
BACK = "        back = [h[j] * (1 - h[j]) * np.inner(d, [row[j] for row in out]) for j in range(3)]\n"
STEP = "                row[j] -= 0.5 * e * h[j]\n"

RIGHT = {
    "lists of numbers": (LISTS, []),
    "all points in every step": (LINE, []),
    "a rate for each": (LINE, [("height - rate *", "height - 0.5 * rate *")]),
    "the target less the output": (NEURON, [("p - y", "y - p"), ("w -= 0.2", "w += 0.2"), ("b -= 0.2", "b += 0.2")]),
    "a weight that decays": (NEURON, [("w -= 0.2 * dz * x", "w -= 0.2 * (dz * x + 0.01 * w)")]),
    "two layers": (CHAIN, []),
    "biases that begin alike": (CHAIN, [ALIKE]),
    "from integers": (FIT, []),
    "from unpacked numbers": (FIT, [("= 0, 0", "= 0.0, 0.0")]),
    "a robust error": (FIT, [("error = slope * x + height - y", "error = np.tanh(slope * x + height - y)")]),
    "steps that get shorter": (CHAIN, [("b2 -= 0.5 * do", "b2 -= 0.5 / (1 + turn) * do")]),
}

# Of each: the program, the edits that spoil it, the code, and what the line to blame has in it.
WRONG = {
    "every step adds": (
        LINE,
        [("slope - rate", "slope + rate"), ("height - rate", "height + rate")],
        "SC402",
        "return slope + rate",
    ),
    "a sign": (LINE, [("by_height += -(2", "by_height += (2")], "SC303", "by_height += (2"),
    "an assignment": (LINE, [("by_slope += -", "by_slope = -")], "SC406", "by_slope = -"),
    "an input left out": (LINE, [("(2 / count) * x *", "(2 / count) *")], "SC305", "by_slope += -(2"),
    "an input left out of a step": (NEURON, [("dz * x", "dz")], "SC305", "w -= 0.2 * dz"),
    "a slope too many": (NEURON, [("dz = p - y", "dz = (p - y) * p * (1 + p)")], "SC309", "dz = (p - y)"),
    "the difference turned round": (CHAIN, [("do = (o - t)", "do = (t - o)")], "SC402", "do = (t - o)"),
    "a weight left out": (CHAIN, [("do * w3 * h", "do * h")], "SC301", "dh = do * h"),
    "the slope of the next layer": (
        CHAIN,
        [ALIKE, ("do * w3 * h * (1 - h)", "do * w3 * o * (1 - o)")],
        "SC309",
        "dh = do * w3 * o",
    ),
    "both steps alike": (FIT, [("(error * x).mean()", "error.mean()")], "SC309", "slope -= 0.1 * error"),
    "both steps alike, from fractions": (
        FIT,
        [("(error * x).mean()", "error.mean()"), ("= 0, 0", "= 0.0, 0.0")],
        "SC309",
        "slope -= 0.1 * error",
    ),
    "an input too many": (FIT, [("* error.mean()", "* (error * x).mean()")], "SC309", "height -= 0.1 * (error"),
    "a sum for a difference": (FIT, [("* error.mean()", "* np.mean(error + 2 * y)")], "SC309", "error + 2 * y"),
    "a step before the slopes": (LISTS, [(BACK, ""), (STEP, STEP + BACK)], "SC401", "row[j] -= 0.5"),
    "another input": (CHAIN, [("w2 -= 0.5 * dh * q", "w2 -= 0.5 * dh * p")], "SC305", "w2 -= 0.5 * dh * p"),
}

MENDED = ["every step adds", "another input", "the slope of the next layer", "both steps alike", "an input too many"]


@pytest.mark.parametrize("name", RIGHT)
def test_nothing_is_said_of_a_right_program(tmp_path, name):
    assert findings(tmp_path, edited_text(*RIGHT[name])) == []


@pytest.mark.parametrize("name", WRONG)
def test_the_line_to_blame(tmp_path, name):
    program, edits, code, line = WRONG[name]
    text = edited_text(program, edits)
    first = findings(tmp_path, text)[0]
    assert (first.code, line in blamed_line(text, first)) == (code, True), blamed_line(text, first)


@pytest.mark.parametrize("name", MENDED)
def test_what_mends_it(tmp_path, name):
    program, edits, *_ = WRONG[name]
    text = edited_text(program, edits)
    fix = findings(tmp_path, text, trials=True)[0].fixes[0]
    assert fix.confidence == "verified"
    assert findings(tmp_path, repaired(text, fix)) == []


MOVED_FIRST = """\
import math
import random

random.seed(4)
data = [([0.0, 0.0], 0.0), ([0.0, 1.0], 1.0), ([1.0, 0.0], 1.0), ([1.0, 1.0], 0.0)]
hidden = [[random.uniform(-1, 1) for _ in range(3)] for _ in range(4)]
last = [random.uniform(-1, 1) for _ in range(5)]
for epoch in range(40):
    for pair, t in data:
        x = [*pair, 1.0]
        h = [1 / (1 + math.exp(-sum(w * v for w, v in zip(row, x)))) for row in hidden] + [1.0]
        y = 1 / (1 + math.exp(-sum(w * v for w, v in zip(last, h))))
        d = (t - y) * y * (1 - y)
        for j in range(5):
            last[j] += 0.5 * d * h[j]
        for j in range(4):
            e = d * last[j] * h[j] * (1 - h[j])
            for k in range(3):
                hidden[j][k] += 0.5 * e * x[k]
"""


def test_a_weight_that_a_gradient_is_made_from_is_no_moment_of_it(tmp_path):
    (found,) = findings(tmp_path, MOVED_FIRST, trials=True)
    assert found.code == "SC401"
    assert found.fixes[0].confidence == "verified"
