"""Training steps that were not indented, so that they are made once, after the loop."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.diagnose.training_programs import blamed_line, findings, repaired

PROGRAM = """\
import numpy as np

rng = np.random.default_rng(1)
X, Y = rng.normal(size=(12, 3)), rng.normal(size=(12, 2))
U, V = rng.normal(size=(3, 4)), rng.normal(size=(4, 2))


def predict(x):
    h = np.tanh(x @ U)
    return h, h @ V


for epoch in range({turns}):
    h, out = predict(X)
    # what was missed by
    d = (out - Y) / len(X)
    gV = h.T @ d
    gU = X.T @ (d @ V.T * (1 - h**2))

    V -= 0.1 * gV
    U -= 0.1 * gU
    if epoch % 5 == 0:
        print(epoch, np.sum(d**2))
print(predict(X)[1][:2])
"""
LINES = PROGRAM.splitlines(keepends=True)


def outside(first: str, turns: int) -> str:
    """The program with what the loop does from a line on after it."""
    start = next(n for n, line in enumerate(LINES) if first in line)
    end = next(n for n, line in enumerate(LINES) if line.startswith("print"))
    return "".join(s[4:] if start <= n < end and s.strip() else s for n, s in enumerate(LINES)).format(turns=turns)


@pytest.mark.parametrize(
    ("first", "turns"),
    [("d = (out", 20), pytest.param("d = (out", 9000, marks=pytest.mark.corpus), ("V -= 0.1", 20)],
    ids=["all of it", "beyond what is recorded", "the updates"],
)
def test_a_step_after_the_loop_is_named_and_indented(tmp_path: Path, first: str, turns: int) -> None:
    text = outside(first, turns)
    (found,) = findings(tmp_path, text, trials=True)
    assert found.code == "SC406"
    assert first in blamed_line(text, found)
    assert found.fixes[0].confidence == "verified"
    assert repaired(text, found.fixes[0]).splitlines()[-9:] == PROGRAM.format(turns=turns).splitlines()[-9:]


def test_a_loop_that_warms_up_is_no_training(tmp_path: Path) -> None:
    warm = "for _ in range(30):\n    h, out = predict(X)\n"
    first, rest = PROGRAM.format(turns=20).split("for epoch", maxsplit=1)
    assert findings(tmp_path, f"{first}{warm}for epoch{rest}") == []


@pytest.mark.corpus
def test_one_step_by_hand_after_what_was_only_repeated_is_told_with_a_proof_alone(tmp_path: Path) -> None:
    assert findings(tmp_path, outside("d = (out", 9000)) == []
