"""Two networks that descend a loss each, both losses computed before either network is moved."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.diagnose.training_programs import findings

PROGRAM = """\
import numpy as np

rng = np.random.default_rng(4)
forge, judge, hidden = rng.normal(size=(3, 4)), rng.normal(size=(5, 1)), rng.normal(size=(4, 5))
tint, bend, shift = np.zeros(4), np.zeros(5), np.zeros(1)


def look(x):
    h = np.tanh(x @ hidden + bend)
    return h, 1 / (1 + np.exp(-(h @ judge + shift)))


for turn in range(6):
    z, true = rng.normal(size=(9, 3)), rng.normal(size=(9, 4)) + 1
    fake = z @ forge + tint
    (ht, pt), (hf, pf) = look(true), look(fake)
    judged, forged = np.mean(-np.log(pt) - np.log(1 - pf)), np.mean(-np.log(pf))
    back = ((pf - 1) / 9 @ judge.T * (1 - hf**2)) @ hidden.T
    dt, df = (pt - 1) / 9, pf / 9
    et, ef = dt @ judge.T * (1 - ht**2), df @ judge.T * (1 - hf**2)
    forge -= 0.1 * z.T @ back
    tint -= 0.1 * back.sum(axis=0)
    hidden -= 0.1 * (true.T @ et + fake.T @ ef)
    bend -= 0.1 * (et + ef).sum(axis=0)
    judge -= 0.1 * (ht.T @ dt + hf.T @ df)
    shift -= 0.1 * (dt + df).sum(axis=0)
    print(judged, forged)
"""


def test_two_networks_that_share_a_forward_pass_are_right(tmp_path: Path) -> None:
    assert findings(tmp_path, PROGRAM) == []


@pytest.mark.parametrize(
    "edit",
    [
        ("ht.T @ dt + hf", "hf.T @ dt + hf"),
        ("(pf - 1) / 9 @ judge.T * (1 - hf**2)", "(pf - 1) / 9 @ judge.T * (1 - hf)"),
    ],
)
def test_a_mistake_in_one_of_them_is_found(tmp_path: Path, edit: tuple[str, str]) -> None:
    assert findings(tmp_path, PROGRAM.replace(*edit))
