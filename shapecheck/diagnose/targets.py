"""What wrong expressions should have given: the expression to blame, and the operands that may have misled it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from shapecheck.diagnose.blame import Origin
from shapecheck.diagnose.verdicts import Verdicts
from shapecheck.gradients.adjoints import Adjoints
from shapecheck.gradients.matching import same_direction
from shapecheck.trace.tape import Operation, Ref

# So many values are tried in the place of an operand.
_MOST_OTHERS = 80
_SCALING = frozenset({"*", "/", "numpy.multiply", "numpy.divide"})


@dataclass(frozen=True, slots=True, eq=False)
class Result:
    """What an expression gave at one time, and what it should have given.

    Attributes:
        value: Number of what it gave.
        wanted: Arrays of which any would do, up to a factor; NaN where anything would.
        exact: No factor is allowed, for it is the factor that is wrong.
        misled: For an operand: the number of the operation that it went into.
    """

    value: int
    wanted: tuple[Any, ...]
    misled: int | None = None
    exact: bool = False


@dataclass(frozen=True, slots=True)
class Target:
    """An expression to mend; `site` is None for an operand, wherever it was handed over."""

    site: int | None
    results: tuple[Result, ...]


def targets_of(
    site: int, wanted: dict[int, tuple[Any, ...]], origins: Sequence[Origin], known: Verdicts, *, exact: bool = False
) -> tuple[Target, ...]:
    """What to aim at to mend an expression: itself, the operand that is to blame, operands that could be others.

    Args:
        site: The expression.
        wanted: Its results, each with what it should have been.
        origins: The operands to blame, all of one expression, if they are known.
        known: The verdicts of the step.
        exact: Whether it is the factor that is wrong.
    """
    found = [Target(site, tuple(Result(value, arrays, exact=exact) for value, arrays in wanted.items()))]
    if origins:
        found.insert(0, Target(origins[0].site, tuple(Result(o.value, (o.wanted,), o.misled) for o in origins)))
    for value, arrays in list(wanted.items())[:1]:
        found[:0] = _unchanged(known, value, arrays)
        if exact:
            found += _addend(known, value, np.asarray(arrays[0], dtype=float))
        # What is made in one order may be taken up in another.
        single = exact and np.size(arrays[0]) == 1
        found.append(Target(None, tuple(Result(v, a, exact=single) for v, a in wanted.items())))
        found += () if exact else _scaled(known, site, value, arrays)
        found += _exchanged(known, value, np.asarray(arrays[0], dtype=float))
    return tuple(found)


def _unchanged(known: Verdicts, value: int, arrays: tuple[Any, ...]) -> Iterator[Target]:
    """Stores into a value that leave it as it is, though it should be another afterwards: `d[a < 0] = 0`."""
    tape, recorded = known.replay.tape, known.replay.recorded
    for operation in tape.operations[tape.values[value].producer or 0 : known.step.last + 1]:
        stores = operation.function == "setitem" and operation.arguments[:1] == (Ref(value),)
        if stores and operation.site is not None and np.array_equal(recorded[operation.result], recorded[value]):
            yield Target(operation.site, (Result(operation.result, arrays),))


def _scaled(known: Verdicts, site: int, value: int, arrays: tuple[Any, ...]) -> Iterator[Target]:
    """The expression around one, where it only multiplies by a number: this number may be what is wrong."""
    tape = known.replay.tape
    for operation in tape.operations[tape.values[value].producer or 0 : known.step.last + 1]:
        if value in operation.inputs and operation.function in _SCALING and operation.site is not None:
            same = tape.values[operation.result].shape == tape.values[value].shape
            if same and tape.sites[site].within(tape.sites[operation.site]) and operation.site != site:
                yield Target(operation.site, (Result(operation.result, arrays),))
                return


def _addend(known: Verdicts, value: int, wanted: Any) -> Iterator[Target]:
    """What is added to a sum, where all of the sum has to be a multiple of what it is."""
    operation, recorded = known.producer(value), known.replay.recorded
    if operation is None or operation.function not in {"+=", "-="} or not isinstance(operation.arguments[1], Ref):
        return
    total = np.asarray(recorded[value], dtype=float)
    ratio = float(np.sum(wanted * total)) / (float(np.sum(total * total)) or 1.0)
    addend = operation.arguments[1].value
    made = known.producer(addend)
    result = Result(addend, (ratio * np.asarray(recorded[addend]),), operation.number, exact=True)
    yield Target(made.site if made is not None else None, (result,))


def _exchanged(known: Verdicts, value: int, wanted: Any) -> Iterator[Target]:
    """Operands in whose place another value of the program gives what is wanted."""
    replay, adjoints = known.replay, known.matching.adjoints
    operation = known.producer(value)
    if operation is None:
        return
    for operand in dict.fromkeys(operation.inputs):
        for other in _others(known, adjoints, operation, operand, np.shape(wanted)):
            result = replay.exchanged(operation, operand, other)
            if result is not None and _is_as_wanted(result, wanted):
                yield Target(None, (Result(operand, (other,), operation.number, exact=np.size(wanted) == 1),))
                break


def _is_as_wanted(result: Any, wanted: Any) -> bool:
    """Whether a result is what is wanted: up to a factor, but for plain numbers, which all are multiples."""
    if np.size(wanted) == 1:
        return np.shape(result) == np.shape(wanted) and bool(np.all(np.isclose(result, wanted, rtol=1e-6, atol=0.0)))
    return same_direction(result, wanted)


def _others(
    known: Verdicts, adjoints: Adjoints, operation: Operation, operand: int, wanted: tuple[int, ...]
) -> Iterator[Any]:
    """Values that could be meant for an operand: of its shape, or of that of the result, the latest first."""
    replay = known.replay
    shape = np.shape(replay.recorded[operand])
    if np.prod(shape, dtype=int) < 2 and np.prod(wanted, dtype=int) < 2 and known.rate is None:
        return
    tape = replay.tape
    tried: list[Any] = [replay.recorded[operand]]
    for number in reversed(range(operation.result)):
        if tape.values[number].shape not in {shape, wanted} or number == operand:
            continue
        producer = tape.values[number].producer
        if producer is not None and producer >= operation.number:
            continue
        array = replay.recorded[number]
        if array is None or any(np.array_equal(array, t) for t in tried):
            continue
        tried.append(array)
        yield array
        if len(tried) > _MOST_OTHERS:
            return
    for number in adjoints.of:
        if shape and np.shape(adjoints[number]) == shape and len(tried) <= 2 * _MOST_OTHERS:
            tried.append(adjoints[number])
            yield adjoints[number]


__all__ = ["Result", "Target", "targets_of"]
