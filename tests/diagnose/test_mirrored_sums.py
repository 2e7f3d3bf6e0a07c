"""What is still to come, summed from the last reward to the first, and used as if it began with the first."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.diagnose.training_programs import blamed_line, edited_text, findings, repaired

EPISODES = """\
import numpy as np

rng = np.random.default_rng(5)
W, v = rng.normal(size=(3, 2)) * 0.3, np.zeros(3)
for episode in range(6):
    memory = []
    for t in range(5):
        s = rng.normal(size=3)
        e = np.exp(s @ W)
        p = e / e.sum()
        a = rng.choice(2, p=p)
        memory.append((s, a, p, float(a == (s[0] > 0)) + 0.1 * s[1]))
    later, gains = 0.0, []
    for s, a, p, r in reversed(memory):
        later = r - s @ v + 0.9 * later
        gains.append(later)
    gains.reverse()
    for (s, a, p, r), gain in zip(memory, gains):
        g = -p
        g[a] += 1
        W += 0.1 * gain * np.outer(s, g)
        v += 0.05 * gain * s
print(W)
"""
RIGHT = {
    "turned round": EPISODES,
    "the steps turned round, too": edited_text(EPISODES, [("gains.reverse()", "memory.reverse()")]),
    "put before the others": edited_text(EPISODES, [("gains.append(later)", "gains.insert(0, later)")]),
}


@pytest.mark.parametrize(
    "text", [pytest.param(t, id=k, marks=[pytest.mark.corpus] if n else []) for n, (k, t) in enumerate(RIGHT.items())]
)
def test_sums_in_the_order_of_the_steps_are_left_alone(tmp_path: Path, text: str) -> None:
    assert findings(tmp_path, text) == []


def test_sums_that_stay_turned_round_are_named(tmp_path: Path) -> None:
    text = edited_text(EPISODES, [("    gains.reverse()\n", "")])
    (found,) = findings(tmp_path, text, trials=True)
    assert (found.code, blamed_line(text, found).strip()) == ("SC407", "gains.append(later)")
    assert "gains.insert(0, later)" in repaired(text, found.fixes[0])
