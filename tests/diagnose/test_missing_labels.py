"""Cells of a recurrent network whose error is the softmax's output as it is: no gradient is right, and a cell's own
gates look like outputs that meet targets."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.diagnose.training_programs import blamed_line, findings, repaired

CELL = """\
import numpy as np

rng = np.random.default_rng(1)
letters, size = 4, 3
W = {{g: 0.5 * rng.normal(size=(size, size + letters)) for g in "zc"}}
b = {{g: np.zeros((size, 1)) for g in "zc"}}
V = rng.normal(size=(letters, size))
word = [0, 1, 2, 1, 3, 0]


def run():
    h, steps, loss = np.zeros((size, 1)), [], 0.0
    for now, following in zip(word, word[1:]):
        x = np.vstack([h, np.eye(letters)[:, [now]]])
        z = 1 / (1 + np.exp(-(W["z"] @ x + b["z"])))
        c = np.tanh(W["c"] @ x + b["c"])
        old, h = h, z * h + (1 - z) * c
        y = V @ h
        p = np.exp(y) / np.exp(y).sum()
        loss -= np.log(p[following, 0])
        steps.append((x, z, c, old, h, p, following))
    return loss, steps


for turn in range(6):
    loss, steps = run()
    dW, db = ({{g: np.zeros_like(a[g]) for g in "zc"}} for a in (W, b))
    dV, carried = np.zeros_like(V), np.zeros((size, 1))
    for x, z, c, old, h, p, following in reversed(steps):
        d = p.copy()
        {error}
        dV += d @ h.T
        dh = V.T @ d + carried
        raw = {{"z": dh * (old - c) * z * (1 - z), "c": dh * (1 - z) * (1 - c * c)}}
        carried = dh * z
        for g in "zc":
            dW[g] += raw[g] @ x.T
            db[g] += raw[g]
            carried = carried + (W[g].T @ raw[g])[:size]
    for g in "zc":
        W[g] -= 0.1 * dW[g]
        b[g] -= 0.1 * db[g]
    V -= 0.1 * dV
print(loss)
"""
UNROLLED = """\
import numpy as np

np.random.seed(5)
inputs, targets = [0, 2, 1, 3], [2, 1, 3, 0]
U, W, V = 0.3 * np.random.randn(5, 4), 0.3 * np.random.randn(5, 5), 0.3 * np.random.randn(4, 5)
for turn in range(6):
    hs, ps, loss = {{-1: np.zeros((5, 1))}}, {{}}, 0
    for t in range(4):
        hs[t] = np.tanh(U[:, [inputs[t]]] + W @ hs[t - 1])
        scores = V @ hs[t]
        ps[t] = np.exp(scores) / np.sum(np.exp(scores))
        loss += -np.log(ps[t][targets[t], 0])
    dU, dW, dV, later = np.zeros_like(U), np.zeros_like(W), np.zeros_like(V), np.zeros((5, 1))
    for t in reversed(range(4)):
        dy = np.copy(ps[t])
        {error}
        dV += dy @ hs[t].T
        raw = (V.T @ dy + later) * (1 - hs[t] ** 2)
        dU[:, inputs[t]] += raw[:, 0]
        dW += raw @ hs[t - 1].T
        later = W.T @ raw
    for parameter, gradient in ((U, dU), (W, dW), (V, dV)):
        parameter -= 0.1 * gradient
print(loss)
"""
PROGRAMS = [
    ("a cell with gates", CELL, "d[following] -= 1", "d = p.copy()"),
    ("steps by their numbers", UNROLLED, "dy[targets[t]] -= 1", "dy = np.copy(ps[t])"),
]


@pytest.mark.parametrize(("text", "error", "line"), [p[1:] for p in PROGRAMS], ids=[p[0] for p in PROGRAMS])
def test_a_target_that_is_nowhere_subtracted_is(tmp_path: Path, text: str, error: str, line: str) -> None:
    assert findings(tmp_path, text.format(error=error)) == []
    wrong = text.format(error="pass")
    (found,) = findings(tmp_path, wrong, trials=True)
    assert (found.code, blamed_line(wrong, found).strip()) == ("SC306", line)
    assert found.fixes[0].confidence == "verified"
    assert findings(tmp_path, repaired(wrong, found.fixes[0])) == []
