"""Joins what the same code computed more than once from the same values, so that a tape holds it once.

A loss that runs the forward pass, and a backward pass that runs it again, then share it. So does a backward pass that
is handed the cache of an earlier forward pass.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np

from shapecheck.trace.tape import Operation, Ref, Tape

_MOST_COMPARED = 400


def joined(tape: Tape, until: int, kept: Iterable[int] = ()) -> tuple[Tape, dict[int, int]]:
    """A tape whose operations read the first of several equal values.

    Args:
        tape: With whole values.
        until: Only what was made before this operation takes the place of what comes later: the loss's forward pass.
        kept: Values that stay as they are: parameters, gradients.

    Returns:
        The tape, with the numbers of `tape`; and for each value that is not read any more the one in its place.
    """
    instead: dict[int, int] = {}
    known: dict[Any, int] = {}
    fixed = set(kept)
    operations: list[Operation] = []
    made: list[int] = []
    for original in tape.operations:
        for number in original.inputs:
            if number not in instead and number not in fixed and tape.values[number].producer is None:
                twin = _computed(tape, number, made)
                if twin is not None:
                    instead[number] = twin
        operation = _reading(original, instead)
        operations.append(operation)
        if operation.function == "opaque" or operation.label == "changed":
            continue
        key = (
            operation.site,
            operation.label,
            operation.function,
            _frozen(operation.arguments),
            _frozen(operation.keywords),
        )
        first = known.get(key, operation.result)
        if operation.number < until:
            known.setdefault(key, operation.result)
        if first != operation.result and operation.result not in fixed and _equal(tape, first, operation.result):
            instead[operation.result] = first
        elif operation.number < until:
            made.append(operation.result)
    bindings = [replace(b, value=instead.get(b.value, b.value)) for b in tape.bindings]
    accesses = [replace(a, value=instead.get(a.value, a.value)) for a in tape.accesses]
    return replace(tape, operations=operations, bindings=bindings, accesses=accesses), instead


def _reading(operation: Operation, instead: dict[int, int]) -> Operation:
    if not any(number in instead for number in operation.inputs):
        return operation
    return replace(
        operation,
        arguments=_mapped(operation.arguments, instead),
        keywords=_mapped(operation.keywords, instead),
        inputs=tuple(dict.fromkeys(instead.get(number, number) for number in operation.inputs)),
    )


def _mapped(structure: Any, instead: dict[int, int]) -> Any:
    if isinstance(structure, Ref):
        return Ref(instead.get(structure.value, structure.value))
    if type(structure) in {list, tuple}:
        return type(structure)([_mapped(element, instead) for element in structure])
    if isinstance(structure, dict):
        return {key: _mapped(element, instead) for key, element in structure.items()}
    if isinstance(structure, slice):
        parts = (structure.start, structure.stop, structure.step)
        return slice(*[_mapped(part, instead) for part in parts])
    return structure


def _frozen(structure: Any) -> Any:
    if isinstance(structure, list | tuple):
        return (type(structure).__name__, *[_frozen(element) for element in structure])
    if isinstance(structure, dict):
        return tuple((key, _frozen(element)) for key, element in structure.items())
    return structure if isinstance(structure, Ref) else repr(structure)


def _computed(tape: Tape, leaf: int, made: list[int]) -> int | None:
    """The value among those made before that a leaf is another copy of."""
    array = tape.values[leaf].array
    if not isinstance(array, np.ndarray) or array.size < 2 or array.dtype.kind != "f" or np.ptp(array) == 0:
        return None
    shape = array.shape
    same = [n for n in made if tape.values[n].shape == shape][:_MOST_COMPARED]
    return next((n for n in same if _equal(tape, n, leaf)), None)


def _equal(tape: Tape, one: int, other: int) -> bool:
    left, right = tape.values[one].array, tape.values[other].array
    if left is None or right is None or np.shape(left) != np.shape(right):
        return False
    return type(left) is type(right) and bool(np.array_equal(left, right))


__all__ = ["joined"]
