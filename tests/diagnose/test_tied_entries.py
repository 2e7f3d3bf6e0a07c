"""Symmetric couplings: an entry and the one across from it are stepped as one number."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from training_programs import Edits, edited_text, findings

PROGRAM = """\
import numpy as np

rng = np.random.default_rng(7)
S = np.sign(rng.normal(size=(40, 4)) + 0.6 * rng.normal(size=(40, 1)))
J, h = np.zeros((4, 4)), np.zeros(4)
for turn in range(8):
    u = 2 * S * (S @ J + h)
    loss = np.mean(np.sum(np.log(1 + np.exp(-u)), axis=1))
    g = -2 * S / (1 + np.exp(u)) / len(S)
    dJ = S.T @ g
    dJ = dJ + dJ.T
    np.fill_diagonal(dJ, 0.0)
    J -= 0.2 * dJ
    h -= 0.2 * g.sum(axis=0)
    print(turn, loss)
"""
SUM, DIAGONAL = "    dJ = dJ + dJ.T\n", "    np.fill_diagonal(dJ, 0.0)\n"

RIGHT: list[tuple[str, Edits]] = [
    ("both entries at once", []),
    ("the diagonal too", [(DIAGONAL, "")]),
    ("each for itself", [(SUM, ""), (DIAGONAL, "")]),
]


@pytest.mark.parametrize("edits", [r[1] for r in RIGHT], ids=[r[0].replace(" ", "-") for r in RIGHT])
def test_the_slopes_of_a_pair_are_summed(tmp_path: Path, edits: Edits) -> None:
    assert findings(tmp_path, edited_text(PROGRAM, edits)) == []


def test_a_symmetric_step_that_is_no_slope_is_wrong(tmp_path: Path) -> None:
    text = edited_text(PROGRAM, [("dJ = S.T @ g\n", "dJ = (S * S).T @ g\n")])
    assert [f.code[:3] for f in findings(tmp_path, text)] == ["SC3"]
