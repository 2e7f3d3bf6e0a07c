"""A loss of two terms that is only added up where it is printed, every so many steps."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from training_programs import findings

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
