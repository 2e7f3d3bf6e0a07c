"""Stand-ins for what the names of a failed program held: arrays of the right shape that cost no memory."""

from __future__ import annotations

from typing import Any

import numpy as np

from shapecheck.trace.failure import Seen
from shapecheck.trace.tape import Shape

# Larger arrays are not computed with.
MOST_ENTRIES = 2_000_000


class UnknownValueError(Exception):
    """What an expression would give cannot be told without running the program."""


class Thing:
    """Stands for an object of the user's own: what its attributes held is known, and nothing else of it."""

    def __init__(self, attributes: dict[str, Any]) -> None:
        self.attributes = attributes


def dummy_array(shape: Shape, dtype: str | None = None) -> Any:
    """An array of a shape whose entries share one cell.

    Raises:
        UnknownValueError: It is too large, or of a type that has no stand-in.
    """
    kind = np.dtype(dtype or "float64").kind if dtype != "object" else "O"
    if kind not in "fiubc" or int(np.prod(shape, dtype=np.int64)) > MOST_ENTRIES:
        raise UnknownValueError
    value: Any = {"f": 0.5, "c": 0.5, "b": True}.get(kind, 0)
    return np.broadcast_to(np.array(value, dtype=dtype or "float64"), shape)


def stand_in(seen: Seen | None) -> Any:
    """A value to compute with in the place of what was seen.

    Raises:
        UnknownValueError: Too little is known of it.
    """
    if seen is None:
        raise UnknownValueError
    if seen.shape is not None and seen.dtype is not None:
        if seen.shape == () and seen.literal is not None:
            return seen.literal
        return dummy_array(seen.shape, seen.dtype)
    if seen.literal is not None:
        return seen.literal
    if seen.type == "dict":
        return {key: _lazily(inner) for key, inner in seen.elements}
    if seen.type in {"list", "tuple"} and seen.elements:
        items = [_lazily(inner) for _, inner in seen.elements]
        return items if seen.type == "list" else tuple(items)
    if seen.attributes:
        return Thing({name: _lazily(inner) for name, inner in seen.attributes})
    raise UnknownValueError


class Missing:
    """A part of something larger of which too little is known."""


def _lazily(seen: Seen) -> Any:
    try:
        return stand_in(seen)
    except UnknownValueError:
        return Missing()
