"""Derivatives that are put back at the wrong places, as behind a max pooling: the index is mended."""

from __future__ import annotations

from pathlib import Path

import pytest

from shapecheck.diagnose.finding import Finding
from shapecheck.pipeline import Request, diagnose_script

POOLED = """\
import numpy as np

rng = np.random.default_rng(2)
pictures = rng.normal(size=(8, 5, 5))
goals = np.sin(pictures[:, 0, 0])
kernel, w = rng.normal(size=(2, 2)), rng.normal(size=4)


def through(picture):
    a = np.zeros((4, 4))
    for i in range(4):
        for j in range(4):
            a[i, j] = max(np.sum(picture[i:i + 2, j:j + 2] * kernel), 0.0)
    p = np.zeros((2, 2))
    for i in range(2):
        for j in range(2):
            p[i, j] = a[2 * i:2 * i + 2, 2 * j:2 * j + 2].max()
    return a, p


def back(picture, a, d):
    da = np.zeros_like(a)
    for i in range(2):
        for j in range(2):
            k = a[2 * i:2 * i + 2, 2 * j:2 * j + 2].argmax()
            row, col = k // 2, k % 2
            da[2 * i + row, 2 * j + col] += d[i, j]
    da = da * (a > 0)
    g = np.zeros_like(kernel)
    for i in range(4):
        for j in range(4):
            g += da[i, j] * picture[i:i + 2, j:j + 2]
    return g


for turn in range(2):
    for picture, goal in zip(pictures, goals):
        a, p = through(picture)
        e = p.ravel() @ w - goal
        g = back(picture, a, (e * w).reshape(2, 2))
        w -= 0.05 * e * p.ravel()
        kernel -= 0.05 * g
    print(0.5 * e**2)
"""
#    id, what is right, what is written instead
MISTAKES = [
    ("without the window's origin", "da[2 * i + row, 2 * j + col]", "da[row, col]"),
    ("a stride left out", "da[2 * i + row, 2 * j + col]", "da[i + row, j + col]"),
    ("a row for a column", "row, col = k // 2, k % 2", "row, col = k % 2, k // 2"),
    ("a row for a column in the index", "da[2 * i + row, 2 * j + col]", "da[2 * i + k % 2, 2 * j + k // 2]"),
    (
        "a row for a column in places with names",
        "row, col = k // 2, k % 2\n            da[2 * i + row, 2 * j + col]",
        "row = 2 * i + k % 2\n            col = 2 * j + k // 2\n            da[row, col]",
    ),
]


def diagnosed(folder: Path, text: str, *, trials: bool) -> list[Finding]:
    script = folder / "script.py"
    script.write_text(text)
    return list(diagnose_script(Request(str(script), trials=trials, script_stdout_to_stderr=True)).findings)


def test_the_right_places_are_left_alone(tmp_path: Path) -> None:
    assert diagnosed(tmp_path, POOLED, trials=False) == []


@pytest.mark.parametrize(("right", "wrong"), [m[1:] for m in MISTAKES], ids=[m[0] for m in MISTAKES])
def test_the_places_are_mended(tmp_path: Path, right: str, wrong: str) -> None:
    assert POOLED.count(right) == 1
    text = POOLED.replace(right, wrong)
    (finding,) = diagnosed(tmp_path, text, trials=True)
    assert any(part in text.splitlines()[finding.cause.line - 1] for part in wrong.split("\n"))
    assert finding.fixes[0].confidence == "verified"
