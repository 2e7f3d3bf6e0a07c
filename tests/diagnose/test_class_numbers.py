"""Numbers of classes where codes of classes are meant: each output is to become the number."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from training_programs import blamed_line, edited_text, findings, repaired

# One sample after the other; the difference is taken in a function.
ONE_BY_ONE = """\
import numpy as np

rng = np.random.RandomState(1)
kinds = rng.randint(0, 5, 30)
X = rng.randn(5, 6)[kinds] + 0.2 * rng.randn(30, 6)
V, W = rng.randn(8, 6) / 2, rng.randn(5, 8) / 2


def gap(out, wanted):
    return 2 * (out - wanted)


for turn in range(2):
    for x, k in zip(X, kinds):
        h = np.tanh(V @ x)
        out = 1 / (1 + np.exp(-(W @ h)))
        d = gap(out, np.eye(5)[k]) * out * (1 - out)
        dh = W.T @ d * (1 - h ** 2)
        W -= 0.1 * np.outer(d, h)
        V -= 0.1 * np.outer(dh, x)
print(W.sum())
"""

# A column of numbers beside the rows of a batch.
BATCH = """\
import numpy as np

draw = np.random.default_rng(4)
y = draw.integers(0, 4, (24, 1))
X = draw.normal(size=(4, 3))[y[:, 0]] + draw.normal(size=(24, 3)) / 4
T = np.eye(4)[y[:, 0]]
A, a = draw.normal(size=(3, 4)) / 2, np.zeros(4)
for turn in range(6):
    p = 1 / (1 + np.exp(-(X @ A + a)))
    error = T - p
    d = error * p * (1 - p)
    A += 0.5 * X.T @ d / 24
    a += 0.5 * d.mean(axis=0)
print((p.argmax(axis=1) == y[:, 0]).mean())
"""

RIGHT = [
    ("codes, one by one", ONE_BY_ONE, []),
    ("codes in a batch", BATCH, []),
    ("several guesses at one answer", ONE_BY_ONE, [("np.eye(5)[k]", "k % 2")]),
    ("a share for all outputs", BATCH, [("T = np.eye(4)[y[:, 0]]", "T = y / 3")]),
]
WRONG = [
    ("one by one", ONE_BY_ONE, [("np.eye(5)[k]", "k")], "d = gap(out, k)", "np.eye(5)[k]"),
    (
        "a batch",
        BATCH,
        [("T = np.eye(4)[y[:, 0]]\n", ""), ("error = T - p", "error = y - p")],
        "error = ",
        "np.eye(4)[np.ravel(y)]",
    ),
]


@pytest.mark.parametrize(("text", "edits"), [r[1:] for r in RIGHT], ids=[r[0].replace(" ", "-") for r in RIGHT])
def test_the_right_program_is_left_alone(tmp_path: Path, text: str, edits: list[tuple[str, str]]) -> None:
    assert findings(tmp_path, edited_text(text, edits)) == []


@pytest.mark.parametrize(
    ("text", "edits", "line", "code"), [w[1:] for w in WRONG], ids=[w[0].replace(" ", "-") for w in WRONG]
)
def test_the_code_of_the_class_is_offered(
    tmp_path: Path, text: str, edits: list[tuple[str, str]], line: str, code: str
) -> None:
    text = edited_text(text, edits)
    found = findings(tmp_path, text, trials=True)
    assert [f.code for f in found] == ["SC505"]
    assert line in blamed_line(text, found[0])
    assert code in found[0].fixes[0].edits[0].replacement
    assert findings(tmp_path, repaired(text, found[0].fixes[0])) == []
