"""Penalties on all of a weight but its bias: the derivative that is left out, and what is too large beside it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.diagnose.training_programs import blamed_line, edited_text, findings, repaired

# A column of each weight is the bias, and is not penalised.
TWO_LAYERS = """\
import numpy as np

rng = np.random.default_rng(2)
decay, n = 0.05, 30
X = rng.uniform(-1, 1, (n, 3))
Y = np.eye(2)[(X[:, 0] > X[:, 1]).astype(int)]
U, V = rng.normal(size=(4, 4)) * 0.6, rng.normal(size=(2, 5)) * 0.6


def cost(U, V):
    a = np.hstack([np.ones((n, 1)), X])
    h = np.hstack([np.ones((n, 1)), np.tanh(a @ U.T)])
    p = 1 / (1 + np.exp(-h @ V.T))
    loss = -np.sum(Y * np.log(p) + (1 - Y) * np.log(1 - p)) / n
    loss += decay / 2 * (np.sum(U[:, 1:] ** 2) + np.sum(V[:, 1:] ** 2))
    d = p - Y
    e = d @ V[:, 1:] * (1 - h[:, 1:] ** 2)
    gU = e.T @ a / n
    gV = d.T @ h / n
    gU[:, 1:] += decay * U[:, 1:]
    gV[:, 1:] += decay * V[:, 1:]
    return loss, gU, gV


for turn in range(12):
    loss, gU, gV = cost(U, V)
    U -= 0.5 * gU
    V -= 0.5 * gV
print(loss)
"""
LOGISTIC = """\
import numpy as np

np.random.seed(9)
m, lam = 40, 2.0
X = np.column_stack([np.ones(m), np.random.randn(m, 4)])
y = (X[:, 1] > 0.4 * np.random.randn(m)) * 1.0
theta = np.random.randn(5)
for turn in range(15):
    h = 1 / (1 + np.exp(-X @ theta))
    J = -np.mean(y * np.log(h) + (1 - y) * np.log(1 - h)) + lam / (2 * m) * np.sum(theta[1:] ** 2)
    grad = X.T @ (h - y) / m
    grad[1:] += lam / m * theta[1:]
    theta -= 0.5 * grad
print(J)
"""
OF_V, OF_THETA = "    gV[:, 1:] += decay * V[:, 1:]\n", "    grad[1:] += lam / m * theta[1:]\n"
#     id, program, what it says, what it says wrongly, blamed, in the repair
WRONG = [
    ("left out beside another", TWO_LAYERS, OF_V, "", "gU[:, 1:] +=", OF_V.strip()),
    ("left out, and the loss has it", LOGISTIC, OF_THETA, "", "theta -=", OF_THETA.strip()),
    ("too large beside it", TWO_LAYERS, "gV = d.T @ h / n", "gV = d.T @ h", "gV = ", "/ n"),
]


@pytest.mark.parametrize("text", [TWO_LAYERS, LOGISTIC], ids=["two layers", "one layer"])
def test_the_right_program_is_left_alone(tmp_path: Path, text: str) -> None:
    assert findings(tmp_path, text) == []


@pytest.mark.parametrize(("text", "was", "wrong", "line", "edit"), [w[1:] for w in WRONG], ids=[w[0] for w in WRONG])
def test_the_line_is_named_and_mended(tmp_path: Path, text: str, was: str, wrong: str, line: str, edit: str) -> None:
    text = edited_text(text, [(was, wrong)])
    (found,) = findings(tmp_path, text, trials=True)
    assert line in blamed_line(text, found)
    assert found.fixes[0].confidence == "verified"
    mended = repaired(text, found.fixes[0])
    assert edit in mended
    assert findings(tmp_path, mended) == []


# A penalty within the statement of each gradient.
KEYED = """\
import numpy as np

rng = np.random.default_rng(3)
X = rng.normal(size=(20, 3))
T = np.sin(X[:, :1])
p = {"W1": rng.normal(size=(3, 5)) * 0.5, "W2": rng.normal(size=(5, 1)) * 0.5}
decay = 0.5
for turn in range(15):
    h = np.tanh(X @ p["W1"])
    d = (h @ p["W2"] - T) / len(X)
    cost = 0.5 * np.sum(d**2) * len(X) + decay / 2 * (np.sum(p["W1"] ** 2) + np.sum(p["W2"] ** 2))
    g = {}
    g["W2"] = h.T @ d + decay * p["W2"]
    d1 = d @ p["W2"].T * (1 - h**2)
    g["W1"] = X.T @ d1 + decay * p["W1"]
    for key in p:
        p[key] = p[key] - 0.1 * g[key]
    print(turn, cost)
"""


def test_a_penalty_is_added_where_the_gradient_is_made(tmp_path: Path) -> None:
    assert findings(tmp_path, KEYED) == []
    (found,) = findings(tmp_path, KEYED.replace(' + decay * p["W1"]', ""), trials=True)
    assert (found.code, found.location.line) == ("SC306", 15)
    assert "+ decay * p['W1']" in found.fixes[0].edits[0].replacement
    assert found.fixes[0].confidence == "verified"


LASSO = """\
import numpy as np

rng = np.random.default_rng(8)
X = np.insert(rng.normal(size=(40, 4)), 0, 1, axis=1)
t = X @ np.array([1.0, 2.0, -1.0, 0.0, 0.5])
w = rng.uniform(-1, 1, 5)


def slopes_of_penalty(v):
    return 0.2 * np.sign(v)


for turn in range(10):
    y = X @ w
    cost = 0.5 * np.mean((y - t) ** 2) + 0.2 * np.sum(np.abs(w[1:]))
    g = (y - t) @ X / 40
    g[1:] += slopes_of_penalty(w[1:])
    w -= 0.05 * g
    print(turn, cost)
"""


def test_what_takes_the_penalty_away_is_no_repair(tmp_path: Path) -> None:
    assert findings(tmp_path, LASSO) == []
    text = LASSO.replace("np.sign(v)", "np.sum(np.sign(v))")
    (found,) = findings(tmp_path, text, trials=True)
    assert "slopes_of_penalty" in blamed_line(text, found) or "np.sign" in blamed_line(text, found)
    verified = [repaired(text, f) for f in found.fixes if f.confidence == "verified"]
    assert verified == [LASSO]


AT_TIMES = """\
import numpy as np

rng = np.random.default_rng(1)
X = rng.normal(size=(40, 6))
t = X @ np.array([2.0, -1.0, 0.0, 0.0, 0.5, 0.0])
w = rng.uniform(-1, 1, 6)
c = 0.0


def cost():
    return np.mean((X @ w + c - t) ** 2) + 0.1 * np.sum(np.abs(w))


for turn in range(12):
    e = X @ w + c - t
    w = w - 0.05 * (2 / 40 * X.T @ e + 0.1 * np.sign(w))
    c -= 0.05 * 2 * np.mean(e)
    if turn % 5 == 0:
        print(turn, cost())
"""


@pytest.mark.parametrize(
    ("term", "derivative", "wrong"),
    [
        ("0.1 * np.sum(np.abs(w))", "0.1 * np.sign(w)", "0.1 * np.abs(w)"),
        ("0.1 * np.sum(w ** 2)", "0.1 * 2 * w", "0.1 * w ** 2"),
    ],
    ids=["sizes", "squares"],
)
def test_the_penalty_itself_beside_a_loss_computed_at_times(
    tmp_path: Path, term: str, derivative: str, wrong: str
) -> None:
    right = AT_TIMES.replace("0.1 * np.sum(np.abs(w))", term).replace("0.1 * np.sign(w)", derivative)
    assert findings(tmp_path, right) == []
    (found,) = findings(tmp_path, right.replace(derivative, wrong), trials=True)
    assert found.code == "SC303"
    assert found.fixes[0].confidence == "verified"
    assert repaired(right.replace(derivative, wrong), found.fixes[0]) == right
