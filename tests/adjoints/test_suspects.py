"""Programs that are right are left alone; the same with one line wrong are blamed on that line."""

from __future__ import annotations

import pytest

from shapecheck.diagnose.applied import second_updates, truncations
from shapecheck.diagnose.gradient import diagnose_steps
from shapecheck.network.parameters import find_parameters

DEEP = """
import numpy as np
rng = np.random.default_rng(3)
X = rng.normal(size=(30, 4))
T = np.eye(3)[rng.integers(0, 3, 30)]
sizes = [4, 5, 5, 3]
Ws = [rng.normal(size=s) / 2 for s in zip(sizes, sizes[1:])]
bs = [np.zeros(n) for n in sizes[1:]]
def slope(a):
    return 1 - a ** 2
for step in range(3):
    acts = [X]
    for l in range(2):
        acts.append(np.tanh(acts[l] @ Ws[l] + bs[l]))
    z = acts[2] @ Ws[2] + bs[2]
    e = np.exp(z - z.max(axis=1, keepdims=True))
    p = e / e.sum(axis=1, keepdims=True)
    loss = -np.sum(T * np.log(p)) / len(X)
    delta = (p - T) / len(X)
    grads = []
    for l in (2, 1, 0):
        gW = acts[l].T @ delta
        gb = delta.sum(axis=0)
        grads.append((gW, gb))
        if l:
            delta = (delta @ Ws[l].T) * slope(acts[l])
    for l, (gW, gb) in zip((2, 1, 0), grads):
        Ws[l] = Ws[l] - 0.2 * gW
        bs[l] = bs[l] - 0.2 * gb
"""

TWO = """
import numpy as np
rng = np.random.default_rng(4)
m = 25
X, Y = rng.normal(size=(3, m)), (rng.random((1, m)) < 0.5) * 1.0
W1, b1 = rng.normal(size=(6, 3)), 0.1 * rng.normal(size=(6, 1))
W2, b2 = rng.normal(size=(6, 6)), 0.1 * rng.normal(size=(6, 1))
W3, b3 = rng.normal(size=(1, 6)), 0.1 * rng.normal(size=(1, 1))
for i in range(3):
    Z1 = W1 @ X + b1
    A1 = np.maximum(Z1, 0)
    Z2 = W2 @ A1 + b2
    A2 = 1 / (1 + np.exp(-Z2))
    Z3 = W3 @ A2 + b3
    loss = np.mean((Z3 - Y) ** 2)
    dZ3 = 2 * (Z3 - Y)
    dW3 = dZ3 @ A2.T / m
    db3 = dZ3.sum(axis=1, keepdims=True) / m
    dA2 = W3.T @ dZ3
    dZ2 = dA2 * A2 * (1 - A2)
    dW2 = dZ2 @ A1.T / m
    db2 = dZ2.sum(axis=1, keepdims=True) / m
    dA1 = W2.T @ dZ2
    dZ1 = dA1 * (Z1 > 0)
    dW1 = dZ1 @ X.T / m
    db1 = dZ1.sum(axis=1, keepdims=True) / m
    W1 -= 0.1 * dW1; b1 -= 0.1 * db1
    W2 -= 0.1 * dW2; b2 -= 0.1 * db2
    W3 -= 0.1 * dW3; b3 -= 0.1 * db3
"""

RNN = """
import numpy as np
rng = np.random.default_rng(5)
xs, ts = rng.normal(size=(5, 3, 1)), rng.normal(size=(5, 2, 1))
U, R, V = rng.normal(size=(4, 3)), 0.5 * rng.normal(size=(4, 4)), rng.normal(size=(2, 4))
for it in range(3):
    h = {-1: np.zeros((4, 1))}
    out = {}
    loss = 0.0
    for t in range(5):
        h[t] = np.tanh(U @ xs[t] + R @ h[t - 1])
        out[t] = V @ h[t]
        loss += 0.5 * np.sum((out[t] - ts[t]) ** 2)
    dU, dR, dV = np.zeros_like(U), np.zeros_like(R), np.zeros_like(V)
    carry = np.zeros((4, 1))
    for t in reversed(range(5)):
        dy = out[t] - ts[t]
        dV += dy @ h[t].T
        dh = V.T @ dy + carry
        dz = dh * (1 - h[t] ** 2)
        dU += dz @ xs[t].T
        dR += dz @ h[t - 1].T
        carry = R.T @ dz
    U -= 0.05 * dU
    R -= 0.05 * dR
    V -= 0.05 * dV
"""

ADAM = """
import numpy as np
rng = np.random.default_rng(6)
X, T = rng.normal(size=(20, 3)), rng.normal(size=(20, 2))
p = {"W": rng.normal(size=(3, 2)), "b": np.zeros(2)}
m = {k: np.zeros_like(v) for k, v in p.items()}
v = {k: np.zeros_like(w) for k, w in p.items()}
for t in range(1, 4):
    e = np.tanh(X @ p["W"] + p["b"]) - T
    loss = np.mean(e ** 2)
    d = e * (1 - (e + T) ** 2)
    g = {"W": X.T @ d / 20 + 0.01 * p["W"], "b": d.mean(axis=0)}
    for k in p:
        m[k] = 0.9 * m[k] + 0.1 * g[k]
        v[k] = 0.99 * v[k] + 0.01 * g[k] ** 2
        p[k] -= 0.01 * (m[k] / (1 - 0.9 ** t)) / (np.sqrt(v[k] / (1 - 0.99 ** t)) + 1e-8)
"""

#    id, program, right line, wrong line, how many parameters go wrong
MISTAKES = [
    ("slope of another function", DEEP, "return 1 - a ** 2", "return a * (1 - a)"),
    ("slope of another layer", DEEP, "* slope(acts[l])", "* slope(acts[3 - l])"),
    ("square not transposed", TWO, "dA1 = W2.T @ dZ2", "dA1 = W2 @ dZ2"),
    ("missing slope", TWO, "dZ1 = dA1 * (Z1 > 0)", "dZ1 = dA1"),
    ("slope twice", TWO, "dZ2 = dA2 * A2 * (1 - A2)", "dZ2 = dA2 * A2 * (1 - A2) * A2 * (1 - A2)"),
    ("relu slope of a sigmoid", TWO, "dZ2 = dA2 * A2 * (1 - A2)", "dZ2 = dA2 * (Z2 > 0)"),
    ("mean over the wrong axis", TWO, "db1 = dZ1.sum(axis=1, keepdims=True) / m", "db1 = dZ1.sum() / m"),
    ("activation of another layer", TWO, "dW2 = dZ2 @ A1.T / m", "dW2 = dZ2 @ A2.T / m"),
    ("1/m twice", TWO, "dZ2 = dA2 * A2 * (1 - A2)", "dZ2 = dA2 * A2 * (1 - A2) / m"),
    ("sign of one bias", TWO, "db2 = dZ2.sum(axis=1, keepdims=True) / m", "db2 = -dZ2.sum(axis=1, keepdims=True) / m"),
    ("time is not carried", RNN, "carry = R.T @ dz", "carry = R @ dz"),
    ("state of the same time", RNN, "dR += dz @ h[t - 1].T", "dR += dz @ h[t].T"),
    ("softmax over all", DEEP, "p = e / e.sum(axis=1, keepdims=True)", "p = e / e.sum(axis=0, keepdims=True)"),
    ("slope under adam", ADAM, "d = e * (1 - (e + T) ** 2)", "d = e * (1 - e ** 2)"),
]


def _lines(program, diagnoses):
    sites = [s.origin if s.origin is not None else s.site for d in diagnoses for s in d.suspects[: d.independent]]
    return [program.tape.sites[site].line for site in sites]


@pytest.mark.parametrize(("text", "right", "wrong"), [m[1:] for m in MISTAKES], ids=[m[0] for m in MISTAKES])
def test_the_wrong_line_is_the_first_suspect(run, text, right, wrong):
    assert text.count(right) == 1
    program = run(text.replace(right, wrong))
    diagnoses = diagnose_steps(program.replay, find_parameters(program.tape))
    lines = _lines(program, [d for d in diagnoses if d.suspects])
    expected = text[: text.index(right)].count("\n") + 1
    assert lines
    assert lines[0] == expected


@pytest.mark.parametrize("text", [DEEP, TWO, RNN, ADAM], ids=["deep", "two", "rnn", "adam"])
def test_right_programs_have_no_suspects(run, text):
    program = run(text)
    diagnoses = diagnose_steps(program.replay, find_parameters(program.tape))
    assert diagnoses
    for diagnosis in diagnoses:
        assert diagnosis.suspects == []
        assert all(v.is_right or v.proves_nothing for v in diagnosis.verdicts)


def test_two_independent_mistakes_each_have_a_suspect(run):
    text = TWO.replace("dA1 = W2.T @ dZ2", "dA1 = W2 @ dZ2").replace("dW3 = dZ3 @ A2.T / m", "dW3 = dZ3 @ A1.T / m")
    program = run(text)
    diagnosis = diagnose_steps(program.replay, find_parameters(program.tape))[0]
    lines = {program.tape.sites[s.site].text for s in diagnosis.suspects[: diagnosis.independent]}
    assert lines == {"W2 @ dZ2", "dZ3 @ A1.T"}


def test_entries_moved_twice(run):
    text = """
import numpy as np
rng = np.random.default_rng(0)
X, y = rng.normal(size=(9, 3)), rng.normal(size=(9, 1))
theta = rng.normal(size=(3, 1))
for i in range(3):
    e = X @ theta - y
    old = theta
    theta = theta - 0.1 * X.T @ e
    theta[0] = SOURCE[0] - 0.1 * X[:, 0] @ e
"""
    twice = run(text.replace("SOURCE", "theta"))
    found = second_updates(twice.replay, find_parameters(twice.tape))
    assert [(twice.tape.sites[s.site].line, s.entries) for s in found] == [(10, 1)]
    once = run(text.replace("SOURCE", "old"))
    assert second_updates(once.replay, find_parameters(once.tape)) == []


def test_integers_that_cut_fractions_off(run):
    text = """
import numpy as np
rewards = np.array([0, 1, 0, 1])
theta = np.zeros(4)
for i in range(3):
    returns = np.zeros_like(rewardsDTYPE)
    total = 0.0
    for t in range(4):
        total = 0.9 * total + rewards[t]
        returns[t] = total
    theta += 0.1 * (returns - theta)
"""
    cut = run(text.replace("DTYPE", ""))
    found = truncations(cut.replay, find_parameters(cut.tape))
    assert [cut.tape.sites[f.site].line for f in found] == [10]
    assert found[0].parameters == ("theta",)
    whole = run(text.replace("DTYPE", ", dtype=float"))
    assert truncations(whole.replay, find_parameters(whole.tape)) == []
