"""A broadcast in which both operands grow is seen, and one that is meant is told from one that is not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from shapecheck.network.broadcasts import outer_broadcasts

START = "import numpy as np\na = np.arange(4.0)\nc = np.arange(4.0).reshape(-1, 1)\nM = np.ones((4, 4))\n"
STEPS = "W = np.zeros((4, 4))\nfor _ in range(3):\n    "

#        id                                program                       deliberate? (None: no such broadcast)
CASES = [
    ("a vector and a column", "d = a - c", False),
    ("a row and a column", "r = np.ones((1, 4))\nd = r - c", False),
    ("spread by None", "d = a[:, None] - a[None, :]", True),
    ("spread by newaxis before", "left = a[:, np.newaxis]\nd = left * a", True),
    ("a vector made a column, and a weight's change", f"{STEPS}W -= 0.1 * (W @ a - 1) * np.transpose([a])", True),
    ("a gradient for one sample, turned", f"{STEPS}W = W - 0.1 * ((W @ c - 1).T * c).T", True),
    ("a sum of such gradients", f"{STEPS}s = np.zeros((4, 4))\n    s += (W @ c - 1) * c.T\n    W = W - s / 2", True),
    ("a product that no weight is moved by", f"{STEPS}W -= 0.1 * (np.sum((W @ c) * a) - 1) * M", False),
    ("a vector made a column before", "left = np.transpose([a])\nd = left - a", False),
    ("a bias on every row", "d = M + a", None),
    ("a column on every column", "d = M * c", None),
    ("a scalar", "d = c * 2.0", None),
    ("equal shapes", "d = c - c", None),
    ("one sample", "one = np.ones((1, 1))\nd = one - np.ones(4)", None),
]


@pytest.mark.parametrize(("program", "deliberate"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_both_operands_grow(record: Callable[[str], Any], program: str, deliberate: bool | None) -> None:
    found = outer_broadcasts(record(START + program).tape)
    assert [b.deliberate for b in found] == ([] if deliberate is None else [deliberate])
