"""Derivatives by formula are those that autograd gives."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from shapecheck.gradients.arithmetic import by_arithmetic
from shapecheck.gradients.functions import resolve
from shapecheck.gradients.keyed import by_key
from shapecheck.gradients.occurrences import Occurrences
from shapecheck.gradients.rules import by_autograd, numeric
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
    ("numpy.sum", (MATRIX,)),
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


#    function, arguments after the array that is read or changed
ITEMS: list[tuple[str, tuple[Any, ...]]] = [
    ("getitem", ((slice(None), -1),)),
    ("setitem", ((slice(1, 3), None, slice(0, 2)), OTHER[:1])),
    ("setitem", (0, ROW[None])),
    ("+=", (ROW[:2], (slice(None), slice(1, None)))),
    ("-=", (ROW, -1)),
]


@pytest.mark.parametrize(("function", "given"), ITEMS, ids=[f"{f} {g}" for f, (*_, g) in ITEMS])
def test_items_are_differentiated_as_differences_are(function: str, given: tuple[Any, ...]) -> None:
    operands = (MATRIX, *given)
    arrays = [np.asarray(o) if isinstance(o, np.ndarray) else o for o in operands]
    arguments = tuple(Ref(i) if isinstance(o, np.ndarray) else o for i, o in enumerate(operands))
    inputs = tuple(a.value for a in arguments if isinstance(a, Ref))
    operation = Operation(0, None, function, arguments, {}, inputs, len(arrays))
    adjoint = RNG.normal(size=np.shape(resolve(function)(*arrays)))
    found = by_key(operation, arrays, adjoint, set(inputs))
    assert found is not None
    assert [value for value, _ in found] == list(inputs)
    wanted = numeric(Occurrences(operation, arrays, set(inputs)), adjoint)
    assert all(p.shape == w.shape and np.allclose(p, w, atol=1e-8) for (_, p), w in zip(found, wanted, strict=True))


def test_items_that_may_be_meant_twice_are_left_to_others() -> None:
    operation = Operation(0, None, "+=", (Ref(0), 1.0, Ref(1)), {}, (0, 1), 2)
    assert by_key(operation, [MATRIX, np.array([0, 0])], MATRIX, {0}) is None
