"""Statements that are not there: what is never added, what is never moved, and where a gradient becomes zero."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from shapecheck.diagnose.finding import Finding
from shapecheck.pipeline import Request, diagnose_script
from shapecheck.repair.candidate import apply_edits
from shapecheck.repair.insertions import Insertion, _changed, _differences

RECURRENT = """\
import numpy as np

rng = np.random.default_rng(3)
U, R, V = rng.normal(size=(4, 2)) * 0.5, rng.normal(size=(4, 4)) * 0.4, rng.normal(size=4) * 0.5
s = np.zeros(4)


def gradients(xs, y):
    hs = [np.zeros(4)]
    for x in xs:
        hs.append(np.tanh(U @ x + R @ hs[-1] + s))
    error = V @ hs[-1] - y
    gU, gR, gs = np.zeros_like(U), np.zeros_like(R), np.zeros_like(s)
    back = error * V
    for t in reversed(range(len(xs))):
        dz = back * (1 - hs[t + 1] ** 2)
        gU += np.outer(dz, xs[t])
        gR += np.outer(dz, hs[t])
        gs += dz
        back = R.T @ dz
    return 0.5 * error**2, gU, gR, gs, error * hs[-1]


for turn in range(6):
    xs = rng.normal(size=(5, 2))
    loss, gU, gR, gs, gV = gradients(xs, xs[0].sum())
    U -= 0.1 * gU
    R -= 0.1 * gR
    s -= 0.1 * gs
    V -= 0.1 * gV
    print(loss)
"""
LAYERS = """\
import numpy as np

rng = np.random.default_rng(4)


class Net:
    def __init__(self, sizes):
        self.weights = [rng.normal(size=(m, n)) * 0.5 for m, n in zip(sizes, sizes[1:])]
        self.biases = [np.zeros(n) for n in sizes[1:]]

    def forward(self, x):
        self.acts = [x]
        for w, b in zip(self.weights, self.biases):
            x = np.tanh(x @ w + b)
            self.acts.append(x)
        return x

    def backward(self, y, rate):
        delta = (self.acts[-1] - y) / len(y)
        for i in range(len(self.weights) - 1, -1, -1):
            delta = delta * (1 - self.acts[i + 1] ** 2)
            dw, db = self.acts[i].T @ delta, delta.sum(axis=0)
            delta = delta @ self.weights[i].T
            self.weights[i] -= rate * dw
            self.biases[i] -= rate * db


X = rng.normal(size=(40, 3))
Y = np.sin(X[:, :2])
net = Net([3, 6, 2])
for turn in range(6):
    out = net.forward(X)
    print(0.5 * np.sum((out - Y) ** 2) / len(X))
    net.backward(Y, 0.3)
"""
WORDS = """\
import numpy as np

rng = np.random.default_rng(7)
table, w = rng.normal(size=(6, 4)), rng.normal(size=4)


def backward(ids, error):
    d_mean = error * w
    d_table = np.zeros_like(table)
    for i in ids:
        d_table[i] += d_mean / len(ids)
    return d_table


for turn in range(6):
    ids = rng.integers(0, 6, 5)
    mean = table[ids].mean(axis=0)
    error = mean @ w - turn / 6
    loss = 0.5 * error**2
    d_table, d_w = backward(ids, error), error * mean
    table -= 0.2 * d_table
    w -= 0.2 * d_w
    print(loss)
"""
MEMORY = """\
import numpy as np

rng = np.random.default_rng(8)
x = rng.normal(size=(30, 3))
y = np.sin(x[:, :1])
p = {"W": rng.normal(size=(3, 5)) * 0.5, "U": rng.normal(size=(5, 1)) * 0.5}
seen = {k: np.zeros_like(a) for k, a in p.items()}
for turn in range(1, 7):
    h = np.tanh(x @ p["W"])
    e = (h @ p["U"] - y) / len(x)
    g = {"W": x.T @ (e @ p["U"].T * (1 - h**2)), "U": h.T @ e}
    for k in p:
        seen[k] = 0.9 * seen[k] + 0.1 * g[k] ** 2
        root = np.sqrt(seen[k] / (1 - 0.9**turn)) + 1e-8
        p[k] -= 0.01 * g[k] / root
    print(0.5 * np.sum(e**2) * len(x))
"""
COLUMNS = """\
import numpy as np

rng = np.random.default_rng(11)
shapes = [(5, 2), (1, 5)]
mats, cols = [rng.normal(size=s) * 0.6 for s in shapes], [rng.normal(size=(s[0], 1)) * 0.1 for s in shapes]


def slopes(x, y):
    outs = [x]
    for m, c in zip(mats, cols):
        outs.append(np.tanh(m @ outs[-1] + c))
    d, found = outs[-1] - y, []
    for m, out, before in zip(mats[::-1], outs[:0:-1], outs[-2::-1]):
        d = d * (1 - out**2)
        found.append((d @ before.T, d.sum(axis=1, keepdims=True)))
        d = m.T @ d
    for_mats, for_cols = zip(*found[::-1])
    return 0.5 * np.sum((outs[-1] - y) ** 2), for_mats, for_cols


x = rng.uniform(-1, 1, (2, 12))
for turn in range(20):
    loss, for_mats, for_cols = slopes(x, x[:1] * x[1:])
    for m, c, dm, dc in zip(mats, cols, for_mats, for_cols):
        m -= 0.1 * dm
        c -= 0.1 * dc
print(loss)
"""
DELTAS = """\
import numpy as np

rng = np.random.default_rng(15)
ws = [rng.normal(size=(4, 4)) * 0.7 for _ in range(3)]
x = rng.normal(size=(25, 4))
y = 1 / (1 + np.exp(-x[:, ::-1]))
for turn in range(10):
    outs = [x]
    for w in ws:
        outs.append(1 / (1 + np.exp(-(outs[-1] @ w))))
    d = (outs[-1] - y) / len(x)
    kept = [d]
    for w, a in zip(ws[:0:-1], outs[-2:0:-1]):
        d = d @ w.T * a * (1 - a)
        kept.append(d)
    for w, a, d in zip(ws, outs, kept[::-1]):
        w -= 0.5 * a.T @ d
"""
MAKE, PUT = "        d = d @ w.T * a * (1 - a)\n", "        kept.append(d)\n"
KEEP = "        seen[k] = 0.9 * seen[k] + 0.1 * g[k] ** 2\n"
ROOT = "        root = np.sqrt(seen[k] / (1 - 0.9**turn)) + 1e-8\n"

#     id, program, what is there, what is there instead, a text of the line to blame, code
LEFT_OUT = [
    ("an addition", RECURRENT, "        gR += np.outer(dz, hs[t])\n", "", "gs += dz", "SC406"),
    ("biases of all layers", LAYERS, "            self.biases[i] -= rate * db\n", "", "weights[i] -=", "SC406"),
    ("weights of all layers", COLUMNS, "        m -= 0.1 * dm\n", "        pass\n", "pass", "SC406"),
    ("an addition to rows", WORDS, "d_table[i] += d_mean / len(ids)", "pass", "pass", "SC406"),
    ("a memory too late", MEMORY, KEEP + ROOT, ROOT + KEEP, "0.1 * g[k]", "SC401"),
    ("deltas kept before they are made", DELTAS, MAKE + PUT, PUT + MAKE, "kept.append(d)", "SC401"),
    ("a path", LAYERS, "delta @ self.weights[i].T", "0 * (delta @ self.weights[i].T)", "0 *", "SC302"),
    ("all but the last addition", RECURRENT, "gU += np.outer(dz, xs[t])", "gU = np.outer(dz, xs[t])", "gU =", "SC306"),
    (
        "an addition is there twice",
        RECURRENT,
        "        gs += dz\n",
        "        gs += dz\n        gs += dz\n",
        "gs += dz",
        "SC406",
    ),
]


def diagnosed(folder: Path, text: str) -> list[Finding]:
    script = folder / "script.py"
    script.write_text(text)
    return [f for f in diagnose_script(Request(str(script), search_seconds=60.0)).findings if f.severity != "note"]


def calculated(text: str) -> str:
    """A program's code without the order in which statements of one block add to different arrays."""
    return "\n".join(sorted(line.strip() for line in ast.unparse(ast.parse(text)).split("\n")))


@pytest.mark.parametrize(
    ("program", "there", "instead", "blamed", "code"), [m[1:] for m in LEFT_OUT], ids=[m[0] for m in LEFT_OUT]
)
def test_what_was_left_out_is_written_again(
    tmp_path: Path, program: str, there: str, instead: str, blamed: str, code: str
) -> None:
    assert program.count(there) == 1
    text = program.replace(there, instead)
    found = diagnosed(tmp_path, text)
    assert [f.code for f in found] == [code]
    assert blamed in text.splitlines()[found[0].cause.line - 1]
    best = found[0].fixes[0]
    assert best.confidence == "verified"
    assert calculated(apply_edits(text, best.edits)) == calculated(program)


@pytest.mark.parametrize("program", [RECURRENT, MEMORY, COLUMNS], ids=["recurrent", "memory", "columns"])
def test_nothing_is_said_where_nothing_is_left_out(tmp_path: Path, program: str) -> None:
    assert diagnosed(tmp_path, program) == []


#     id, one array's name, the other's, how the first is called at a statement, the second there
NAMES = [
    ("plain", "W1", "b1", "W1", "b1"),
    ("attribute", "self.w_in", "self.b_in", "net.w_in", "net.b_in"),
    ("key", "p['W2']", "p['b2']", 'params["W2"]', 'params["b2"]'),
    ("key put together", "p['W2']", "p['b2']", 'params["W" + str(l)]', 'params["b" + str(l)]'),
    ("element of another list", "self.weights[0]", "self.biases[0]", "self.weights[i]", "self.biases[i]"),
    ("built otherwise", "W1", "p['b1']", "W1", "W1"),
]


@pytest.mark.parametrize(("one", "other", "spoken", "wanted"), [n[1:] for n in NAMES], ids=[n[0] for n in NAMES])
def test_an_array_is_called_as_its_neighbour_is(one: str, other: str, spoken: str, wanted: str) -> None:
    changes = _differences(one, other)
    assert (_changed(spoken, changes) if changes else spoken) == wanted


@pytest.mark.parametrize(
    ("in_place", "value", "line"),
    [
        (True, "rate * g", "    b -= rate * g\n"),
        (False, "rate * g", "    b = b - rate * g\n"),
        (False, "g + decay", "    b = b - (g + decay)\n"),
    ],
    ids=["in place", "a product", "a sum"],
)
def test_the_statement_is_written_as_its_neighbour_is(in_place: bool, value: str, line: str) -> None:
    neighbour = ast.parse("if 1:\n    w -= rate * gw\n").body[0].body[0]  # type: ignore[attr-defined]
    insertion = Insertion("net.py", neighbour, False, None, "    ", "b", "-", in_place, moves=True)
    (edit,) = insertion.candidate(value, 1.0).edits
    assert (edit.line, edit.column, edit.replacement) == (3, 1, line)
