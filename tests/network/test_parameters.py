"""Parameters are found by dataflow, in every way that people write an update; nothing else is one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from shapecheck.network.parameters import find_parameters
from shapecheck.network.strays import find_strays
from shapecheck.network.uses import value_names

DATA = """
import numpy as np
rng = np.random.default_rng(0)
X = rng.normal(size=(7, 3))
y = rng.normal(size=(7, 1))
"""

#        id, program, shapes and signs of its parameters
UPDATES = [
    ("in place", "W = rng.normal(size=(3, 1))\nfor _ in range(3):\n    W -= 0.1 * X.T @ (X @ W - y)", [((3, 1), -1)]),
    (
        "rebound under its own name",
        "W = rng.normal(size=(3, 1)) * 0.1\nfor _ in range(3):\n    W = W - 0.1 * X.T @ (X @ W - y)",
        [((3, 1), -1)],
    ),
    (
        "target minus output, added",
        "W = rng.normal(size=(3, 1))\nfor _ in range(3):\n    W += 0.1 * X.T @ (y - X @ W)",
        [((3, 1), 1)],
    ),
    (
        "weight decay in the update",
        "W = rng.normal(size=(3, 1))\nfor _ in range(3):\n    W = (1 - 0.1 * 0.01) * W - 0.1 * X.T @ (X @ W - y)",
        [((3, 1), -1)],
    ),
    (
        "attributes set by their names",
        (
            "class Net: pass\nnet = Net()\nfor k in 'AB':\n    setattr(net, 'W' + k, rng.normal(size=(3, 1)))\n"
            "for _ in range(3):\n    d = X.T @ (X @ (net.WA * net.WB) - y)\n"
            "    g = {'WA': d * net.WB, 'WB': d * net.WA}\n"
            "    for n in g:\n        setattr(net, n, getattr(net, n) - 0.1 * g[n])"
        ),
        [((3, 1), -1), ((3, 1), -1)],
    ),
    (
        "by a function that is a lambda",
        (
            "moved = lambda w, g: w - 0.1 * g\nW = rng.normal(size=(3, 1))\n"
            "for _ in range(3):\n    W = moved(W, X.T @ (X @ W - y))"
        ),
        [((3, 1), -1)],
    ),
    (
        "built keys of a dictionary",
        (
            "p = {'W1': rng.normal(size=(3, 4)), 'W2': rng.normal(size=(4, 1))}\n"
            "for _ in range(3):\n"
            "    H = np.tanh(X @ p['W1'])\n"
            "    d = H @ p['W2'] - y\n"
            "    g = {'W1': X.T @ (d @ p['W2'].T * (1 - H**2)), 'W2': H.T @ d}\n"
            "    for i in (1, 2):\n"
            "        p['W' + str(i)] = p['W' + str(i)] - 0.1 * g['W' + str(i)]"
        ),
        [((3, 4), -1), ((4, 1), -1)],
    ),
    (
        "a list made anew",
        (
            "ws = [rng.normal(size=(3, 1))]\n"
            "for _ in range(3):\n    gs = [X.T @ (X @ ws[0] - y)]\n    ws = [w - 0.1 * g for w, g in zip(ws, gs)]"
        ),
        [((3, 1), -1)],
    ),
    (
        "momentum: the velocity is no parameter",
        (
            "W = rng.normal(size=(3, 1))\nv = np.zeros((3, 1))\n"
            "for _ in range(3):\n    v = 0.9 * v - 0.1 * X.T @ (X @ W - y)\n    W += v"
        ),
        [((3, 1), 1)],
    ),
    (
        "a bias that is added to rows for nobody",
        (
            "W, b = rng.normal(size=(3, 1)), np.ones((1, 1))\nfor _ in range(3):\n    z = X @ W + b\n"
            "    for row in z:\n        row = row + b\n"
            "    d = z - y\n    W -= 0.1 * X.T @ d\n    b -= 0.1 * d.sum(axis=0)"
        ),
        [((3, 1), -1), ((1, 1), -1)],
    ),
    (
        "a parameter that grows",
        "b = np.zeros(1)\nfor _ in range(3):\n    b = b - 0.1 * (X.sum(axis=1) + b - y[:, 0])",
        [((1,), -1)],
    ),
]


@pytest.mark.parametrize(("program", "expected"), [u[1:] for u in UPDATES], ids=[u[0] for u in UPDATES])
def test_an_update_names_its_parameter(record: Callable[[str], Any], program: str, expected: list[Any]) -> None:
    tape = record(DATA + program).tape
    found = sorted((p.shape(tape), p.updates[0].sign) for p in find_parameters(tape))
    assert found == sorted(expected)


#        id                        program without any parameter
NO_UPDATES = [
    ("standardised data", "X = X - X.mean(axis=0)\nX = X / X.std(axis=0)\nX -= X.max()"),
    (
        "a residual",
        "W = np.eye(3)\nfor _ in range(3):\n    h = X\n    for _ in range(2):\n        h = h + np.tanh(h @ W)",
    ),
    ("an accumulator", "W = np.ones((3, 1))\nt = np.zeros((3, 1))\nfor x in X:\n    t += x[:, None] * (x @ W)"),
    ("distances", "d = X[:, None, :] - X[None, :, :]\nd = (d**2).sum(axis=2)"),
]


@pytest.mark.parametrize("program", [n[1] for n in NO_UPDATES], ids=[n[0] for n in NO_UPDATES])
def test_what_only_looks_like_an_update_is_none(record: Callable[[str], Any], program: str) -> None:
    assert find_parameters(record(DATA + program).tape) == []


def test_a_parameter_that_grew_is_told(record: Callable[[str], Any]) -> None:
    tape = record(DATA + UPDATES[-1][1]).tape
    (parameter,) = find_parameters(tape)
    update = parameter.grew(tape)
    assert update is not None
    assert tape.values[update.new].shape == (7,)


def test_what_a_lambda_gives_bears_the_name_that_it_is_given(record: Callable[[str], Any]) -> None:
    tape = record(DATA + "double = lambda a: 2 * a\nZ = double(X)").tape
    assert value_names(tape)[tape.operations[-1].result] == "Z"


#        id                          before the loop                     what each turn begins with          strays
SUMS = [
    ("begun anew in every step", "", "    total, s = np.zeros((1, 3)), 0.0\n", set()),
    ("kept from step to step", "total, s = np.zeros((1, 3)), 0.0\n", "", {"total"}),
]


@pytest.mark.parametrize(("before", "begun", "strays"), [s[1:] for s in SUMS], ids=[s[0] for s in SUMS])
def test_sums_that_are_begun_anew_are_no_strays(
    record: Callable[[str], Any], before: str, begun: str, strays: set[str]
) -> None:
    program = f"""{DATA}
W = np.ones((3, 1))
{before}for _ in range(4):
{begun}    for x in X:
        g = x[None, :] * float((x @ W)[0])
        total += 0.1 * g
        s += 0.1 * float(g.sum())
    W -= 0.1 * X.T @ (X @ W - y)
"""
    tape = record(program).tape
    assert [p.name for p in find_parameters(tape)] == ["W"]
    assert {p.name for p in find_strays(tape)} == strays


def test_weights_that_are_drawn_about_one_written_number_are_apart(record: Callable[[str], Any]) -> None:
    program = """
from random import Random
draw = Random(1).random
first = [[draw() - 0.5 for _ in range(3)] for _ in range(2)]
second = [draw() - 0.5 for _ in range(3)]


def summed(weights, inputs):
    total = weights[-1]
    for i in range(2):
        total += weights[i] * inputs[i]
    return total


for x in ([0.3, 0.8], [0.9, 0.2], [0.5, 0.6]):
    h = [summed(w, x) for w in first]
    error = summed(second, h) - 0.4
    deltas = [error * second[j] for j in range(2)]
    for w, inputs, d in ((second, h, error), (first[0], x, deltas[0]), (first[1], x, deltas[1])):
        for i in range(2):
            w[i] -= 0.1 * d * inputs[i]
        w[-1] -= 0.1 * d
"""
    names = [p.name for p in find_parameters(record(program).tape)]
    assert len(names) == 9
    assert "total" not in names


def test_biases_of_two_networks_made_at_one_place_are_both_parameters(record: Callable[[str], Any]) -> None:
    made = "def made():\n    return [rng.normal(size=(3, 2)), np.zeros(2)]\nfirst, second = made(), made()\n"
    turns = "    for _ in range(3):\n        d = np.tanh(X @ net[0] + net[1])\n        net[0] -= 0.1 * X.T @ d\n"
    program = (
        f"rng = np.random.default_rng(0)\n{made}for net in (first, second):\n{turns}        net[1] -= 0.1 * d.sum(0)"
    )
    assert len(find_parameters(record(DATA + program).tape)) == 4
