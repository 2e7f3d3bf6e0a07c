"""Biases that are plain numbers, and moved by the learning rate itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.diagnose.training_programs import blamed_line, findings, repaired

LINE = """\
import numpy as np

np.random.seed(1)
x = np.random.rand(30, 2)
t = 3 * x[:, 0] - x[:, 1] + 0.5
w, b, eta, left = np.zeros(2), 0.0, 0.1, 12.0
for epoch in range(12):
    err = x @ w + b - t
    grad_w = x.T @ err / 30
    grad_b = err.mean()
    w = w - eta * grad_w
    b = b - eta * grad_b
    left -= 1
print(w, b, left)
"""


@pytest.mark.corpus
@pytest.mark.parametrize("text", [LINE, LINE.replace("left -= 1", "eta = eta - 0.001")])
def test_other_numbers_may_be_counted(tmp_path: Path, text: str) -> None:
    assert findings(tmp_path, text) == []


def test_the_gradient_is_missed_in_the_step(tmp_path: Path) -> None:
    text = LINE.replace("b - eta * grad_b", "b - eta")
    (found,) = findings(tmp_path, text, trials=True)
    assert (found.code, blamed_line(text, found).strip()) == ("SC309", "b = b - eta")
    assert repaired(text, found.fixes[0]) == LINE
