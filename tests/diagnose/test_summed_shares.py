"""One sample's share of a sum, and one sample's loss: neither is what a program is judged by that sums up both."""

from __future__ import annotations

from pathlib import Path

from tests.diagnose.training_programs import blamed_line, findings

PROGRAM = """\
import numpy as np

rng = np.random.RandomState(1)
gate, into, out = rng.randn(4, 2) * 0.5, rng.randn(4, 2) * 0.5, rng.randn(4) * 0.5
for turn in range(8):
    state, kept, said, loss = np.zeros(4), [], [], 0.0
    for x in rng.randn(4, 2):
        g, u = 1 / (1 + np.exp(-gate @ x)), np.tanh(into @ x)
        kept.append((x, g, u, state))
        state = g * state + (1 - g) * u
        said.append((state, out @ state - 0.3 * x[0]))
        loss += 0.5 * said[-1][1] ** 2
    steps, ds = [np.zeros_like(w) for w in (gate, into, out)], np.zeros(4)
    for (x, g, u, before), (after, e) in zip(kept[::-1], said[::-1]):
        ds = ds + e * out
        steps[0] += np.outer(ds * (before - u) * g * (1 - g), x)
        steps[1] += np.outer(ds * (1 - g) * (1 - u**2), x)
        steps[2] += e * after
        ds = ds * g
    for w, step in zip((gate, into, out), steps):
        w -= 0.1 * step
    print(loss)
"""


def test_the_first_sample_s_loss_is_not_what_is_judged_by(tmp_path: Path) -> None:
    assert findings(tmp_path, PROGRAM) == []
    text = PROGRAM.replace("ds = ds * g", "ds = g * (before > 0)")
    found = findings(tmp_path, text)
    assert found[0].code.startswith("SC30")
    assert blamed_line(text, found[0]).strip() in {"ds = g * (before > 0)", "ds = ds + e * out"}
