"""Losses of no catalogue that are printed now and then, or of other samples: the steps between are judged as well."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from training_programs import findings, repaired

# Printed in every fourth step, and of all samples where steps take some.
MIXTURE = """\
import numpy as np

rng = np.random.RandomState(1)
x = rng.randn(24, 1)
y = np.where(rng.rand(24, 1) < 0.5, np.sin(x), -x) + 0.1 * rng.randn(24, 1)
A, a = 0.5 * rng.randn(1, 6), np.zeros(6)
B, b = 0.5 * rng.randn(6, 6), np.zeros(6)


def heads(x):
    h = np.tanh(x @ A + a)
    out = h @ B + b
    weights = np.exp(out[:, :2]) / np.exp(out[:, :2]).sum(axis=1, keepdims=True)
    return h, weights, out[:, 2:4], np.exp(out[:, 4:])


def surprise(y, weights, centre, width):
    return -np.log(np.sum(weights * np.exp(-0.5 * ((y - centre) / width) ** 2) / width, axis=1)).mean()


for k in range(9):
    some = slice(12 * (k % 2), 12 * (k % 2) + 12)
    xs, ys = x[some], y[some]
    h, weights, centre, width = heads(xs)
    if k % 4 == 0:
        print(k, surprise(ys, weights, centre, width))
    shares = weights * np.exp(-0.5 * ((ys - centre) / width) ** 2) / width
    shares = shares / shares.sum(axis=1, keepdims=True)
    d_weights = (weights - shares) / 12
    d_centre = shares * (centre - ys) / width ** 2 / 12
    d_width = shares * (1 - ((ys - centre) / width) ** 2) / 12
    d = np.concatenate([d_weights, d_centre, d_width], axis=1)
    dh = d @ B.T * (1 - h ** 2)
    B -= 0.1 * h.T @ d
    b -= 0.1 * d.sum(axis=0)
    A -= 0.1 * xs.T @ dh
    a -= 0.1 * dh.sum(axis=0)
"""

# Of pairs that are drawn for it, after the step.
TWINS = """\
import numpy as np

rng = np.random.RandomState(2)
kinds = rng.randn(4, 5)
P, Q = 0.3 * rng.randn(5, 8), 0.3 * rng.randn(8, 6)


def draw(n):
    first, same = rng.randint(4, size=n), rng.rand(n) < 0.5
    second = np.where(same, first, (first + 1) % 4)
    return kinds[first] + 0.3 * rng.randn(n, 5), kinds[second] + 0.3 * rng.randn(n, 5), same * 1.0


def embed(x):
    h = np.tanh(x @ P)
    return h, h @ Q


def separation(far, same):
    return np.mean(same * far ** 2 / 2 + (1 - same) * np.maximum(0, 2 - far) ** 2 / 2)


def test(n=11):
    u, v, same = draw(n)
    return separation(np.sqrt(np.sum((embed(u)[1] - embed(v)[1]) ** 2, axis=1) + 1e-8), same)


for _ in range(6):
    u, v, same = draw(6)
    hu, eu = embed(u)
    hv, ev = embed(v)
    apart = eu - ev
    far = np.sqrt(np.sum(apart ** 2, axis=1) + 1e-8)
    d_far = (same * far - (1 - same) * np.maximum(0, 2 - far)) / 6
    d = (d_far / far)[:, None] * apart
    du, dv = d @ Q.T * (1 - hu ** 2), -d @ Q.T * (1 - hv ** 2)
    Q -= 0.1 * (hu.T @ d - hv.T @ d)
    P -= 0.1 * (u.T @ du + v.T @ dv)
    print("%.4f" % test())
"""

# With `miss` in the place of `out` one half of the gradients follows what is printed, the other half cross-entropy.
HALVES = """\
import numpy as np

rng = np.random.default_rng(5)
x = rng.normal(size=(12, 3))
target = (x[:, :1] * x[:, 1:2] > 0).astype(float)
U, p = rng.normal(size=(3, 5)), rng.normal(size=5)
V, q = rng.normal(size=(5, 1)), np.zeros(1)
for turn in range(60):
    hidden = np.tanh(x @ U + p)
    guess = 1 / (1 + np.exp(-(hidden @ V + q)))
    miss = guess - target
    if turn % 10 == 0:
        print("squared error", (miss ** 2).mean())
    out = miss * guess * (1 - guess)
    back = out @ V.T * (1 - hidden ** 2)
    V -= 0.2 * hidden.T @ out
    q -= 0.2 * out.sum(axis=0)
    U -= 0.2 * x.T @ back
    p -= 0.2 * back.sum(axis=0)
"""

WRONG = [
    ("the loss that is printed", HALVES, "out @ V.T", "miss @ V.T"),
    (
        "the slope of an exponential",
        MIXTURE,
        "(1 - ((ys - centre) / width) ** 2)",
        "(1 / width - (ys - centre) ** 2 / width ** 3)",
    ),
    ("a sign", MIXTURE, "shares * (centre - ys)", "shares * (ys - centre)"),
    ("rows met columns", TWINS, "(d_far / far)[:, None] * apart", "(d_far / far) * apart"),
    ("a divisor", TWINS, "(d_far / far)[:, None] * apart", "d_far[:, None] * apart"),
]


@pytest.mark.parametrize("text", [MIXTURE, TWINS])
def test_the_right_program_is_left_alone(tmp_path: Path, text: str) -> None:
    assert [f for f in findings(tmp_path, text) if f.severity != "note"] == []


@pytest.mark.parametrize(("text", "was", "wrong"), [w[1:] for w in WRONG], ids=[w[0].replace(" ", "-") for w in WRONG])
def test_the_line_is_named_and_mended(tmp_path: Path, text: str, was: str, wrong: str) -> None:
    assert text.count(was) == 1
    changed = text.replace(was, wrong)
    found = findings(tmp_path, changed, trials=True)
    assert found[0].cause.line == text[: text.index(was)].count("\n") + 1
    assert found[0].fixes[0].confidence == "verified"
    assert [f for f in findings(tmp_path, repaired(changed, found[0].fixes[0])) if f.severity != "note"] == []
