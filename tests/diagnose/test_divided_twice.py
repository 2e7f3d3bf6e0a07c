"""A mean that is taken twice: a note where it only makes the steps shorter, and an error where not all have it."""

from __future__ import annotations

from pathlib import Path

import pytest

from shapecheck.pipeline import Request, diagnose_script

PROGRAM = """\
import numpy as np

rng = np.random.RandomState(6)
X = rng.randn(40, 3)
T = (X[:, :1] * X[:, 1:2] > 0) * 1.0
W, b, V, c = rng.randn(3, 5), np.zeros(5), rng.randn(5, 1), np.zeros(1)
m = len(X)
for _ in range(8):
    h = np.tanh(X @ W + b)
    P = 1 / (1 + np.exp(-(h @ V + c)))
    cost = -np.mean(T * np.log(P) + (1 - T) * np.log(1 - P))
    d2 = (P - T) / m
    d1 = d2 @ V.T * (1 - h**2)
    gW, gb = X.T @ d1, d1.sum(axis=0)
    gV, gc = h.T @ d2, d2.sum(axis=0)
    W -= 0.5 * gW
    b -= 0.5 * gb
    V -= 0.5 * gV
    c -= 0.5 * gc
print(cost)
"""
FIRST, SECOND = "gW, gb = X.T @ d1, d1.sum(axis=0)", "gV, gc = h.T @ d2, d2.sum(axis=0)"
DIVIDED = [(FIRST, "gW, gb = X.T @ d1 / m, d1.sum(axis=0) / m"), (SECOND, "gV, gc = h.T @ d2 / m, d2.sum(axis=0) / m")]
MEAN = "-np.mean(T * np.log(P) + (1 - T) * np.log(1 - P))"
#     id                       the edits                                                    what is said, at which line
TABLE = [
    ("once", [], []),
    ("a sum, with the mean's gradient", [(MEAN, MEAN.replace("np.mean", "np.sum"))], []),
    ("once, later on", [("(P - T) / m", "P - T"), *DIVIDED], []),
    ("twice", DIVIDED, [("note", "SC302", FIRST)]),
    ("twice in one layer", DIVIDED[:1], [("error", "SC302", FIRST)]),
]


@pytest.mark.parametrize(("edits", "said"), [t[1:] for t in TABLE], ids=[t[0].replace(" ", "-") for t in TABLE])
def test_what_is_said_of_a_mean(tmp_path: Path, edits: list[tuple[str, str]], said: list[tuple[str, str, str]]) -> None:
    text = PROGRAM
    for old, new in edits:
        assert text.count(old) == 1
        text = text.replace(old, new)
    script = tmp_path / "train.py"
    script.write_text(text, encoding="utf-8")
    found = diagnose_script(Request(str(script), trials=False, script_stdout_to_stderr=True)).findings
    lines = PROGRAM.splitlines()
    assert {(f.severity, f.code, lines[f.cause.line - 1].strip()) for f in found} == set(said)
