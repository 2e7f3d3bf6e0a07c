"""One factor left out in several layers: each place where it is lacking is named, and all are mended together."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from training_programs import Edits, blamed_line, edited_text, findings, repaired

DROPPED = """\
import numpy as np

rng = np.random.RandomState(7)
X = rng.randn(4, 30)
T = np.sin(X[:2])
A, a = rng.randn(8, 4) / 2, np.zeros((8, 1))
B, b = rng.randn(6, 8) / 3, np.zeros((6, 1))
C, c = rng.randn(2, 6) / 3, np.zeros((2, 1))
stay, remain = 0.8, 0.5
for epoch in range(6):
    first = rng.rand(8, 30) < stay
    second = rng.rand(6, 30) < remain
    h = np.tanh(A @ X + a)
    hd = h * first / stay
    k = np.maximum(B @ hd + b, 0)
    kd = k * second / remain
    out = C @ kd + c
    loss = 0.5 * np.sum((out - T) ** 2) / 30
    d = (out - T) / 30
    gC, gc = d @ kd.T, d.sum(axis=1, keepdims=True)
    dk = (C.T @ d) * second / remain * (k > 0)
    gB, gb = dk @ hd.T, dk.sum(axis=1, keepdims=True)
    dh = (B.T @ dk) * first / stay * (1 - h**2)
    gA, ga = dh @ X.T, dh.sum(axis=1, keepdims=True)
    for p, g in ((A, gA), (a, ga), (B, gB), (b, gb), (C, gC), (c, gc)):
        p -= 0.1 * g
print(loss)
"""

#     id, edits, the lines that are named
WRONG: list[tuple[str, Edits, list[str]]] = [
    (
        "in two layers",
        [("* second / remain * (k", "* second * (k"), ("* first / stay * (1", "* first * (1")],
        ["    dk = ", "    dh = "],
    ),
    ("in the upper one", [("* second / remain * (k", "* second * (k")], ["    dk = "]),
]


@pytest.mark.parametrize(("edits", "lines"), [w[1:] for w in WRONG], ids=[w[0].replace(" ", "-") for w in WRONG])
def test_each_layer_that_lacks_its_factor_is_named(tmp_path: Path, edits: Edits, lines: list[str]) -> None:
    text = edited_text(DROPPED, edits)
    found = findings(tmp_path, text, trials=True)
    assert {f.code for f in found} == {"SC302"}
    assert sorted(text.splitlines()[f.cause.line - 1][:9] for f in found) == sorted(lines)
    assert found[0].fixes[0].confidence == "verified"
    assert findings(tmp_path, repaired(text, found[0].fixes[0])) == []


def test_all_of_them_right(tmp_path: Path) -> None:
    assert findings(tmp_path, DROPPED) == []


# One formula for all layers, each with a share of its own.
ONE_FORMULA = """\
import numpy as np

rng = np.random.RandomState(7)
X = rng.randn(30, 4)
T = np.sin(X[:, :2])
shapes, keep = [(4, 8), (8, 6), (6, 2)], [0.8, 0.5, 1.0]
Ws = [rng.randn(*shape) / 2 for shape in shapes]
for epoch in range(5):
    outs, masks = [X], []
    for W, share in zip(Ws, keep):
        masks.append((rng.rand(1, W.shape[1]) < share) * 1.0)
        z = outs[-1] @ W
        outs.append((np.tanh(z) if W is not Ws[-1] else z) * masks[-1] / share)
    loss = 0.5 * np.sum((outs[-1] - T) ** 2) / 30
    d = (outs[-1] - T) / 30
    for i in reversed(range(3)):
        if i < 2:
            h = outs[i + 1] * keep[i]
            d = d * masks[i] / keep[i]
            d = d * (1 - h**2)
        below = d @ Ws[i].T
        Ws[i] -= 0.1 * outs[i].T @ d
        d = below
"""


def test_one_formula_gives_each_layer_a_factor_of_its_own(tmp_path: Path) -> None:
    text = edited_text(ONE_FORMULA, [("d = d * masks[i] / keep[i]", "d = d * masks[i]")])
    (found,) = findings(tmp_path, text)
    assert (found.code, blamed_line(text, found).strip()) == ("SC302", "d = d * masks[i]")
