"""Results that are thrown away: what only computes is told from what does something, and the old array has readers."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from training_programs import blamed_line, findings, repaired

from shapecheck.diagnose.pure_calls import PureCalls

PROGRAM = """\
import numpy as np

rng = np.random.default_rng(0)


def scaled(a, low=0.0):
    middle = a.mean(axis=0)
    out = a - middle
    out /= a.std(axis=0)
    return out + low


def shown(a):
    print(a.mean())
    return a * 2


X = rng.normal(50, 9, (30, 3))
T = (X @ np.array([[1.0], [-2.0], [0.5]]) > -30).astype(float)
{before}
W, b = rng.normal(0, 0.05, (3, 1)), np.zeros(1)
for epoch in range(12):
    p = 1 / (1 + np.exp(-(X @ W + b)))
    d = (p - T) / len(X)
    gW, gb = X.T @ d, d.sum(axis=0)
    {during}
    W -= 0.001 * gW
    b -= 0.001 * gb
print(b)
"""
KEPT = "X = (X - 50) / 9"

#     id                           before the loop        in the loop                              the statement
WRONG = [
    ("a function of one's own", "scaled(X)", "", "scaled(X)"),
    ("a calculation", "(X - X.mean(0)) / X.std(0)", "", "(X - X.mean(0))"),
    ("a clipped gradient", KEPT, "np.clip(gW, -0.01, 0.01)", "np.clip(gW"),
    ("each of several", KEPT, "for g in (gW, gb):\n        np.clip(g, -0.01, 0.01)", "np.clip(g,"),
]
#     id                           before the loop        in the loop
RIGHT = [
    ("tried before it is kept", "scaled(X)\nX = scaled(X)", ""),
    ("shown by a cell", KEPT + "\n# %%\nscaled(X)", ""),
    ("printed", KEPT + "\nshown(X)", ""),
    ("in place", KEPT, "np.clip(gW, -0.01, 0.01, out=gW)"),
    ("shuffled in place", KEPT + "\nrng.shuffle(np.arange(5))", ""),
]


@pytest.mark.parametrize(("before", "during", "line"), [w[1:] for w in WRONG], ids=[w[0] for w in WRONG])
def test_what_is_thrown_away_is_named(tmp_path: Path, before: str, during: str, line: str) -> None:
    text = PROGRAM.format(before=before, during=during)
    found = [f for f in findings(tmp_path, text) if f.code == "SC411"]
    assert len(found) == 1
    assert line in blamed_line(text, found[0])


@pytest.mark.parametrize(("before", "during"), [r[1:] for r in RIGHT], ids=[r[0] for r in RIGHT])
def test_what_has_its_use_is_left_alone(tmp_path: Path, before: str, during: str) -> None:
    assert findings(tmp_path, PROGRAM.format(before=before, during=during)) == []


def test_what_a_loop_hands_out_is_changed_itself(tmp_path: Path) -> None:
    text = PROGRAM.format(before=KEPT, during="for g in (gW, gb):\n        np.clip(g, -0.01, 0.01)")
    (found,) = findings(tmp_path, text, trials=True)
    assert found.fixes[0].confidence == "verified"
    assert "g[...] = np.clip(g, -0.01, 0.01)" in repaired(text, found.fixes[0])


#     id                          function's body                              only computes
BODIES = [
    ("a sum of its own", "t = 0.0\n    for r in a:\n        t += r.sum()\n    return t", True),
    ("its argument changed", "a -= 1\n    return a", False),
    ("a view changed", "v = a.reshape(-1)\n    v[0] = 1\n    return v", False),
    ("a copy changed", "v = a.copy()\n    v[0] = 1\n    return v", True),
    ("an attribute kept", "a.last = a + 1\n    return a + 1", False),
    ("a random number", "return a + np.random.randn(3)", False),
    ("somebody else's function", "return mystery(a)", False),
    ("its own list", "rows = []\n    for r in a:\n        rows.append(r * 2)\n    return np.array(rows)", True),
    ("a list of the caller's", "a.append(1)\n    return a + [2]", False),
    ("a global", "global seen\n    seen = a\n    return a * 2", False),
    ("another function", "return twice(a) + 1", True),
    ("written into", "return np.add(a, 1, out=a)", False),
]


@pytest.mark.parametrize(("body", "pure"), [b[1:] for b in BODIES], ids=[b[0] for b in BODIES])
def test_a_call_only_computes(body: str, pure: bool) -> None:
    text = f"import numpy as np\ndef twice(a):\n    return 2 * a\ndef f(a):\n    {body}\nf(x)\n"
    tree = ast.parse(text)
    call = tree.body[-1]
    assert isinstance(call, ast.Expr)
    assert isinstance(call.value, ast.Call)
    assert PureCalls({"f.py": tree}).only_computes(call.value) is pure
