"""Programs that die of a shape, each with the line that mends it: the search finds that line, and proves it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from shapecheck.repair.search import Search
from shapecheck.repair.trial import Trials
from shapecheck.trace.process import run_program
from shapecheck.trace.run import Program

NETWORK = """\
import numpy as np

rng = np.random.default_rng(3)
X = rng.normal(size=(30, 4))
Y = (X[:, :1] * X[:, 1:2] > 0).astype(float)
W1, b1 = rng.normal(size=(4, 6)), np.zeros((1, 6))
W2, b2 = rng.normal(size=(6, 1)), np.zeros((1, 1))
for step in range(20):
    H = np.tanh(X @ W1 + b1)
    out = 1 / (1 + np.exp(-(H @ W2 + b2)))
    d2 = (out - Y) / len(X)
    d1 = (d2 @ W2.T) * (1 - H ** 2)
    dW2 = H.T @ d2
    db2 = d2.sum(axis=0, keepdims=True)
    dW1 = X.T @ d1
    db1 = d1.sum(axis=0, keepdims=True)
    W1 -= 0.5 * dW1
    b1 -= 0.5 * db1
    W2 -= 0.5 * dW2
    b2 -= 0.5 * db2
"""

# What was written in the place of what; the network's line is what the search must come back to.
MISTAKES = {
    "a transpose left out": ("(d2 @ W2.T)", "(d2 @ W2)"),
    "a transpose of the wrong operand": ("dW1 = X.T @ d1", "dW1 = X @ d1.T"),
    "a product for an elementwise one": ("* (1 - H ** 2)", "@ (1 - H ** 2)"),
    "sizes the wrong way round": ("W1, b1 = rng.normal(size=(4, 6))", "W1, b1 = rng.normal(size=(6, 4))"),
    "a bias gradient that is not summed": ("db1 = d1.sum(axis=0, keepdims=True)", "db1 = d1"),
    "the other axis": ("db1 = d1.sum(axis=0", "db1 = d1.sum(axis=1"),
    "the other layer's gradient": ("W1 -= 0.5 * dW1", "W1 -= 0.5 * dW2"),
}


def search(folder: Path, text: str) -> list[str]:
    """The edited text of the first solution, as lines; empty where there is none that is verified."""
    script = folder / "script.py"
    script.write_text(text)
    program = Program(str(script))
    run = run_program(program)
    assert run.trace is not None
    with Trials() as trials:
        solutions = Search(program, run.trace, trials, seconds=30).run()
    return solutions[0].texts[os.fspath(script)].splitlines() if solutions and solutions[0].tier == 0 else []


@pytest.mark.parametrize(("right", "wrong"), MISTAKES.values(), ids=MISTAKES.keys())
def test_the_first_repair_is_at_the_mistake(tmp_path: Path, right: str, wrong: str) -> None:
    assert NETWORK.count(right) == 1
    broken = NETWORK.replace(right, wrong)
    lines, solution = broken.splitlines(), search(tmp_path, broken)
    changed = [number for number, (old, new) in enumerate(zip(lines, solution, strict=True)) if old != new]
    at = next(number for number, line in enumerate(lines) if wrong in line)
    assert changed == [at]


def test_two_edits_are_found_together(tmp_path: Path) -> None:
    broken = NETWORK.replace("dW2 = H.T @ d2", "dW2 = H @ d2").replace("dW1 = X.T @ d1", "dW1 = X @ d1")
    assert search(tmp_path, broken) == NETWORK.splitlines()


def test_what_only_silences_the_error_is_no_repair(tmp_path: Path) -> None:
    """The shapes of a square network fit in many ways; the gradients fit in one."""
    square = NETWORK.replace("(6, 1)), np.zeros((1, 1))", "(6, 4)), np.zeros((1, 4))").replace("(4, 6)", "(4, 6)")
    square = square.replace("X[:, :1] * X[:, 1:2] > 0", "X > 0")
    broken = square.replace("dW1 = X.T @ d1", "dW1 = X @ d1")
    assert search(tmp_path, broken) == square.splitlines()
