"""Arrays that the program gives another size or shape: what was recorded of them keeps the old one."""

from __future__ import annotations

import sys
import weakref
from typing import TYPE_CHECKING, Any

import numpy as np

from shapecheck.trace.recorder import ArrayStub

if TYPE_CHECKING:
    from shapecheck.trace.recorder import Recorder

# So many events are gone through before it is asked whether any are left that refer to the array.
_SOME_EVENTS = 256


def forget(recorder: Recorder, array: Any) -> np.ndarray[Any, Any]:
    """Drop every reference to an array that is about to get another size or shape.

    NumPy resizes unshared memory only, and what was recorded had the old shape: a copy takes its place, or another
    view of the same memory. Most such arrays are new: the latest events are gone through first, and no others where
    nothing of ours refers to it any more.

    Returns:
        What stands for the array as it was.
    """
    copy = np.array(array, order="K", copy=True, subok=False) if array.base is None else array[...]
    recorder.state.saved.pop(id(array), None)
    stack, rolling, flat = recorder.stack, recorder.rolling, recorder.flat
    stack[:] = [_other(value, array, copy) for value in stack]
    for end in range(len(rolling), 0, -_SOME_EVENTS):
        for place in range(max(0, end - _SOME_EVENTS), end):
            rolling[place] = tuple([_other(value, array, copy) for value in rolling[place]])
        if sys.getrefcount(array) <= _AT_REST and not weakref.getweakrefcount(array):
            break
    for end in range(len(flat), 0, -_SOME_EVENTS):
        start = max(0, end - _SOME_EVENTS)
        flat[start:end] = [_other(value, array, copy) for value in flat[start:end]]
        if sys.getrefcount(array) <= _AT_REST and not weakref.getweakrefcount(array):
            break
    return copy


def _other(value: Any, array: Any, copy: Any) -> Any:
    """What stands for a recorded value once an array has another shape."""
    if value is array:
        return copy
    if type(value) is ArrayStub and value.reference() is array:
        value.reference = lambda: None
    return value


def _references_at_rest() -> int:
    """How many references `forget` sees to an array that only one name of the program holds."""

    def resizing(array: Any) -> int:
        return forgetting(array)

    def forgetting(array: Any) -> int:
        return sys.getrefcount(array)

    held = np.zeros(1)
    return resizing(held)


_AT_REST = _references_at_rest()

__all__ = ["forget"]
