"""Updates held against numeric gradients: corners under a right program are no mistake, a wrong slope is one."""

from __future__ import annotations

from pathlib import Path

import pytest

from shapecheck.diagnose.wrong_gradient import judged
from shapecheck.trace.process import run_program
from shapecheck.trace.run import Program

# Of the first sample every unit of the first layer is dead, so that with biases of zero those of the second lie exactly
# on their corner.
CORNERS = """\
import numpy as np

rng = np.random.default_rng(0)
X = np.vstack([-np.ones((1, 3)), rng.normal(size=(13, 3))])
T = rng.normal(size=(14, 1))
A, a, B, b = np.abs(rng.normal(size=(3, 5))), np.zeros(5), rng.normal(size=(5, 4)), np.zeros(4)
C = rng.normal(size=(4, 1))
for step in range(3):
    h = np.maximum(0, X @ A + a)
    k = np.maximum(0, h @ B + b)
    e = (k @ C - T) / len(X)
    dk = e @ C.T * (k > 0)
    dh = dk @ B.T * (h > 0)
    gC, gB, gb, gA, ga = k.T @ e, h.T @ dk, dk.sum(axis=0), X.T @ dh, dh.sum(axis=0)
    A, a, B, b, C = A - 0.1 * gA, a - 0.1 * ga, B - 0.1 * gB, b - 0.1 * gb, C - 0.1 * gC
    print(0.5 * np.mean((k @ C - T) ** 2))
"""
# One unit of the first layer lies so near its corner that a difference steps over it.
NEAR = CORNERS.replace("-np.ones((1, 3))", "np.array([[2e-6, 0, 0]])").replace("np.zeros(4)", "np.ones(4)")
# One unit of the second layer does: that spoils all but the last one's slopes.
NEARER = (
    CORNERS.replace("(13", "(29")
    .replace("(14", "(30")
    .replace("0.1 *", "0.01 *")
    .replace("np.zeros(4)", "np.array([0, -2.6113258, 0, 0])")
)


# One gradient is clipped, and every entry has a rate of its own; still all parameters follow with one rate.
OPTIMIZED = """\
import numpy as np

rng = np.random.default_rng(2)
X, T = rng.normal(size=(9, 3)), 9 * rng.normal(size=(9, 2))
A, a = rng.normal(size=(3, 2)), np.zeros(2)
squares = [np.zeros_like(A), np.zeros_like(a)]
for step in range(3):
    e = X @ A + a - T
    print(0.5 * np.sum(e**2))
    gradients = [X.T @ e, e.sum(axis=0)]
    for g in gradients:
        np.clip(g, -30, 30, out=g)
    for p, g, s in zip((A, a), gradients, squares):
        s += g * g
        p += -0.1 * g / np.sqrt(s + 1e-8)
"""


def test_what_was_clipped_before_an_optimizer_has_the_rate_of_the_others(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(OPTIMIZED)
    trace = run_program(Program(str(script)), stdout_to_stderr=True).trace
    assert trace is not None
    found = judged(trace)
    assert (found.verdict, found.same_factor) == ("right", True)
    assert {row.name: row.clipped for row in found.parameters}


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        (CORNERS, "right"),
        (NEAR, "right"),
        (NEARER, "right"),
        (CORNERS.replace("(k > 0)", "(k >= 0)").replace("(h > 0)", "(h >= 0)"), "wrong"),
        (CORNERS.replace(" * (h > 0)", ""), "wrong"),
    ],
    ids=["on-it", "near-it", "nearer", "never-negative", "no-slope"],
)
def test_corners(tmp_path: Path, text: str, verdict: str) -> None:
    script = tmp_path / "script.py"
    script.write_text(text)
    trace = run_program(Program(str(script)), stdout_to_stderr=True).trace
    assert trace is not None
    assert judged(trace).verdict == verdict


# Every layer has a rate of its own; of a single number any change is a multiple of its gradient.
RATES = """\
import numpy as np

rng = np.random.default_rng(5)
X = rng.normal(size=(12, 3))
T = np.sin(X[:, 0])
A, a, c = rng.normal(size=(3, 4)), rng.normal(size=4), 0.1
for step in range(3):
    h = np.tanh(X @ A)
    e = h @ a + c - T
    print(0.5 * np.mean(e**2))
    gA = X.T @ (np.outer(e, a) * (1 - h**2)) / len(X)
    a = a - 0.1 * h.T @ e / len(X)
    c = c - 0.1 * e.sum() / len(X)
    A = A - 0.03 * gA
"""


@pytest.mark.parametrize(("text", "verdict"), [(RATES, "right"), (RATES.replace("e.sum() / len(X)", "e[0]"), "wrong")])
def test_a_single_number_has_the_rate_of_an_array(tmp_path: Path, text: str, verdict: str) -> None:
    script = tmp_path / "script.py"
    script.write_text(text)
    trace = run_program(Program(str(script)), stdout_to_stderr=True).trace
    assert trace is not None
    assert judged(trace).verdict == verdict
