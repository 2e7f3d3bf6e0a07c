"""Gradients of which only the last seems to be applied: a single output has the shape of its bias's gradient."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from training_programs import findings

# The cost is computed by a forward pass of its own, whose outputs go into no gradient.
ELMAN = """\
import numpy as np

rng = np.random.default_rng(4)
U, R, V, c = rng.normal(size=6) * 0.5, rng.normal(size=(6, 6)) * 0.3, rng.normal(size=6) * 0.5, 0.0


def outputs(seen):
    states, outs = [np.zeros(6)], []
    for x in seen:
        states.append(np.tanh(U * x + R @ states[-1]))
        outs.append(V @ states[-1] + c)
    return states, outs


def cost(seen, wanted):
    return 0.5 * sum((o - w) ** 2 for o, w in zip(outputs(seen)[1], wanted)) / len(seen)


total = 0.0
for turn in range(60):
    wave = np.sin(0.7 * np.arange(9) + rng.uniform(0, 6))
    seen, wanted = wave[:-1], wave[1:]
    total += cost(seen, wanted)
    states, outs = outputs(seen)
    gU, gR, gV, gc, dh = np.zeros(6), np.zeros((6, 6)), np.zeros(6), 0.0, np.zeros(6)
    for t in range(7, -1, -1):
        e = (outs[t] - wanted[t]) / 8
        gV += e * states[t + 1]
        gc += e
        dz = (e * V + dh) * (1 - states[t + 1] ** 2)
        gU += dz * seen[t]
        gR += np.outer(dz, states[t])
        dh = R.T @ dz
    U, R, V, c = U - 0.2 * gU, R - 0.2 * gR, V - 0.2 * gV, c - 0.2 * gc
print(total / 60)
"""


def test_outputs_are_no_gradients_of_the_bias_that_is_added_to_them(tmp_path: Path) -> None:
    assert findings(tmp_path, ELMAN) == []
