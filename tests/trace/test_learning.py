"""Whether a recording has seen anything learned: weights that are read again after their step."""

from __future__ import annotations

import pytest

from shapecheck.trace.learning import has_learned
from shapecheck.trace.recorder import Recorder
from shapecheck.trace.rewrite import compile_recorded, rewrite
from shapecheck.trace.sites import SiteTable

ARRAYS = """\
import numpy as np
rng = np.random.default_rng(0)
net, seen = {{"W": rng.normal(size=(3, 2))}}, rng.normal(size=(5, 3))
for turn in range({turns}):
    out = seen @ net["W"]
    total = np.zeros((3, 2))
    for i in range(5):
        total += np.outer(seen[i], out[i])
    total /= 5
    {step}
"""
NUMBERS = """\
import random
random.seed(1)
w, b = random.random(), random.random()
for turn in range({turns}):
    out = w * 2.0 + b
    total = 0.0
    for i in range(3):
        total += out * i
    slope = total * total
    {step}
"""
STEPS = [
    (ARRAYS, 'net["W"] -= 0.1 * total'),
    (ARRAYS, 'net["W"] = net["W"] - 0.1 * total'),
    (NUMBERS, "w -= 0.1 * slope"),
    (NUMBERS, "w = w - 0.1 * slope"),
]


@pytest.mark.parametrize("turns", [1, 2])
@pytest.mark.parametrize(("text", "step"), STEPS, ids=[step for _, step in STEPS])
def test_a_second_turn_reads_what_the_first_has_learned(text: str, step: str, turns: int) -> None:
    table = SiteTable()
    recorder = Recorder(table)
    exec(compile_recorded(rewrite(text.format(turns=turns, step=step), "p.py", table), "p.py", recorder.hooks), {})
    assert has_learned(table.sites, recorder.flat) == (turns > 1)
