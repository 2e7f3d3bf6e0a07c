"""Outputs of a softmax sent back through s * (1 - s) where no loss is computed: only the diagonal of its Jacobian."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from training_programs import blamed_line, findings, repaired

# A batch of samples, the slope written out.
ROWS = """\
import numpy as np

draw = np.random.default_rng(2)
X = draw.normal(size=(30, 4))
T = np.eye(3)[draw.integers(0, 3, 30)]
A, a, B = draw.normal(size=(4, 5)) / 2, np.zeros(5), draw.normal(size=(5, 3)) / 2
for turn in range(6):
    h = np.tanh(X @ A + a)
    scores = np.exp(h @ B)
    s = scores / scores.sum(axis=1, keepdims=True)
    g = (s - T) / 30
    d = {delta}
    e = (d @ B.T) * (1 - h * h)
    B -= 0.4 * h.T @ d
    A -= 0.4 * X.T @ e
    a -= 0.4 * e.sum(axis=0)
print(np.mean(s.argmax(axis=1) == T.argmax(axis=1)))
"""

# One sample after the other, each slope by a function, and steps that add what is left to go.
COLUMNS = """\
import numpy as np

draw = np.random.RandomState(6)


def squash(u):
    return 1 / (1 + np.exp(-u))


def shares(u):
    p = np.exp(u - u.max())
    return p / p.sum()


def rise(p):
    return p * (1 - p)


class Net:
    def __init__(self):
        self.V, self.W = draw.randn(6, 3), draw.randn({outputs}, 6)

    def learn(self, x, t):
        h = squash(self.V.dot(x))
        p = shares(self.W.dot(h))
        miss = t - p
        back = {delta}
        inner = self.W.T.dot(back) * rise(h)
        self.W += 0.3 * np.outer(back, h)
        self.V += 0.3 * np.outer(inner, x)


net = Net()
for x, k in zip(draw.randn(40, 3), draw.randint(0, {outputs}, 40)):
    net.learn(x, np.eye({outputs})[k])
print(net.W.sum())
"""

RIGHT = [
    ("rows, all of it", ROWS.format(delta="s * (g - np.sum(g * s, axis=1, keepdims=True))")),
    ("rows, a cross-entropy", ROWS.format(delta="g")),
    ("columns, all of it", COLUMNS.format(delta="p * (miss - miss.dot(p))", outputs=4)),
    ("two outputs, of which the diagonal is half of it", COLUMNS.format(delta="np.multiply(rise(p), miss)", outputs=2)),
]
WRONG = [
    ("rows", ROWS.format(delta="g * s * (1 - s)"), "d = "),
    ("columns", COLUMNS.format(delta="np.multiply(rise(p), miss)", outputs=4), "back = "),
]


@pytest.mark.parametrize("text", [r[1] for r in RIGHT], ids=[r[0].replace(" ", "-") for r in RIGHT])
def test_the_right_program_is_left_alone(tmp_path: Path, text: str) -> None:
    assert findings(tmp_path, text) == []


@pytest.mark.parametrize(("text", "line"), [w[1:] for w in WRONG], ids=[w[0] for w in WRONG])
def test_the_rest_of_the_jacobian_is_asked_for(tmp_path: Path, text: str, line: str) -> None:
    found = findings(tmp_path, text, trials=True)
    assert len(found) == 1
    assert "is only the diagonal of its Jacobian" in found[0].message
    assert line in blamed_line(text, found[0])
    assert found[0].fixes[0].confidence == "verified"
    assert findings(tmp_path, repaired(text, found[0].fixes[0])) == []


# A policy that is rewarded: what was chosen less what is likely, times how good it was.
REWARDED = """\
import numpy as np

draw = np.random.default_rng(5)
W, b, V = 0.3 * draw.normal(size=(2, 6)), np.zeros(6), 0.3 * draw.normal(size=(6, 3))
usual = 0.0
for game in range(60):
    gW, gb, gV = np.zeros_like(W), np.zeros_like(b), np.zeros_like(V)
    kept, rewards = [], []
    for turn in range(4):
        x = draw.normal(size=2)
        h = np.tanh(x @ W + b)
        u = h @ V
        p = np.exp(u - u.max()) / np.exp(u - u.max()).sum()
        a = draw.choice(3, p=p)
        kept.append((x, h, p, a))
        rewards.append(float(a == np.argmax([x[0], x[1], 0.0])))
    good = np.array(rewards) - usual
    usual = 0.9 * usual + 0.1 * np.mean(rewards)
    for (x, h, p, a), G in zip(kept, good):
        chosen = np.zeros(3)
        chosen[a] = 1
        d = (chosen - p) * G
        gV += np.outer(h, d)
        e = (V @ d) * (1 - h ** 2)
        gW += np.outer(x, e)
        gb += e
    W += 0.05 * gW
    b += 0.05 * gb
    V += 0.05 * gV
"""


def test_what_sums_to_zero_over_the_classes_is_a_derivative(tmp_path: Path) -> None:
    assert findings(tmp_path, REWARDED) == []


# A softmax in the middle of a network.
ATTENTION = """\
import numpy as np

draw = np.random.default_rng(5)
words, goals = draw.normal(size=(4, 5)), draw.normal(size=(4, 2))
Q, K, V = draw.normal(size=(5, 3)) / 2, draw.normal(size=(5, 3)) / 2, draw.normal(size=(5, 2)) / 2
for turn in range(8):
    q, k, v = words @ Q, words @ K, words @ V
    heights = np.exp(q @ k.T)
    weights = heights / heights.sum(axis=1, keepdims=True)
    miss = weights @ v - goals
    print(0.5 * np.sum(miss**2))
    d_weights = miss @ v.T
    d_scores = {delta}
    d_q, d_k = d_scores @ k, d_scores.T @ q
    Q -= 0.1 * words.T @ d_q
    K -= 0.1 * words.T @ d_k
    V -= 0.1 * words.T @ (weights.T @ miss)
"""


@pytest.mark.parametrize("delta", ["d_weights.copy()", "d_weights"])
def test_an_adjoint_handed_on_past_a_softmax_goes_back_through_it(tmp_path: Path, delta: str) -> None:
    right = "weights * (d_weights - np.sum(weights * d_weights, axis=1, keepdims=True))"
    assert findings(tmp_path, ATTENTION.format(delta=right)) == []
    (found,) = findings(tmp_path, ATTENTION.format(delta=delta), trials=True)
    assert found.cause.line == 13
    assert repaired(ATTENTION.format(delta=delta), found.fixes[0]) == ATTENTION.format(delta=right)
