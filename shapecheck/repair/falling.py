"""Whether a loss that is computed on a line of the program fell over a run."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from shapecheck.trace.child import Trace
from shapecheck.trace.tape import Tape

# So many of the first values, and of the last, are compared by their means: one sample's loss says little.
_MOST = 5


@dataclass(frozen=True)
class Watched:
    """The line that computes it."""

    path: str
    line: int


def falls(trace: Trace, watched: Watched) -> bool | None:
    """Whether the number that a line computes was smaller at the end; None where it computes none, or only one."""
    first = _numbers(trace.head, watched)
    if not first:
        return None
    # The expression that the others on the line are part of.
    text = max(first, key=len)
    last = _numbers(trace.tail, watched).get(text, []) if trace.tail is not None else []
    numbers = first[text]
    ends = last or numbers[_MOST:]
    if len(numbers) < 2 or not ends:
        return None
    before, after = _mean(numbers[:_MOST]), _mean(ends[-_MOST:])
    return math.isfinite(after) and after < before


def _numbers(tape: Tape, watched: Watched) -> dict[str, list[float]]:
    """Expression -> the numbers that it gave, in order; sums that grow from turn to turn are left out."""
    found: dict[str, list[float]] = {}
    for text, number in _given(tape, watched):
        found.setdefault(text, []).append(number)
    return found


def _given(tape: Tape, watched: Watched) -> Iterator[tuple[str, float]]:
    for operation in tape.operations:
        value = tape.values[operation.result]
        site = tape.sites[operation.site] if operation.site is not None else None
        if site is None or (site.path, site.line) != (watched.path, watched.line) or operation.function.endswith("="):
            continue
        if value.size == 1 and value.dtype.startswith("float") and value.array is not None:
            yield site.text, float(value.array)


def _mean(numbers: list[float]) -> float:
    return sum(numbers) / len(numbers)


__all__ = ["Watched", "falls"]
