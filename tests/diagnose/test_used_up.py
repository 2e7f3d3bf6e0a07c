"""Iterators that one pass uses up: the loop that finds nothing in its second turn is named, and right ones are not."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from training_programs import Edits, blamed_line, edited_text, findings, repaired

DRAWN = """\
import numpy as np

rng = np.random.default_rng(2)
X = rng.normal(size=(12, 2))
T = X[:, :1] * 0.5 - X[:, 1:]


def some(size):
    order = rng.permutation(12)
    for k in range(0, 12, size):
        yield X[order[k : k + size]], T[order[k : k + size]]


w, epochs = rng.normal(size=(2, 1)), 6
parts = some(4)
for epoch in range(epochs):
    total = 0.0
    for x, t in parts:
        error = x @ w - t
        total += 0.5 * np.sum(error**2)
        w -= 0.05 * x.T @ error
    print(total)
"""

PAIRED = """\
import numpy as np

rng = np.random.default_rng(3)
xs, ts = rng.normal(size=(8, 3)), rng.normal(size=(8, 2))


class Net:
    def __init__(self):
        self.w = rng.normal(size=(2, 3))

    def fit(self, samples, turns=4, rate=0.05):
        for turn in range(turns):
            for x, t in samples:
                d = self.w @ x - t
                cost = 0.5 * np.sum(d**2)
                self.w -= rate * np.outer(d, x)
        return cost


net = Net()
print(net.fit(zip(xs, ts), rate=0.1))
"""

#     id, program, edits, the line to blame, text of the program after the repair
WRONG: list[tuple[str, str, Edits, str, str]] = [
    (
        "a generator",
        DRAWN,
        [],
        "    for x, t in parts:",
        "    total = 0.0\n    parts = some(4)\n    for x, t in parts:",
    ),
    (
        "an expression",
        DRAWN,
        [("parts = some(4)", "parts = ((x[None], t[None]) for x, t in zip(X, T))")],
        "    for x, t in parts:",
        "    total = 0.0\n    parts = ((x[None], t[None]) for x, t in zip(X, T))\n",
    ),
    ("handed to a method", PAIRED, [], "print(net.fit(zip(xs, ts), rate=0.1))", "net.fit(list(zip(xs, ts)), rate=0.1)"),
]

#     id, program, edits
RIGHT: list[tuple[str, str, Edits]] = [
    ("made in each turn", DRAWN, [("parts = some(4)\n", ""), ("in parts", "in some(4)")]),
    ("made anew at the end of each", DRAWN, [("    print(total)\n", "    print(total)\n    parts = some(4)\n")]),
    ("a list", DRAWN, [("parts = some(4)", "parts = list(some(4))")]),
    ("one turn", DRAWN, [("epochs = rng.normal(size=(2, 1)), 6", "epochs = rng.normal(size=(2, 1)), 1")]),
    (
        "taken up where it was left",
        DRAWN,
        [
            ("    order = rng.permutation(12)\n    for", "    order = rng.permutation(12)\n    while True:\n     for"),
            ("error\n    print", "error\n        break\n    print"),
        ],
    ),
    ("one turn, by the call", PAIRED, [("rate=0.1", "turns=1")]),
    ("a list handed over", PAIRED, [("zip(xs, ts)", "[*zip(xs, ts)]")]),
]


@pytest.mark.parametrize(
    ("program", "edits", "line", "mended"), [w[1:] for w in WRONG], ids=[w[0].replace(" ", "-") for w in WRONG]
)
def test_the_loop_that_finds_nothing_is_named(
    tmp_path: Path, program: str, edits: Edits, line: str, mended: str
) -> None:
    text = edited_text(program, edits)
    (found,) = findings(tmp_path, text, trials=True)
    assert (found.code, blamed_line(text, found)) == ("SC409", line)
    assert found.fixes[0].confidence == "verified"
    assert mended in repaired(text, found.fixes[0])


@pytest.mark.parametrize(("program", "edits"), [r[1:] for r in RIGHT], ids=[r[0].replace(" ", "-") for r in RIGHT])
def test_what_is_gone_through_again_may_be_there_again(tmp_path: Path, program: str, edits: Edits) -> None:
    assert findings(tmp_path, edited_text(program, edits)) == []
