"""A number that a loop reads in every turn, and that nobody counts on: what counts hands the next one back."""

from __future__ import annotations

from pathlib import Path

from tests.diagnose.training_programs import findings, repaired

PROGRAM = """\
import numpy as np

rng = np.random.default_rng(5)
rows = [row.reshape(1, -1) for row in rng.uniform(0, 1, (6, 3))]
W, V = 0.4 * np.abs(rng.normal(size=(3, 2))), 0.4 * np.abs(rng.normal(size=(2, 3)))


def following(place, most):
    if place >= most:
        place = 0
    else:
        place += 1
    return place


place, turn = 0, 0
while turn < 30:
    x = rows[place]
    place = following(place, len(rows) - 1)
    h = np.maximum(0, x @ W)
    d = h @ V - x
    dW = x.T @ (d @ V.T * (h > 0))
    V -= 0.05 * h.T @ d
    W -= 0.05 * dW
    error = np.mean(d**2)
    turn += 1
print(error)
"""


def test_what_counts_on_has_to_be_kept(tmp_path: Path) -> None:
    assert findings(tmp_path, PROGRAM) == []
    text = PROGRAM.replace("place = following(", "following(")
    (found,) = findings(tmp_path, text, trials=True)
    assert (found.code, found.cause.source) == ("SC411", "following(place, len(rows) - 1)")
    assert found.fixes[0].confidence == "verified"
    assert repaired(text, found.fixes[0]) == PROGRAM
