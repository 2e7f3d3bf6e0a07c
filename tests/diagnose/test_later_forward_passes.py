"""Forward passes that are run again after another network's step: their loss is the one printed before that step."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from training_programs import blamed_line, edited_text, findings

# A forger and its judge. Both losses are of the first forward pass; the forger follows the judge as it is by then.
FORGER = """\
import numpy as np

rng = np.random.RandomState(3)


def chance(u):
    return 1 / (1 + np.exp(-u))


def judged(x):
    seen = np.tanh(x @ judge["in"] + judge["off"])
    return seen, chance(seen @ judge["out"])


forger = {"first": 0.5 * rng.randn(2, 5), "last": 0.5 * rng.randn(5, 3)}
judge = {"in": 0.5 * rng.randn(3, 6), "off": np.zeros(6), "out": rng.randn(6, 1)}
for turn in range(6):
    real, noise = rng.randn(16, 3) + 2, rng.randn(16, 2)
    bent = np.tanh(noise @ forger["first"])
    fake = bent @ forger["last"]
    seen_real, p_real = judged(real)
    seen_fake, p_fake = judged(fake)
    judge_loss = -np.mean(np.log(p_real) + np.log(1 - p_fake))
    forger_loss = -np.mean(np.log(p_fake))
    d_in, d_off, d_out = 0.0, 0.0, 0.0
    for x, seen, d in ((real, seen_real, (p_real - 1) / 16), (fake, seen_fake, p_fake / 16)):
        d_seen = d @ judge["out"].T * (1 - seen ** 2)
        d_in, d_off, d_out = d_in + x.T @ d_seen, d_off + d_seen.sum(axis=0), d_out + seen.T @ d
    judge["in"] = judge["in"] - 0.1 * d_in
    judge["off"] = judge["off"] - 0.1 * d_off
    judge["out"] = judge["out"] - 0.1 * d_out
    seen_fake, p_fake = judged(fake)
    d_seen = (p_fake - 1) / 16 @ judge["out"].T * (1 - seen_fake ** 2)
    d_fake = d_seen @ judge["in"].T
    d_bent = d_fake @ forger["last"].T * (1 - bent ** 2)
    forger["last"] = forger["last"] - 0.1 * bent.T @ d_fake
    forger["first"] = forger["first"] - 0.1 * noise.T @ d_bent
    print(turn, judge_loss, forger_loss)
"""

# Two factors take turns, and the loss is that before either of them has moved.
TURNS = """\
import numpy as np

rng = np.random.RandomState(5)
R = rng.rand(7, 6)
P, Q = rng.rand(7, 2), rng.rand(6, 2)
for turn in range(8):
    gap = P @ Q.T - R
    cost = np.sum(np.logaddexp(gap, -gap))
    P = P - 0.02 * np.tanh(gap) @ Q
    gap = P @ Q.T - R
    Q = Q - 0.02 * np.tanh(gap).T @ P
print(cost)
"""


@pytest.mark.parametrize("text", [FORGER, TURNS], ids=["forger", "turns"])
def test_the_right_program_is_left_alone(tmp_path: Path, text: str) -> None:
    assert findings(tmp_path, text) == []


WRONG = [
    ("of the judge", FORGER, ("(1 - seen_fake ** 2)", "(1 - seen_fake)"), "d_seen = (p_fake"),
    ("of the factors", TURNS, ("np.tanh(gap).T @ P", "np.tanh(gap).T @ (P - Q[:1])"), "Q = Q - "),
]


@pytest.mark.parametrize(("text", "edit", "line"), [w[1:] for w in WRONG], ids=[w[0].replace(" ", "-") for w in WRONG])
def test_what_is_wrong_behind_the_second_pass_is_found(
    tmp_path: Path, text: str, edit: tuple[str, str], line: str
) -> None:
    text = edited_text(text, [edit])
    found = findings(tmp_path, text)
    assert len(found) == 1
    assert line in blamed_line(text, found[0])
