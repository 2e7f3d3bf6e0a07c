"""Notes what statements of the form `W -= step` do to their targets; copied beside a program by `updates.py`."""

from __future__ import annotations

import atexit
import json
import os
import pickle
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

TIMES, BYTES, DEPTH = 80, 60_000_000, 4
HERE = Path(__file__).parent

# Of each executed statement: which one, the arrays and numbers in its target before it, and after it.
records: list[tuple[str, list[np.ndarray], list[np.ndarray]]] = []
# Steps of these statements are made longer by this factor.
scaled = json.loads(os.environ.get("UPDATES_SCALED", "[]"))
factor = float(os.environ.get("UPDATES_FACTOR", "1"))
times: Counter[str] = Counter()
spent = 0


def held(value: Any, depth: int = DEPTH) -> list[np.ndarray]:
    """Copies of the arrays and numbers in a value, in the order in which they are found."""
    if isinstance(value, bool | str | bytes) or value is None or depth == 0:
        return []
    if isinstance(value, int | float | np.ndarray | np.number):
        array = np.array(value)
        if array.dtype == object and array.ndim:
            return [found for item in array.ravel() for found in held(item, depth - 1)]
        return [array.astype(float)] if array.dtype.kind in "fiu" else []
    if isinstance(value, dict):
        items = list(value.values())
    elif isinstance(value, list | tuple):
        items = list(value)
    else:
        items = list(getattr(value, "__dict__", {}).values())
    return [found for item in items for found in held(item, depth - 1)]


def arrays(value: Any, depth: int = DEPTH) -> list[np.ndarray]:
    """The arrays in a value themselves, in the same order; numbers cannot be changed in place and are left out."""
    if isinstance(value, np.ndarray):
        return [value] if value.dtype.kind == "f" else []
    if depth == 0:
        return []
    if isinstance(value, dict):
        items = list(value.values())
    elif isinstance(value, list | tuple):
        items = list(value)
    else:
        items = list(getattr(value, "__dict__", {}).values())
    return [found for item in items for found in arrays(item, depth - 1)]


def before(site: str, value: Any) -> tuple[str, list[np.ndarray]] | None:
    times[site] += 1
    if times[site] > TIMES or spent > BYTES:
        return None
    return site, held(value)


def after(began: tuple[str, list[np.ndarray]] | None, value: Any) -> Any:
    """Note the target's new value and return it, or one further away from the old where steps are made longer."""
    global spent  # noqa: PLW0603 - the recorder is the module
    if began is not None:
        if factor != 1.0 and began[0] in scaled:
            if isinstance(value, int | float | np.number):
                value = began[1][0][()] + factor * (value - began[1][0][()])
            for old, array in zip(began[1], arrays(value), strict=False):
                array[...] = old + factor * (array - old)
        records.append((*began, held(value)))
        spent += sum(array.nbytes for array in records[-1][2]) * 2
    return value


@atexit.register
def write() -> None:
    with (HERE / "updates.pickle").open("wb") as file:
        pickle.dump(records, file)
