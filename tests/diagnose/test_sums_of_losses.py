"""A loss of two terms that is only added up where it is printed, every so many steps, or nowhere."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from training_programs import Edits, blamed_line, edited_text, findings, repaired

TWO_TERMS = """\
import numpy as np

rng = np.random.RandomState(3)
X = rng.randn(20, 4)
T = np.tanh(X @ rng.randn(4, 3))
A, a, B, b = rng.randn(4, 5) * 0.5, np.zeros(5), rng.randn(5, 3) * 0.5, np.zeros(3)
for turn in range(12):
    code = X @ A + a
    h = np.tanh(code)
    o = h @ B + b
    fit = 0.5 * np.sum((o - T) ** 2) / len(X)
    spread = 0.5 * np.sum(code**4) / len(X)
    d = (o - T) / len(X)
    d_code = d @ B.T * (1 - h**2) + 0.1 * 2 * code**3 / len(X)
    B -= 0.05 * h.T @ d
    b -= 0.05 * d.sum(axis=0)
    A -= 0.05 * X.T @ d_code
    a -= 0.05 * d_code.sum(axis=0)
    if turn % 6 == 0:
        print(fit + 0.1 * spread)
"""


def test_steps_between_two_printed_losses_are_right(tmp_path: Path) -> None:
    assert findings(tmp_path, TWO_TERMS) == []


# The two terms are gathered over the batches of a turn, and printed side by side.
APART = """\
import numpy as np

rng = np.random.RandomState(4)
X = rng.randn(24, 4)
A, B, C = rng.randn(4, 3) * 0.4, rng.randn(4, 3) * 0.4, rng.randn(3, 4) * 0.4
a, b, c = np.zeros(3), np.zeros(3), np.zeros(4)


def follow(x, rate):
    m, v = x @ A + a, x @ B + b
    noise = rng.randn(*m.shape)
    z = m + np.exp(0.5 * v) * noise
    out = z @ C + c
    n = len(x)
    fit = 0.5 * np.sum((out - x) ** 2) / n
    prior = -0.5 * np.sum(1 + v - m**2 - np.exp(v)) / n
    d = (out - x) / n
    dz = d @ C.T
    dm = dz + 0.2 * m / n
    dv = dz * noise * 0.5 * np.exp(0.5 * v) + 0.2 * 0.5 * (np.exp(v) - 1) / n
    for p, g in ((C, z.T @ d), (c, d.sum(0)), (A, x.T @ dm), (a, dm.sum(0)), (B, x.T @ dv), (b, dv.sum(0))):
        p -= rate * g
    return fit, prior


for turn in range(6):
    fits = priors = 0.0
    for start in range(0, 24, 8):
        fit, prior = follow(X[start : start + 8], 0.05)
        fits += fit / 3
        priors += prior / 3
    print(fits, priors)
"""
WRONG: dict[str, Edits] = {
    "the sign of the one term": [("0.5 * (np.exp(v) - 1)", "0.5 * (1 - np.exp(v))")],
    "a factor of the other": [("dz * noise * 0.5 * np.exp", "dz * 0.5 * np.exp")],
}


def test_steps_that_follow_two_losses_side_by_side_are_right(tmp_path: Path) -> None:
    assert findings(tmp_path, APART) == []


@pytest.mark.parametrize("name", WRONG)
def test_what_does_not_follow_both_losses_is_to_blame(tmp_path: Path, name: str) -> None:
    text = edited_text(APART, WRONG[name])
    found = findings(tmp_path, text, trials=True)
    assert ["dv =" in blamed_line(text, f) for f in found] == [True]
    assert found[0].fixes[0].confidence == "verified"
    assert findings(tmp_path, repaired(text, found[0].fixes[0])) == []
