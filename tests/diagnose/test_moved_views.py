"""Rows that are kept for a later step under a name, which is a window into the array that is stepped first."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from training_programs import Edits, blamed_line, edited_text, findings, repaired

RATINGS = """\
import numpy as np

rng = np.random.default_rng(2)
seen = [(u, i, float(rng.normal())) for u in range(6) for i in range(5) if rng.random() < 0.6]
users, items = 0.3 * rng.normal(size=(6, 2)), 0.3 * rng.normal(size=(5, 2))
for turn in range(4):
    total = 0.0
    for u, i, r in seen:
        p, q = users[u].copy(), items[i]
        e = r - p @ q
        total += e**2
        users[u] += 0.1 * (e * q - 0.02 * p)
        items[i] += 0.1 * (e * p - 0.02 * q)
    print(turn, total / len(seen))
"""
WORDS = """\
import numpy as np

rng = np.random.RandomState(5)
text = rng.randint(0, 8, 60)
inner, outer = rng.randn(8, 4) * 0.2, rng.randn(8, 4) * 0.2
for k in range(1, 60):
    for context, label in ((text[k], 1.0), (rng.randint(8), 0.0)):
        v = np.array(inner[text[k - 1]])
        guess = 1 / (1 + np.exp(-np.sum(v * outer[context])))
        g = guess - label
        inner[text[k - 1]] = inner[text[k - 1]] - 0.3 * g * outer[context]
        outer[context] = outer[context] - 0.3 * (g * v)
print(np.round(inner[:2], 3))
"""
NO_COPY, NO_ARRAY = [("users[u].copy()", "users[u]")], [("np.array(inner[text[k - 1]])", "inner[text[k - 1]]")]

RIGHT: list[tuple[str, str, Edits]] = [
    ("a copy", RATINGS, []),
    ("a new array", WORDS, []),
    (
        "rows of the arrays themselves in the decay",
        RATINGS,
        [("- 0.02 * p)", "- 0.02 * users[u])"), ("- 0.02 * q)", "- 0.02 * items[i])")],
    ),
    (
        "both steps computed first",
        RATINGS,
        [*NO_COPY, ("        users[u] +=", "        s = e * p\n        users[u] +="), ("(e * p -", "(s -")],
    ),
]


@pytest.mark.parametrize(("text", "edits"), [r[1:] for r in RIGHT], ids=[r[0].replace(" ", "-") for r in RIGHT])
def test_rows_that_are_meant_as_they_are_read_are_right(tmp_path: Path, text: str, edits: Edits) -> None:
    assert findings(tmp_path, edited_text(text, edits)) == []


@pytest.mark.parametrize(
    ("text", "edits", "line"), [(RATINGS, NO_COPY, "p, q ="), (WORDS, NO_ARRAY, "v = ")], ids=["ratings", "words"]
)
def test_rows_that_were_moved_are_named(tmp_path: Path, text: str, edits: Edits, line: str) -> None:
    wrong = edited_text(text, edits)
    (found,) = findings(tmp_path, wrong, trials=True)
    assert (found.code, found.title) == ("SC404", "these rows are moved before they are read")
    assert line in blamed_line(wrong, found)
    assert found.fixes
    assert findings(tmp_path, repaired(wrong, found.fixes[0])) == []
