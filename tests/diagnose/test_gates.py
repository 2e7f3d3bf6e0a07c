"""Gates of a recurrent cell: in a dictionary, as parts of one array, as terms of one sum; the wrong one is mended."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from training_programs import findings, repaired

DICTIONARY = """\
import numpy as np

rng = np.random.default_rng(4)
W = {q: rng.normal(0, 0.6, (3, 5)) for q in "fig"}
b = {q: np.zeros((3, 1)) for q in "fig"}
v = rng.normal(size=(1, 3))
for turn in range(6):
    xs, wanted = rng.normal(size=(3, 2, 1)), rng.normal()
    h, c, kept = np.zeros((3, 1)), np.zeros((3, 1)), []
    for x in xs:
        both, a = np.vstack([h, x]), {}
        for q in W:
            s = W[q] @ both + b[q]
            a[q] = np.tanh(s) if q == "g" else 1 / (1 + np.exp(-s))
        old, c = c, a["f"] * c + a["i"] * a["g"]
        h = np.tanh(c)
        kept.append((both, a, old, h))
    miss = v @ h - wanted
    loss = 0.5 * np.sum(miss**2)
    dv, dh, dc = miss @ h.T, v.T @ miss, np.zeros((3, 1))
    dW = {q: np.zeros_like(W[q]) for q in W}
    db = {q: np.zeros_like(b[q]) for q in b}
    for both, a, old, h in reversed(kept):
        dc = dc + dh * (1 - h**2)
        d = {"f": dc * old, "i": dc * a["g"], "g": dc * a["i"]}
        back = 0
        for q in W:
            ds = d[q] * (1 - a[q] ** 2) if q == "g" else d[q] * a[q] * (1 - a[q])
            dW[q] += ds @ both.T
            db[q] += ds
            back = back + W[q].T @ ds
        dh, dc = back[:3], dc * a["f"]
    for q in W:
        W[q] -= 0.1 * dW[q]
        b[q] -= 0.1 * db[q]
    v -= 0.1 * dv
print(loss)
"""

ONE_ARRAY = """\
import numpy as np

rng = np.random.default_rng(5)
W, v = rng.normal(0, 0.5, (5, 9)), rng.normal(size=(3, 1))
for turn in range(6):
    xs, wanted = rng.normal(size=(3, 4, 2)), rng.normal(size=(4, 1))
    h, c, g, both = np.zeros((4, 3)), np.zeros((4, 4, 3)), np.zeros((3, 4, 9)), np.zeros((3, 4, 5))
    for t in range(3):
        both[t] = np.hstack([h, xs[t]])
        s = both[t] @ W
        g[t, :, :6] = 1 / (1 + np.exp(-s[:, :6]))
        g[t, :, 6:] = np.tanh(s[:, 6:])
        c[t + 1] = g[t, :, :3] * c[t] + g[t, :, 3:6] * g[t, :, 6:]
        h = np.tanh(c[t + 1])
    miss = (h @ v - wanted) / 4
    loss = 2 * np.sum(miss**2)
    dv, dh, dc, dW = h.T @ miss, miss @ v.T, np.zeros((4, 3)), np.zeros_like(W)
    for t in reversed(range(3)):
        f, i, n = g[t, :, :3], g[t, :, 3:6], g[t, :, 6:]
        dc = dc + dh * (1 - np.tanh(c[t + 1]) ** 2)
        ds = np.zeros((4, 9))
        ds[:, :3] = dc * c[t] * f * (1 - f)
        ds[:, 3:6] = dc * n * i * (1 - i)
        ds[:, 6:] = dc * i * (1 - n**2)
        dW += both[t].T @ ds
        dh, dc = (ds @ W.T)[:, :3], dc * f
    W -= 0.1 * dW
    v -= 0.1 * dv
print(loss)
"""

ONE_SUM = """\
import numpy as np

rng = np.random.default_rng(6)
Uz, Ur, Uc = (rng.normal(0, 0.5, (4, 4)) for _ in range(3))
Wz, Wr, Wc = (rng.normal(0, 0.5, (4, 2)) for _ in range(3))
v = rng.normal(size=4)
for turn in range(6):
    xs, wanted = rng.normal(size=(3, 2)), rng.normal()
    h, kept = np.zeros(4), []
    for x in xs:
        z = 1 / (1 + np.exp(-(Wz @ x + Uz @ h)))
        r = 1 / (1 + np.exp(-(Wr @ x + Ur @ h)))
        c = np.tanh(Wc @ x + Uc @ (r * h))
        kept.append((x, h, z, r, c))
        h = (1 - z) * h + z * c
    miss = v @ h - wanted
    loss = 0.5 * miss**2
    gUz, gUr, gUc, gWz, gWr, gWc = (np.zeros_like(p) for p in (Uz, Ur, Uc, Wz, Wr, Wc))
    gv, back = miss * h, miss * v
    for x, h, z, r, c in reversed(kept):
        dh = back
        dc = dh * z * (1 - c**2)
        dz = dh * (c - h) * z * (1 - z)
        drh = Uc.T @ dc
        dr = drh * h * r * (1 - r)
        gUc += np.outer(dc, r * h)
        gWc += np.outer(dc, x)
        gUz += np.outer(dz, h)
        gWz += np.outer(dz, x)
        gUr += np.outer(dr, h)
        gWr += np.outer(dr, x)
        back = Uz.T @ dz + Ur.T @ dr + drh * r + dh * (1 - z)
    for p, g in ((Uz, gUz), (Ur, gUr), (Uc, gUc), (Wz, gWz), (Wr, gWr), (Wc, gWc), (v, gv)):
        p -= 0.1 * g
print(loss)
"""

ROWS = """\
import numpy as np

rng = np.random.RandomState(7)
E, R, O = rng.randn(5, 4) * 0.5, rng.randn(4, 4) * 0.4, rng.randn(4, 5) * 0.5
words = [[0, 2, 1, 4], [3, 2, 0, 1], [4, 3, 1, 2]]
for turn in range(3):
    for word in words:
        hs, ps, loss = [np.zeros(4)], [], 0.0
        for k in range(3):
            hs.append(np.tanh(E[word[k]] + hs[-1] @ R))
            s = np.exp(hs[-1] @ O)
            ps.append(s / s.sum())
            loss -= np.log(ps[-1][word[k + 1]])
        dE, dR, dO, back = np.zeros_like(E), np.zeros_like(R), np.zeros_like(O), np.zeros(4)
        for k in (2, 1, 0):
            ds = ps[k].copy()
            ds[word[k + 1]] -= 1
            dO += np.outer(hs[k + 1], ds)
            da = (O @ ds + back) * (1 - hs[k + 1] ** 2)
            dR += np.outer(hs[k], da)
            dE[word[k]] += da
            back = R @ da
        E -= 0.1 * dE
        R -= 0.1 * dR
        O -= 0.1 * dO
print(loss)
"""

# The mistake, the program, and what is written for what.
WRONG = [
    ("a slope in a dictionary", DICTIONARY, "d[q] * a[q] * (1 - a[q])", "d[q] * (a[q] > 0)"),
    ("a slope in one array", ONE_ARRAY, "dc * n * i * (1 - i)", "dc * n * (1 - i**2)"),
    ("a derivative that is handed on", ROWS, "back = R @ da", "back += R @ da"),
    ("a sum for every gate", DICTIONARY, "            db[q] += ds\n", ""),
    ("a gate left out of a sum", ONE_SUM, "Uz.T @ dz + Ur.T @ dr", "Uz.T @ dz"),
    ("the path beside a gate", ONE_SUM, " + dh * (1 - z)", ""),
]
_ROWS = {w[0].replace(" ", "-"): w[1:] for w in WRONG}


@pytest.mark.parametrize("text", [DICTIONARY, pytest.param(ONE_ARRAY, marks=pytest.mark.corpus), ONE_SUM, ROWS])
def test_the_right_cell_is_left_alone(tmp_path: Path, text: str) -> None:
    assert [f for f in findings(tmp_path, text) if f.severity != "note"] == []


@pytest.mark.parametrize("name", list(_ROWS)[:2])
def test_the_wrong_gate_is_named(tmp_path: Path, name: str) -> None:
    text, right, wrong = _ROWS[name]
    (found, *_) = findings(tmp_path, text.replace(right, wrong))
    assert found.cause.line == text[: text.index(right)].count("\n") + 1


@pytest.mark.corpus
@pytest.mark.parametrize("name", _ROWS)
def test_the_wrong_gate_is_mended(tmp_path: Path, name: str) -> None:
    text, right, wrong = _ROWS[name]
    assert text.count(right) == 1
    changed = text.replace(right, wrong)
    fix = findings(tmp_path, changed, trials=True)[0].fixes[0]
    assert fix.confidence == "verified"
    assert {e.line for e in fix.edits} == {text[: text.index(right)].count("\n") + 1}
    assert findings(tmp_path, repaired(changed, fix)) == []
