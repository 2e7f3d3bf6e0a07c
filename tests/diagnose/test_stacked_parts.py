"""Gates put together to one array, of which one is wrong: it is named, and mended, and not all that it is put into."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from training_programs import blamed_line, edited_text, findings

# A gated layer of a batch, the gates side by side.
BATCH = """\
import numpy as np

rng = np.random.default_rng(13)
X, T = rng.normal(size=(16, 3)), rng.normal(size=(16, 4))
W, U = rng.normal(size=(3, 12)) * 0.5, rng.normal(size=(4, 4)) * 0.5


def squash(z):
    return 1 / (1 + np.exp(-z))


for turn in range(4):
    z = X @ W
    u, s, c = squash(z[:, :4]), squash(z[:, 4:8]), np.tanh(z[:, 8:])
    m = u * s + (1 - u) * c
    miss = (m @ U - T) / len(X)
    dm = miss @ U.T
    du = dm * (s - c) * u * (1 - u)
    dz = np.hstack([du, dm * u * s * (1 - s), dm * (1 - u) * (1 - c**2)])
    U -= 0.2 * m.T @ miss
    W -= 0.2 * X.T @ dz
    print(0.5 * np.sum((m @ U - T) ** 2))
"""

# A cell through time, one sequence after the other.
THROUGH_TIME = """\
import numpy as np

rng = np.random.default_rng(3)
W, b, v = rng.normal(size=(12, 6)) * 0.5, np.zeros(12), rng.normal(size=4)
for turn in range(5):
    xs, wanted = rng.normal(size=(3, 2)), rng.normal()
    h, c, kept = np.zeros(4), np.zeros(4), []
    for x in xs:
        given, old = np.concatenate([x, h]), c
        z = W @ given + b
        keep, out = 1 / (1 + np.exp(-z[:4])), 1 / (1 + np.exp(-z[4:8]))
        new = np.tanh(z[8:])
        c = keep * old + (1 - keep) * new
        h = out * np.tanh(c)
        kept.append((given, old, keep, out, new, c))
    miss = v @ h - wanted
    dW, db, dh, dc = np.zeros_like(W), np.zeros_like(b), miss * v, np.zeros(4)
    for given, old, keep, out, new, c in reversed(kept):
        bent = np.tanh(c)
        dc = dc + dh * out * (1 - bent**2)
        dz = np.concatenate((
            dc * (old - new) * keep * (1 - keep),
            dh * bent * out * (1 - out),
            dc * (1 - keep) * (1 - new**2),
        ))
        dW += np.outer(dz, given)
        db += dz
        dh, dc = W[:, 2:].T @ dz, dc * keep
    v -= 0.1 * miss * h
    W -= 0.1 * dW
    b -= 0.1 * db
    print(0.5 * miss**2)
"""

WRONG = [
    ("a factor in one of them", BATCH, "dm * u * s * (1 - s)", "dm * s * (1 - s)"),
    ("made before", BATCH, "du = dm * (s - c) *", "du = dm * (s + c) *"),
    ("a factor through time", THROUGH_TIME, "dh * bent * out * (1", "dh * out * (1"),
]


@pytest.mark.parametrize("text", [BATCH, THROUGH_TIME], ids=["a batch", "through time"])
def test_right_parts_are_left_alone(tmp_path: Path, text: str) -> None:
    assert findings(tmp_path, text) == []


@pytest.mark.parametrize(("text", "right", "wrong"), [w[1:] for w in WRONG], ids=[w[0] for w in WRONG])
def test_the_part_is_named_and_mended(tmp_path: Path, text: str, right: str, wrong: str) -> None:
    changed = edited_text(text, [(right, wrong)])
    found = findings(tmp_path, changed, trials=True)[0]
    assert wrong in blamed_line(changed, found)
    assert found.fixes[0].confidence == "verified"
