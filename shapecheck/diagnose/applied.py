"""Right gradients that are lost or doubled on their way into a parameter: integer arrays, a second update."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from shapecheck.gradients.replay import Replay
from shapecheck.network.parameters import Parameter, Update
from shapecheck.trace.tape import Operation, Ref, refs

# A fraction that is so small beside how far numbers lie apart says little.
_LITTLE = 0.01


@dataclass(frozen=True, slots=True)
class Truncation:
    """Fractions stored in an integer array, on the way to a parameter.

    Attributes:
        site: Of the assignment.
        birth: The value of the integer array as it was created.
        parameters: The names of the parameters whose updates depend on it; empty where the tape cannot tell, as for
            entries handed out one by one by a loop.
    """

    site: int
    birth: int
    parameters: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SecondUpdate:
    """Entries of a parameter that one step moves twice by the same amount.

    Attributes:
        site: Of the second update.
        first: Number of the operation that is the first.
        parameter: Its name.
        entries: How many entries are moved twice, of how many.
    """

    site: int
    first: int
    parameter: str
    entries: int
    size: int


def truncations(replay: Replay, parameters: Sequence[Parameter]) -> list[Truncation]:
    """Stores of numbers with a fractional part in signed integer arrays that are no indices.

    Args:
        replay: The tape.
        parameters: What the program updates.
    """
    feeds = {p.name: replay.ancestors([u.change for u in p.updates]) for p in parameters}
    learned = replay.dependents({p.birth for p in parameters}, len(replay.tape.operations))
    found: dict[int, Truncation] = {}
    for operation in replay.tape.operations:
        if operation.site is None or operation.site in found or not _cuts_off(replay, operation):
            continue
        names = tuple(name for name, values in feeds.items() if operation.result in values)
        if (
            operation.function == "setitem"
            and learned.isdisjoint(operation.inputs)
            and _loses_little(replay, operation)
        ):
            continue
        # Where nothing is learned, a fraction that is stored may be meant to be cut off; one that is added is lost.
        meant = names or parameters or operation.function in {"+=", "-="} or _is_step(replay, operation)
        if meant and (names or not _is_index(replay, operation)):
            target = operation.arguments[0].value
            found[operation.site] = Truncation(operation.site, _birth(replay, target), names)
    return list(found.values())


def _cuts_off(replay: Replay, operation: Operation) -> bool:
    place = 2 if operation.function in {"setitem", "numpy.add.at"} else 1
    stores = operation.function in {"setitem", "numpy.add.at"} or operation.function.endswith("=")
    if not stores or len(operation.arguments) <= place or not isinstance(operation.arguments[0], Ref):
        return False
    target, value = replay.recorded[operation.arguments[0].value], operation.arguments[place]
    if not isinstance(target, np.ndarray) or target.dtype.kind != "i":
        return False
    array = np.asarray(replay.recorded[value.value] if isinstance(value, Ref) else _number(value))
    return array.dtype.kind == "f" and bool(np.any(array != np.trunc(array)))


def _loses_little(replay: Replay, operation: Operation) -> bool:
    """Whether data are next to nothing without their fractions: grey values, from 0 to 255, are meant to be whole."""
    stored = operation.arguments[2]
    array = np.asarray(replay.recorded[stored.value] if isinstance(stored, Ref) else _number(stored))
    return bool(np.max(np.abs(array - np.trunc(array))) <= _LITTLE * np.ptp(array))


def _is_step(replay: Replay, operation: Operation) -> bool:
    """Whether what is stored in an array is it, or an entry of it, moved by something: `w[j] = w[j] - step`."""
    tape, (array, *_, stored) = replay.tape, operation.arguments
    number = tape.values[stored.value].producer if isinstance(stored, Ref) else None
    moved = tape.operations[number] if number is not None else None
    if moved is None or moved.function not in {"+", "-"} or not moved.inputs:
        return False
    number = tape.values[moved.inputs[0]].producer
    entry = tape.operations[number] if number is not None else None
    whole = entry.inputs[0] if entry is not None and entry.function == "getitem" else moved.inputs[0]
    return bool(whole == array.value)


def _is_index(replay: Replay, operation: Operation) -> bool:
    """Whether an array, or a later version of it, picks entries of another: there integers are meant."""
    identity = replay.tape.values[operation.result].identity
    versions = {v.number for v in replay.tape.values if v.identity == identity}
    for other in replay.tape.operations:
        if other.function in {"getitem", "setitem"} and not versions.isdisjoint(refs(other.arguments[1:2])):
            return True
    return False


def _number(value: Any) -> Any:
    return value if isinstance(value, int | float) else 0


def _birth(replay: Replay, value: int) -> int:
    """The first version of an array that was changed in place."""
    identity = replay.tape.values[value].identity
    return next(v.number for v in replay.tape.values if v.identity == identity)


def second_updates(replay: Replay, parameters: Iterable[Parameter]) -> list[SecondUpdate]:
    """Steps that move entries of a parameter, and then move them again by the same amount.

    Args:
        replay: The tape.
        parameters: What the program updates.
    """
    found: dict[int, SecondUpdate] = {}
    for parameter in parameters:
        for update, following in itertools.pairwise(parameter.updates):
            second = _second(replay, update, following)
            if second is not None and second[0] not in found:
                site, entries = second
                size = int(np.size(replay.recorded[update.new]))
                found[site] = SecondUpdate(site, update.operation, parameter.name, entries, size)
    return list(found.values())


def _second(replay: Replay, update: Update, following: Update) -> tuple[int, int] | None:
    """(site, number of entries) of a store into the new version that repeats the update's own change."""
    recorded = replay.recorded
    first = update.sign * np.asarray(recorded[update.change])
    now = np.asarray(recorded[update.new])
    if np.broadcast(first, now).shape != now.shape:
        return None
    first = np.broadcast_to(first, now.shape)
    # Without a forward pass in between, the next update itself can be the repetition.
    repeated = following.change not in replay.dependents([update.new], following.operation)
    for operation in replay.tape.operations[update.operation + 1 : following.operation + repeated]:
        repeats = operation.function in {"setitem", "+", "-", "+=", "-="} and update.new in operation.inputs
        if not repeats or operation.site is None or np.shape(recorded[operation.result]) != now.shape:
            continue
        moved = np.asarray(recorded[operation.result]) - now
        entries = moved != 0
        scale = float(np.abs(first).max(initial=0.0))
        if entries.any() and np.all(np.abs(moved - first)[entries] <= 1e-9 * scale) and np.any(first[entries]):
            return operation.site, int(entries.sum())
    return None


__all__ = ["SecondUpdate", "Truncation", "second_updates", "truncations"]
