"""Each way of dying of a shape has its code, its place and its operands; other deaths have none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from shapecheck.diagnose.crash import classify, crash_finding
from shapecheck.diagnose.reference import reference_note
from shapecheck.network.layers import Layers
from shapecheck.trace.process import run_program
from shapecheck.trace.run import Program

START = """\
import math
import numpy as np
A = np.ones((4, 3))
B = np.ones((5, 2))
v = np.ones(6)
"""

#        id                       last line of the program                code     failing expression        shapes
CRASHES = [
    ("at sign", "C = A @ B", "SC101", "A @ B", [(4, 3), (5, 2)]),
    ("np.dot", "C = 1 + np.dot(A, B)", "SC101", "np.dot(A, B)", [(4, 3), (5, 2)]),
    ("method dot", "C = A.T.dot(B)", "SC101", "A.T.dot(B)", [(3, 4), (5, 2)]),
    ("einsum", "C = np.einsum('ij,jk->ik', A, B)", "SC101", "np.einsum('ij,jk->ik', A, B)", [(4, 3), (5, 2)]),
    ("tensordot", "C = np.tensordot(A, B, axes=1)", "SC101", "np.tensordot(A, B, axes=1)", [(4, 3), (5, 2)]),
    ("np.matrix", "C = np.matrix(A) * np.matrix(B)", "SC101", "np.matrix(A) * np.matrix(B)", [(4, 3), (5, 2)]),
    ("elementwise", "C = A * B", "SC102", "A * B", [(4, 3), (5, 2)]),
    ("comparison", "C = A < B", "SC102", "A < B", [(4, 3), (5, 2)]),
    ("np.multiply", "C = np.multiply(A, B)", "SC102", "np.multiply(A, B)", [(4, 3), (5, 2)]),
    ("update", "A -= 0.1 * B", "SC103", "A -= 0.1 * B", [(4, 3), (5, 2)]),
    ("item update", "L = [A]\nL[0] -= B", "SC103", "L[0] -= B", [(4, 3), (5, 2)]),
    ("reshape", "C = A.reshape(5, 2)", "SC104", "A.reshape(5, 2)", [(4, 3)]),
    ("ragged list", "C = np.array([A, B])", "SC105", "np.array([A, B])", None),
    ("assignment", "A[0] = v", "SC106", "A[0]", [(6,), (4, 3)]),
    ("concatenation", "C = np.concatenate((A, B))", "SC107", "np.concatenate((A, B))", None),
    ("vstack", "C = np.vstack([A, B])", "SC107", "np.vstack([A, B])", None),
    ("math", "C = math.exp(v)", "SC108", "math.exp(v)", [(6,)]),
    ("truth value", "if v > 0:\n    pass", "SC108", None, None),
    ("output by accident", "C = np.dot(A, np.ones((3, 2)), B)", "SC109", "np.dot(A, np.ones((3, 2)), B)", None),
    ("assertion", "assert A.shape == B.shape", "SC110", None, [(4, 3), (5, 2)]),
    ("tuple", "m = A.shape\nC = 1 / m", "SC111", "1 / m", None),
    ("index", "C = A[:, 7]", "SC112", "A[:, 7]", None),
    ("unpacking", "m, n = v.shape", "SC112", None, None),
]


def trace_of(program: str, folder: Path) -> Any:
    script = folder / "program.py"
    script.write_text(START + program + "\n")
    trace = run_program(Program(str(script))).trace
    assert trace is not None
    return trace


@pytest.mark.parametrize(("program", "code", "source", "shapes"), [c[1:] for c in CRASHES], ids=[c[0] for c in CRASHES])
def test_a_shape_error_has_its_code_place_and_operands(
    tmp_path: Path, program: str, code: str, source: str | None, shapes: list[Any] | None
) -> None:
    trace = trace_of(program, tmp_path)
    crash = classify(trace)
    assert crash is not None
    finding = crash_finding(crash, Layers(trace.head, trace.sources.values(), complete=False))
    assert finding.code == code
    if source is not None:
        assert finding.location.source == source
    if shapes is not None:
        assert [operand.shape for operand in finding.operands if operand.shape][: len(shapes)] == shapes


OTHERS = [
    ("key", "{}['x']"),
    ("name", "print(unknown)"),
    ("division", "1 / 0"),
    ("conversion", "int('a')"),
    ("raised by hand", "raise ValueError('shapes of things to come')"),
    ("assertion of a number", "assert 1 > 2"),
    ("unpacking a list", "a, b = [1, 2, 3]"),
    ("choice", "np.random.choice(0)"),
    ("nothing at all", "C = A.T @ A"),
]


@pytest.mark.parametrize("program", [o[1] for o in OTHERS], ids=[o[0] for o in OTHERS])
def test_other_errors_are_left_alone(tmp_path: Path, program: str) -> None:
    assert classify(trace_of(program, tmp_path)) is None


def test_the_reference_network_says_what_the_gradient_should_be(tmp_path: Path) -> None:
    program = (
        "rng = np.random.RandomState(0)\nX, Y = rng.randn(3, 8), rng.randn(2, 8)\n"
        "W, b = rng.randn(2, 3), np.zeros((2, 1))\n"
        "d = np.dot(W, X) + b - Y\nW -= 0.1 * np.dot(d, X.T)\nb -= 0.1 * d"
    )
    trace = trace_of(program, tmp_path)
    crash = classify(trace)
    assert crash is not None
    note = reference_note(crash, Layers(trace.head, trace.sources.values(), complete=False))
    assert 'whose `db` is Float[Array, "out 1"], here (2, 1); yours is (2, 8)' in note


def test_the_reference_network_says_what_a_delta_should_be(tmp_path: Path) -> None:
    program = (
        "rng = np.random.RandomState(0)\nX, y = rng.randn(8, 3), rng.randn(8)\n"
        "W1, W2 = rng.randn(3, 4), rng.randn(4, 1)\n"
        "H = np.tanh(X @ W1)\nd = (H @ W2)[:, 0] - y\ne = d @ W2.T"
    )
    trace = trace_of(program, tmp_path)
    crash = classify(trace)
    assert crash is not None
    note = reference_note(crash, Layers(trace.head, trace.sources.values(), complete=False))
    assert 'whose `dZ` is Float[Array, "batch out"], here (8, 1); yours is (8,)' in note
