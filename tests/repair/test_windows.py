"""Windows that the backward pass lays elsewhere than the forward pass."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "diagnose"))
from training_programs import findings, repaired

# The largest of each window of two by two goes on.
RIGHT = """\
import numpy as np

rng = np.random.default_rng(2)
W, v = rng.normal(size=(4, 4)) * 0.5, rng.normal(size=(4, 1)) * 0.5
size = 2


def shrunk(a):
    out = np.zeros((len(a), 2, 2))
    for i in range(2):
        for j in range(2):
            out[:, i, j] = a[:, i * size:(i + 1) * size, j * size:(j + 1) * size].max(axis=(1, 2))
    return out


def spread(d, a, out):
    da = np.zeros_like(a)
    for i in range(2):
        for j in range(2):
            top = a[:, i * size:(i + 1) * size, j * size:(j + 1) * size] == out[:, i, j][:, None, None]
            da[:, i * size:(i + 1) * size, j * size:(j + 1) * size] += top * d[:, i, j][:, None, None]
    return da


for turn in range(25):
    x = rng.normal(size=(5, 4, 4))
    y = (x.sum(axis=(1, 2)) > 0).astype(float)[:, None]
    a = np.tanh(x @ W)
    out = shrunk(a)
    p = 1 / (1 + np.exp(-out.reshape(5, 4) @ v))
    loss = -np.mean(y * np.log(p) + (1 - y) * np.log(1 - p))
    e = (p - y) / 5
    da = spread((e @ v.T).reshape(5, 2, 2), a, out)
    dz = da * (1 - a**2)
    v -= 0.3 * out.reshape(5, 4).T @ e
    W -= 0.3 * np.einsum("nij,nik->jk", x, dz)
    if turn % 5 == 0:
        print(loss)
"""


def by_names(text: str) -> str:
    """The program with names for where the windows begin, in both passes."""
    text = text.replace("i * size:(i + 1) * size", "up:up + size").replace("j * size:(j + 1) * size", "le:le + size")
    begun = "            up = i * size\n            le = j * size\n"
    return text.replace("            out[", begun + "            out[").replace(
        "            top", begun + "            top"
    )


def laid_by_one(text: str) -> str:
    """The program whose backward pass goes on by one row, or column, at a time."""
    forward, backward = text.split("def spread")
    for name in "ij":
        backward = backward.replace(f"{name} * size:({name} + 1) * size", f"{name}:{name} + size")
        backward = backward.replace(f" = {name} * size", f" = {name}")
    return f"{forward}def spread{backward}"


@pytest.mark.parametrize("right", [RIGHT, pytest.param(by_names(RIGHT), marks=pytest.mark.corpus)])
def test_windows_are_laid_as_in_the_other_function(tmp_path: Path, right: str) -> None:
    assert findings(tmp_path, right) == []
    wrong = laid_by_one(right)
    (found,) = findings(tmp_path, wrong, trials=True)
    assert (found.parameters, found.fixes[0].confidence) == (("W",), "verified")
    assert repaired(wrong, found.fixes[0]) == right
