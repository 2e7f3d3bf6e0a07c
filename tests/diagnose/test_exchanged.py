"""Right gradients that each reach another parameter, for several results are taken up in another order than given."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from training_programs import blamed_line, edited_text, findings, repaired

SQUARES = """\
import numpy as np

rng = np.random.RandomState(2)
mats = {"in": rng.randn(6, 6) * 0.4, "out": rng.randn(6, 6) * 0.4}
offs = {"in": np.zeros(6), "out": np.zeros(6)}
X = rng.randn(20, 6)
T = np.tanh(X @ rng.randn(6, 6))


def slopes(h, o):
    d = (o - T) / len(X)
    g_out, b_out = h.T @ d, d.sum(0)
    d = d @ mats["out"].T * (1 - h**2)
    g_in, b_in = X.T @ d, d.sum(0)
    found = {"in": g_in, "out": g_out}
    return found, b_in, b_out


for _ in range(5):
    h = np.tanh(X @ mats["in"] + offs["in"])
    o = h @ mats["out"] + offs["out"]
    g, b_in, b_out = slopes(h, o)
    for k in mats:
        mats[k] -= 0.1 * g[k]
    offs["in"] -= 0.1 * b_in
    offs["out"] -= 0.1 * b_out
print(o)
"""

CHAIN = """\
import numpy as np

rng = np.random.RandomState(4)


class Chain:
    def __init__(self):
        self.first, self.second, self.third = (rng.randn(5, 5) * 0.4 for _ in range(3))

    def slopes(self, x, t):
        one = np.tanh(self.first @ x)
        two = np.tanh(self.second @ one)
        d = self.third @ two - t
        third = np.outer(d, two)
        d = self.third.T @ d * (1 - two**2)
        second = np.outer(d, one)
        return np.outer(self.second.T @ d * (1 - one**2), x), second, third


chain = Chain()
for x, t in rng.randn(8, 2, 5):
    a, b, c = chain.slopes(x, t)
    chain.first -= 0.05 * a
    chain.second -= 0.05 * b
    chain.third -= 0.05 * c
"""

#        id                             program, as it is, as it is spoilt
WRONG = [
    ("names that are unpacked into", CHAIN, "a, b, c = chain", "c, b, a = chain"),
    ("a tuple that is handed back", SQUARES, "g, b_in, b_out = slopes", "g, b_out, b_in = slopes"),
]


@pytest.mark.parametrize(("text", "was", "wrong"), [w[1:] for w in WRONG], ids=[w[0] for w in WRONG])
def test_the_statement_is_named(tmp_path: Path, text: str, was: str, wrong: str) -> None:
    changed = edited_text(text, [(was, wrong)])
    first = findings(tmp_path, changed)[0]
    assert wrong in blamed_line(changed, first), (first.code, blamed_line(changed, first))


def test_a_dictionary_is_put_right(tmp_path: Path) -> None:
    wrong = edited_text(SQUARES, [('"in": g_in, "out": g_out', '"in": g_out, "out": g_in')])
    found = findings(tmp_path, wrong, trials=True)
    assert found[0].code == "SC305"
    assert found[0].fixes[0].confidence == "verified"
    assert repaired(wrong, found[0].fixes[0]) == SQUARES
