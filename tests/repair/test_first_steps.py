"""Gradients that nothing applies: where the step goes, and how the arrays are called there."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from shapecheck.pipeline import Request, diagnose_script
from shapecheck.repair.candidate import apply_edits
from shapecheck.repair.step_texts import in_turns, listed

LAYERS = """\
import numpy as np

rng = np.random.default_rng(0)


class Dense:
    def __init__(self, n_in, n_out):
        self.W = rng.normal(size=(n_in, n_out)) * 0.5
        self.b = np.zeros(n_out)

    def forward(self, x):
        self.x = x
        return x @ self.W + self.b

    def backward(self, grad):
        self.dW = self.x.T @ grad
        self.db = grad.sum(axis=0)
        return grad @ self.W.T


class Tanh:
    def forward(self, x):
        self.y = np.tanh(x)
        return self.y

    def backward(self, grad):
        return grad * (1 - self.y**2)


X = rng.normal(size=(30, 3))
y = np.sin(X[:, :1])
layers = [Dense(3, 4), Tanh(), Dense(4, 1)]
lr = 0.05
for epoch in range(12):
    out = X
    for layer in layers:
        out = layer.forward(out)
    grad = 2 * (out - y) / len(X)
    for layer in reversed(layers):
        grad = layer.backward(grad)
    print(epoch, np.mean((out - y) ** 2))
"""
SUMS = """\
import numpy as np

rng = np.random.default_rng(4)


class Net:
    def __init__(self):
        self.weights = [rng.normal(size=(4, 3)), rng.normal(size=(1, 4))]

    def update(self, batch, eta):
        sums = [np.zeros(w.shape) for w in self.weights]
        for x, y in batch:
            sums = [s + g for s, g in zip(sums, self.gradients(x, y))]

    def gradients(self, x, y):
        h = np.tanh(self.weights[0] @ x)
        out = np.tanh(self.weights[1] @ h)
        delta = (out - y) * (1 - out**2)
        return [self.weights[1].T @ delta * (1 - h**2) @ x.T, delta @ h.T]


data = [(x, np.tanh(x[:1] * x[1:2])) for x in rng.normal(size=(12, 3, 1))]
net = Net()
for epoch in range(3):
    for k in range(0, 12, 3):
        net.update(data[k : k + 3], 0.3)
"""
FLAT = """\
import numpy as np

rng = np.random.default_rng(7)
theta = rng.normal(size=17) * 0.5
X = rng.normal(size=(20, 3))
Y = (X[:, :1] > X[:, 1:2]) * 1.0


def cost(theta):
    W, v = theta[:12].reshape(3, 4), theta[12:16].reshape(4, 1)
    h = np.tanh(X @ W)
    p = 1 / (1 + np.exp(-(h @ v + theta[16])))
    d = (p - Y) / len(X)
    dW, dv = X.T @ (d @ v.T * (1 - h**2)), h.T @ d
    return -np.mean(np.log(np.where(Y > 0, p, 1 - p))), np.concatenate([dW.ravel(), dv.ravel(), [d.sum()]])


def descend(f, start, rate):
    for _ in range(12):
        value, slope = f(start)
        print(value)


descend(lambda t: cost(t), theta, 0.5)
"""

#     id, program, lines of the step
LOST = [
    (
        "layers of a list",
        LAYERS,
        [f"layers[{i}].{a} -= lr * layers[{i}].d{a}" for i in (0, 2) for a in "Wb"],
    ),
    ("sums over a batch", SUMS, ["for array, gradient in zip(self.weights, sums):", "array -= eta * gradient"]),
    ("one array, through a lambda", FLAT, ["start -= rate * slope"]),
]


@pytest.mark.parametrize(("program", "lines"), [row[1:] for row in LOST], ids=[row[0] for row in LOST])
def test_the_step_is_written_where_all_is_at_hand(tmp_path: Path, program: str, lines: list[str]) -> None:
    script = tmp_path / "train.py"
    script.write_text(program, encoding="utf-8")
    found = [f for f in diagnose_script(Request(str(script), script_stdout_to_stderr=True)).findings if f.fixes]
    assert [f.code for f in found] == ["SC406"]
    fix = found[0].fixes[0]
    assert fix.confidence == "verified"
    assert [line.strip() for line in fix.edits[0].replacement.splitlines()] == lines


KEYS = """\
import numpy as np

rng = np.random.default_rng(2)
p = {"W": rng.normal(size=(4, 6)), "V": rng.normal(size=(6, 1))}
X, y = rng.normal(size=(12, 4)), rng.normal(size=(12, 1))


def slopes(p):
    h = np.tanh(X @ p["W"])
    e = (h @ p["V"] - y) / len(X)
    return {"dW": X.T @ (e @ p["V"].T * (1 - h**2)), "dV": h.T @ e}


for turn in range(12):
    g = slopes(p)
    for key in p:
        p[key] = p[key] - 0.1
"""


def test_a_step_by_a_number_gets_its_gradient(tmp_path: Path) -> None:
    script = tmp_path / "train.py"
    script.write_text(KEYS, encoding="utf-8")
    (found,) = diagnose_script(Request(str(script), script_stdout_to_stderr=True)).findings
    assert (found.code, found.cause.source) == ("SC309", "p[key] - 0.1")
    assert found.fixes[0].confidence == "verified"
    assert '0.1 * g["d" + key]' in apply_edits(KEYS, found.fixes[0].edits)


#     id, what names the array, the loop, what its names hold, what names the array in every turn
TURNS = [
    ("the loop's own name", "p", "for p, g in zip(ps, gs): pass", {}, ("p",)),
    ("an attribute of it", "layer.W", "for layer in layers: pass", {}, ("layer.W",)),
    ("a key", 'net["W1"]', "for name, g in grads.items(): pass", {"name": "W1"}, ("net[name]",)),
    ("an item", 'grads["W1"]', "for name, g in grads.items(): pass", {"name": "W1"}, ("g", "grads[name]")),
    ("the end of a key", 'net["dW1"]', "for name in net: pass", {"name": "W1"}, ('net["d" + name]',)),
    ("a number in a key", 'net["W2"]', "for l in range(1, 4): pass", {"l": 2}, ('net["W" + str(l)]',)),
    ("the place before", "W[0]", "for l in range(1, 4): pass", {"l": 1}, ("W[l - 1]",)),
    ("of several that are gone over", "grads[1]", "for w, g in zip(ws, grads): pass", {}, ("g",)),
    ("that are counted", "ws[0]", "for k, (w, b) in enumerate(zip(ws, bs)): pass", {"k": 0}, ("w", "ws[k]")),
    ("another layer's", 'net["W3"]', "for l in range(1, 4): pass", {"l": 2}, ()),
]


@pytest.mark.parametrize(("text", "loop", "keys", "told"), [row[1:] for row in TURNS], ids=[row[0] for row in TURNS])
def test_a_name_that_holds_in_every_turn(text: str, loop: str, keys: dict[str, int | str], told: tuple[str]) -> None:
    tree = ast.parse(loop).body[0]
    assert isinstance(tree, ast.For)
    assert in_turns([text], tree, keys) == told


def test_what_is_to_be_added_is_not_mixed_with_what_is_subtracted() -> None:
    steps = [('p["a"]', 'g["a"]', "-"), ('p["b"]', 'g["b"]', "+")]
    assert [lines for _, lines in listed(steps, "r")] == [['p["a"] -= r * g["a"]', 'p["b"] += r * g["b"]']]
