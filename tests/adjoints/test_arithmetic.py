"""Derivatives by formula are those that autograd gives."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from shapecheck.gradients.arithmetic import by_arithmetic
from shapecheck.gradients.functions import resolve
from shapecheck.gradients.occurrences import Occurrences
from shapecheck.gradients.rules import by_autograd
from shapecheck.trace.tape import Operation, Ref

RNG = np.random.default_rng(3)
MATRIX, OTHER, ROW, POSITIVE = RNG.normal(size=(4, 3)), RNG.normal(size=(3, 2)), RNG.normal(size=3), RNG.random((4, 3))
#    function, operands
OPERATIONS: list[tuple[str, tuple[Any, ...]]] = [
    ("+", (MATRIX, ROW)),
    ("-", (ROW, MATRIX)),
    ("*", (MATRIX, ROW[None])),
    ("*", (2.5, MATRIX)),
    ("/", (ROW, POSITIVE)),
    ("/", (MATRIX, 4)),
    ("**", (MATRIX, 2)),
    ("numpy.power", (POSITIVE, 1.5)),
    ("unary-", (MATRIX,)),
    ("numpy.exp", (MATRIX,)),
    ("numpy.log", (POSITIVE,)),
    ("numpy.tanh", (MATRIX,)),
    ("@", (MATRIX, OTHER)),
    ("numpy.dot", (MATRIX, ROW)),
    ("@", (ROW, OTHER)),
    ("numpy.dot", (ROW, ROW + 1)),
]


@pytest.mark.parametrize(
    ("function", "operands"), OPERATIONS, ids=[f"{f} {'-'.join(map(str, map(np.shape, o)))}" for f, o in OPERATIONS]
)
def test_formulas_and_autograd_agree(function: str, operands: tuple[Any, ...]) -> None:
    arrays = [np.asarray(o, dtype=float) if isinstance(o, np.ndarray) else o for o in operands]
    arguments = tuple(Ref(i) if isinstance(o, np.ndarray) else o for i, o in enumerate(arrays))
    inputs = tuple(a.value for a in arguments if isinstance(a, Ref))
    occurrences = Occurrences(Operation(0, None, function, arguments, {}, inputs, len(arrays)), arrays, set(inputs))
    result = resolve(function)(*arrays)
    adjoint = RNG.normal(size=np.shape(result))
    own, theirs = by_arithmetic(occurrences, result, adjoint), by_autograd(function, occurrences, adjoint)
    assert own is not None
    assert theirs is not None
    assert [p.shape for p in own] == [p.shape for p in theirs] == [np.shape(arrays[i]) for i in inputs]
    assert all(np.allclose(a, b, rtol=1e-13) for a, b in zip(own, theirs, strict=True))
