"""Targets that the network makes itself, `reward + 0.9 * max(q(after))`: they are held fixed, and learned."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.diagnose.training_programs import blamed_line, findings, repaired

ONLINE = """\
import numpy as np

rng = np.random.default_rng(9)
A, a0, B, b0 = rng.normal(size=(6, 9)) * 0.3, np.zeros(9), rng.normal(size=(9, 2)) * 0.3, np.zeros(2)


def worth(place):
    x = np.eye(6)[place]
    h = np.tanh(x @ A + a0)
    return x, h, h @ B + b0


for episode in range(20):
    place, turns = 0, 0
    while place < 5 and turns < 20:
        x, h, q = worth(place)
        act = int(rng.integers(2))
        after = max(0, place - 1) if act == 0 else place + 1
        reward = 1.0 if after == 5 else 0.0
        target = reward + (0 if after == 5 else 0.9 * worth(after)[2].max())
        e = np.zeros(2)
        e[act] = target - q[act]
        back = (B @ e) * (1 - h**2)
        B += 0.05 * np.outer(h, e)
        b0 += 0.05 * e
        A += 0.05 * np.outer(x, back)
        a0 += 0.05 * back
        place, turns = after, turns + 1
    print(episode, turns)
"""

# What comes next is in the same batch, and the error that is held fixed in part is printed.
BATCH = """\
import numpy as np

rng = np.random.default_rng(4)
S = rng.normal(size=(40, 3))
R = S[1:, 0] * 0.5
U, u, w, c = rng.normal(size=(3, 8)) * 0.5, np.zeros(8), rng.normal(size=(8, 1)) * 0.5, np.zeros(1)
for it in range(30):
    h = np.tanh(S @ U + u)
    V = (h @ w + c)[:, 0]
    goal = R + 0.5 * V[1:]
    d = np.zeros_like(V)
    d[:-1] = (V[:-1] - goal) / len(R)
    dh = d[:, None] @ w.T * (1 - h**2)
    w -= 0.2 * h.T @ d[:, None]
    c -= 0.2 * d.sum()
    U -= 0.2 * S.T @ dh
    u -= 0.2 * dh.sum(axis=0)
    print(it, np.mean((V[:-1] - goal) ** 2))
"""

# The gradient goes through the target, too (Baird 1995).
RESIDUAL = """\
import numpy as np

rng = np.random.default_rng(2)
W, v = rng.normal(size=(5, 8)) * 0.4, rng.normal(size=8) * 0.4
for episode in range(12):
    place = 0
    while place < 4:
        after = place + rng.integers(0, 2)
        h, k = np.tanh(W[place]), np.tanh(W[after])
        e = float(after == 4) + 0.9 * (k @ v) - h @ v
        gv, g, f = e * (0.9 * k - h), -e * v * (1 - h**2), e * 0.9 * v * (1 - k**2)
        v -= 0.1 * gv
        W[place] -= 0.1 * g
        W[after] -= 0.1 * f
        place = after
    print(episode, e)
"""

#    id, program, right, wrong, code, line
WRONG = [
    ("away from the target", ONLINE, "target - q[act]", "q[act] - target", "SC402", ""),
    ("a slope", ONLINE, "(1 - h**2)", "(1 - h)", "SC301", "(1 - h)"),
    ("another layer's error", ONLINE, "np.outer(x, back)", "np.outer(x, h * back)", "", "np.outer(x, h * back)"),
    ("no slope", BATCH, "d[:, None] @ w.T * (1 - h**2)", "d[:, None] @ w.T", "SC301", "d[:, None] @ w.T"),
]


@pytest.mark.parametrize("text", [ONLINE, BATCH, RESIDUAL], ids=["online", "in one batch", "through the target"])
def test_nothing_is_said_of_what_learns_from_itself(tmp_path: Path, text: str) -> None:
    assert findings(tmp_path, text, trials=True) == []


@pytest.mark.parametrize(
    ("program", "right", "wrong", "code", "line"), [w[1:] for w in WRONG], ids=[w[0] for w in WRONG]
)
def test_the_mistake_is_named_and_mended(
    tmp_path: Path, program: str, right: str, wrong: str, code: str, line: str
) -> None:
    assert program.count(right) == 1
    text = program.replace(right, wrong)
    found = findings(tmp_path, text, trials=True)[0]
    assert found.code.startswith(code)
    assert line in blamed_line(text, found)
    assert found.fixes[0].confidence == "verified"
    assert findings(tmp_path, repaired(text, found.fixes[0])) == []
