"""Sums of what two uses of a value send back, of which one is right: the other is to blame, where it is made."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from training_programs import blamed_line, edited_text, findings, repaired

# Every parameter feels the state that is handed on, so that with it no gradient at all is right.
STATES = """\
import numpy as np

rng = np.random.RandomState(4)
series, goal = rng.randn(5, 3), np.sin(np.arange(5.0))
gate, mix = 0.4 * rng.randn(4, 7), 0.6 * rng.randn(4, 7)
for turn in range(8):
    states, kept = [np.zeros(4)], []
    for x in series:
        both = np.concatenate([x, states[-1]])
        g, m = 1 / (1 + np.exp(-gate @ both)), np.tanh(mix @ both)
        kept.append((both, g, m))
        states.append(g * m)
    cost, d_gate, d_mix, later = 0.0, np.zeros_like(gate), np.zeros_like(mix), np.zeros(4)
    for k in range(4, -1, -1):
        both, g, m = kept[k]
        miss = states[k + 1][0] - goal[k]
        cost += 0.5 * miss ** 2
        ds = np.zeros(4)
        ds[0] = miss
        ds = ds + later
        du, dv = ds * m * g * (1 - g), ds * g * (1 - m ** 2)
        d_gate += np.outer(du, both)
        d_mix += np.outer(dv, both)
        d_both = gate.T @ du + mix.T @ dv
        later = d_both[3:]
    gate -= 0.1 * d_gate
    mix -= 0.1 * d_mix
print(cost)
"""

# What goes round a layer as well as through it, and a normalisation that is averaged over the wrong axis's length.
AROUND = """\
import numpy as np

rng = np.random.RandomState(8)
X, y = rng.randn(12, 5), rng.randn(12, 1)
params = {"in": rng.randn(5, 6) / 2, "mid": rng.randn(6, 6) / 2, "out": rng.randn(6, 1) / 2}


def through(dn, h, mean, width):
    rows, units = h.shape
    apart = h - mean
    dv = np.sum(dn * apart, axis=1, keepdims=True) * -0.5 * width ** -3
    dm = -np.sum(dn, axis=1, keepdims=True) / width
    return dn / width + dv * 2 * apart / units + dm / units


for turn in range(6):
    h = X @ params["in"]
    mean = h.mean(axis=1, keepdims=True)
    width = np.sqrt(h.var(axis=1, keepdims=True) + 1e-6)
    n = (h - mean) / width
    wide = h + np.tanh(n @ params["mid"])
    error = wide @ params["out"] - y
    loss = (error ** 2).mean()
    d = 2 * error / len(y)
    dwide = d @ params["out"].T
    dt = dwide * (1 - np.tanh(n @ params["mid"]) ** 2)
    dh = dwide + through(dt @ params["mid"].T, h, mean, width)
    steps = {"out": wide.T @ d, "mid": n.T @ dt, "in": X.T @ dh}
    for k, step in steps.items():
        params[k] -= 0.05 * step
    print(loss)
"""

WRONG = [
    ("the wrong half of what was joined", STATES, [("later = d_both[3:]", "later = d_both[:4]")], "later = d_both"),
    (
        "averaged over the rows",
        AROUND,
        [("dv * 2 * apart / units + dm / units", "dv * 2 * apart / rows + dm / rows")],
        "return dn / width",
    ),
]


@pytest.mark.parametrize("text", [STATES, AROUND], ids=["states", "around"])
def test_the_right_program_is_left_alone(tmp_path: Path, text: str) -> None:
    assert findings(tmp_path, text) == []


@pytest.mark.parametrize(("text", "edits", "line"), [w[1:] for w in WRONG], ids=[w[0].replace(" ", "-") for w in WRONG])
def test_the_other_share_is_named_and_mended(
    tmp_path: Path, text: str, edits: list[tuple[str, str]], line: str
) -> None:
    text = edited_text(text, edits)
    found = findings(tmp_path, text, trials=True)
    assert [f.code for f in found] == ["SC305"]
    assert line in blamed_line(text, found[0])
    assert found[0].fixes[0].confidence == "verified"
    assert findings(tmp_path, repaired(text, found[0].fixes[0])) == []
