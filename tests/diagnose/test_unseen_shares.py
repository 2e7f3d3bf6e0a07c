"""Units computed one by one: the derivative by what they add up is held against no array of the forward pass."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.diagnose.training_programs import blamed_line, findings, repaired

ONE_BY_ONE = """\
import numpy as np

np.random.seed(2)
X = np.random.randn(12, 2)
Y = np.stack([np.sin(X[:, 0]), X[:, 0] * X[:, 1]], axis=1)
hidden, out = np.random.randn(4, 2) * 0.7, np.random.randn(2, 4) * 0.7
for epoch in range(5):
    for x, y in zip(X, Y):
        h, o = np.zeros(4), np.zeros(2)
        for j in range(4):
            h[j] = np.tanh(np.dot(hidden[j], x))
        for k in range(2):
            o[k] = np.dot(out[k], h)
        error = y - o
        delta = np.dot(out.T, error) * (1 - h**2)
        out += 0.05 * np.outer(error, h)
        hidden += 0.05 * np.outer(delta, x)
print(out)
"""


@pytest.mark.corpus
def test_a_right_program_is_left_alone(tmp_path: Path) -> None:
    assert findings(tmp_path, ONE_BY_ONE) == []


def test_what_the_product_is_made_from_is_blamed(tmp_path: Path) -> None:
    text = ONE_BY_ONE.replace("h**2", "h")
    (found,) = findings(tmp_path, text, trials=True)
    assert "delta =" in blamed_line(text, found)
    assert repaired(text, found.fixes[0]).replace("h ** 2", "h**2") == ONE_BY_ONE


def _of_one_unit() -> str:
    """The slopes are kept unit by unit, and what goes backwards goes through the last unit's weights alone."""
    kept = ONE_BY_ONE.replace("h, o = np.zeros(4), np.zeros(2)", "h, o, slopes = np.zeros(4), np.zeros(2), np.zeros(4)")
    kept = kept.replace("        for k in", "            slopes[j] = 1 - h[j] ** 2\n        for k in")
    return kept.replace("np.dot(out.T, error) * (1 - h**2)", "slopes * np.dot(error, out[:, 4 - 1])")


def test_slopes_that_are_kept_unit_by_unit_are_no_derivatives(tmp_path: Path) -> None:
    text = _of_one_unit()
    (found,) = findings(tmp_path, text)
    assert "delta =" in blamed_line(text, found)


@pytest.mark.corpus
def test_one_units_weights_become_all_units(tmp_path: Path) -> None:
    text = _of_one_unit()
    (found,) = findings(tmp_path, text, trials=True)
    assert repaired(text, found.fixes[0]) == text.replace("4 - 1]", ":4]")
