"""Whether a number measures outputs against targets, going by how it was computed and not by what it is called."""

from __future__ import annotations

from collections.abc import Iterable

from shapecheck.gradients.replay import Replay
from shapecheck.trace.tape import Operation, Ref, refs

_REDUCTIONS = frozenset(
    "numpy.sum .sum numpy.mean .mean numpy.average numpy.nanmean numpy.dot .dot @ numpy.matmul numpy.vdot numpy.inner "
    "numpy.linalg.norm numpy.einsum numpy.tensordot numpy.trace".split()
)
# What is done to each number of a difference, or of a probability, and to each sample, before all is summed.
_ENTRYWISE = frozenset(
    "+ - * / ** unary- numpy.add numpy.subtract numpy.multiply numpy.divide numpy.power numpy.square numpy.abs "
    "builtins.abs numpy.log numpy.log2 numpy.log1p numpy.exp numpy.sqrt numpy.maximum numpy.minimum numpy.clip .clip "
    "numpy.where numpy.nan_to_num numpy.logaddexp numpy.negative .T .reshape .ravel .copy numpy.squeeze "
    "numpy.sum .sum numpy.mean .mean numpy.linalg.norm".split()
)
_MEETINGS = frozenset("- * / numpy.subtract numpy.multiply numpy.divide numpy.where".split())
_DEEPEST = 10


def compares(replay: Replay, value: int, learned: set[int]) -> bool:
    """Whether a number is the sum or mean of a comparison of something learned with something given.

    Args:
        replay: The tape.
        value: The number's.
        learned: What depends on the parameters, themselves not included.
    """
    open_values = [value]
    seen: set[int] = set()
    while open_values:
        number = open_values.pop()
        operation = made_by(replay, number)
        if operation is None or number in seen or number not in learned:
            continue
        seen.add(number)
        if operation.function in _REDUCTIONS and _meets(replay, operation, learned):
            return True
        if operation.function in _REDUCTIONS and any(_is_comparison(replay, n, learned) for n in operation.inputs):
            return True
        if replay.tape.values[number].size == 1:
            open_values.extend(n for n in operation.inputs if replay.tape.values[n].size == 1)
    return False


def made_by(replay: Replay, value: int) -> Operation | None:
    """The operation that computed a value; None for what was given."""
    producer = replay.tape.values[value].producer
    operation = replay.tape.operations[producer] if producer is not None else None
    return operation if operation is not None and operation.function != "leaf" else None


def _is_comparison(replay: Replay, value: int, learned: set[int]) -> bool:
    """Whether an array was made, entry by entry, of something learned and something given."""
    level: Iterable[int] = [value]
    for _ in range(_DEEPEST):
        operations = [o for n in level if n in learned and (o := made_by(replay, n)) is not None]
        if any(_meets(replay, o, learned) for o in operations if o.function in _MEETINGS):
            return True
        if any(_picks(replay, o, learned) for o in operations):
            return True
        level = dict.fromkeys(n for o in operations if o.function in _ENTRYWISE for n in o.inputs)
    return False


def _meets(replay: Replay, operation: Operation, learned: set[int]) -> bool:
    """Whether one operand is learned, and the other an array of the same size that was given."""
    values = replay.tape.values
    places = [a.value for a in operation.arguments if isinstance(a, Ref)]
    given = [n for n in places if n not in learned and values[n].size > 1]
    return any(values[n].size == values[g].size for g in given for n in places if n in learned)


def _picks(replay: Replay, operation: Operation, learned: set[int]) -> bool:
    """Whether entries are picked by an array that was given: `p[np.arange(m), labels]`."""
    if operation.function != "getitem":
        return False
    chosen = [n for n in refs(operation.arguments[1:]) if n not in learned]
    return any(replay.tape.values[n].size > 1 for n in chosen)


__all__ = ["compares", "made_by"]
