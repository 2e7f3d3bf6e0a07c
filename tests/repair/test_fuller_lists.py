"""Lists that an update goes through, with the arrays added that they leave out."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.diagnose.training_programs import blamed_line, findings, repaired

PROGRAM = """\
import numpy as np

rng = np.random.default_rng(5)
X = rng.normal(size=(30, 3))
Y = np.tanh(X @ rng.normal(size=(3, 2)) + 0.5)
U, u = rng.normal(size=(3, 4)) * 0.5, np.zeros(4)
V, v = rng.normal(size=(4, 2)) * 0.5, np.zeros(2)
net = {{"U": U, "u": u, "V": V, "v": v}}
for epoch in range(6):
    h = np.tanh(X @ net["U"] + net["u"])
    d = (h @ net["V"] + net["v"] - Y) / len(X)
    e = d @ net["V"].T * (1 - h**2)
    gU, gu, gV, gv = X.T @ e, e.sum(axis=0), h.T @ d, d.sum(axis=0)
    slopes = {{"U": gU, "u": gu, "V": gV, "v": gv}}
    for {turns}:
        {step}
    print(0.5 * np.mean(np.sum((d * len(X)) ** 2, axis=1)))
"""
KEYS = ('key in ["U", "V"]', "net[key] -= 0.3 * slopes[key]", '"U", "u", "V", "v"')
ROWS = [
    pytest.param(*KEYS, id="keys"),
    pytest.param("w, g in [(U, gU), (V, gV)]", "w -= 0.3 * g", "(u, gu)", id="pairs", marks=pytest.mark.corpus),
    pytest.param("w, g in zip((U, V), (gU, gV))", "w -= 0.3 * g", "(gU, gu, gV, gv)", id="lists"),
]


@pytest.mark.parametrize(("turns", "step", "added"), ROWS)
def test_what_a_list_leaves_out_is_added(tmp_path: Path, turns: str, step: str, added: str) -> None:
    text = PROGRAM.format(turns=turns, step=step)
    (found,) = findings(tmp_path, text, trials=True)
    assert turns in blamed_line(text, found)
    assert found.fixes[0].confidence == "verified"
    mended = repaired(text, found.fixes[0])
    assert added in mended
    assert findings(tmp_path, mended) == []
