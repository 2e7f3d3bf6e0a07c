"""Differences of one array and itself, which has two names: the second one is named, and a copy is kept there."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.diagnose.training_programs import blamed_line, findings, repaired

Q_LEARNING = """\
import numpy as np

rng = np.random.default_rng(1)
A, B = rng.normal(0, 0.4, (4, 6)), rng.normal(0, 0.4, (6, 2))


def values(s):
    h = np.tanh(np.eye(4)[s] @ A)
    return h, h @ B


def goals(q, a, seen):
    q[np.arange(8), a] = seen
    return q


for step in range(20):
    s, after, a = rng.integers(0, 4, 8), rng.integers(0, 4, 8), rng.integers(0, 2, 8)
    seen = (after == 3) + 0.9 * values(after)[1].max(axis=1)
    h, q = values(s)
    {goal}
    d = (q - goal) / 8
    below = d @ B.T * (1 - h**2)
    B -= 0.2 * h.T @ d
    A -= 0.2 * np.eye(4)[s].T @ below
print(A.sum(), B.sum())
"""
UNTIL_IT_STANDS = """\
import numpy as np

rng = np.random.default_rng(2)
X = rng.normal(size=(40, 3))
t = X @ np.array([1.0, -2.0, 0.5])
w = np.zeros(3)
for epoch in range(200):
    {kept}
    w -= 0.1 * X.T @ (X @ w - t) / len(X)
    if np.max(np.abs(w - before)) < 1e-6:
        break
print(epoch, w)
"""

#     id                          program          was        written                                      line
WRONG = [
    ("a second name", Q_LEARNING, "goal", "goal = q\n    goal[np.arange(8), a] = seen", "goal = q"),
    ("a view", Q_LEARNING, "goal", "goal = q[:]\n    goal[np.arange(8), a] = seen", "goal = q[:]"),
    ("handed back", Q_LEARNING, "goal", "goal = goals(q, a, seen)", "goal = goals"),
    ("what was before a step", UNTIL_IT_STANDS, "kept", "before = w", "before = w"),
]
RIGHT = [
    ("a copy", Q_LEARNING, "goal", "goal = goals(q.copy(), a, seen)"),
    ("a new array", Q_LEARNING, "goal", "goal = q\n    goal = np.where(np.eye(2)[a] > 0, seen[:, None], q)"),
    ("a copy of what was before a step", UNTIL_IT_STANDS, "kept", "before = w.copy()"),
]


@pytest.mark.parametrize(("program", "place", "text", "line"), [w[1:] for w in WRONG], ids=[w[0] for w in WRONG])
def test_a_second_name_is_no_copy(tmp_path: Path, program: str, place: str, text: str, line: str) -> None:
    text = program.format(**{place: text})
    (found,) = findings(tmp_path, text)
    assert found.code == "SC404"
    assert line in blamed_line(text, found)


@pytest.mark.parametrize(("program", "place", "text"), [r[1:] for r in RIGHT], ids=[r[0] for r in RIGHT])
def test_a_copy_is_left_alone(tmp_path: Path, program: str, place: str, text: str) -> None:
    assert findings(tmp_path, program.format(**{place: text})) == []


def test_a_copy_is_kept(tmp_path: Path) -> None:
    text = Q_LEARNING.format(goal=WRONG[0][3])
    (found,) = findings(tmp_path, text, trials=True)
    assert "goal = q.copy()" in repaired(text, found.fixes[0])
