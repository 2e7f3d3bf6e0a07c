"""Remember what a forward pass was last called with: a backward pass is told the cotangent only."""

from __future__ import annotations

import functools
import inspect
import types
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np

from shapecheck.verification.boxes import same_bits

_MARK = "__shapecheck_recording__"


class Recording:
    """The last call of a forward pass, for each object that it was called on.

    Args:
        wanted: Asked at each call; while it says no, nothing is kept and a call costs two lookups.
    """

    def __init__(self, wanted: Callable[[], bool]) -> None:
        self.wanted = [wanted]
        self._calls: dict[int, tuple[Any, list[tuple[Any, Any]], dict[str, tuple[Any, Any]]]] = {}

    def keep(self, owner: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Remember a call; `owner` is the object whose method it is, None for a function."""
        key = id(owner)
        reference: Callable[[], Any]
        try:
            reference = weakref.ref(owner, lambda _, key=key: self._calls.pop(key, None))  # type: ignore[misc]
        except TypeError:  # None, or an object with slots: keep it, so that its id stays its own
            reference = lambda: owner  # noqa: E731
        self._calls[key] = (
            reference,
            [(arg, _copied(arg)) for arg in args],
            {name: (arg, _copied(arg)) for name, arg in kwargs.items()},
        )

    def last(self, owner: Any) -> tuple[tuple[Any, ...], dict[str, Any]] | None:
        """Arguments of the last call on `owner`, as they were then."""
        found = self._calls.get(id(owner))
        if found is None or found[0]() is not owner:
            return None
        return tuple(_as_then(*pair) for pair in found[1]), {k: _as_then(*pair) for k, pair in found[2].items()}


def _copied(value: Any) -> Any:
    return value.copy() if isinstance(value, np.ndarray) else None


def _as_then(value: Any, copy: Any) -> Any:
    if copy is None or (value.shape == copy.shape and same_bits(np.asarray(value), np.asarray(copy))):
        return value
    return copy


def recording_of(function: Any) -> Recording | None:
    """The recording that a function was wrapped with, if it was."""
    return getattr(function, _MARK, None)


def record_method(cls: type, name: str, wanted: Callable[[], bool]) -> Recording | None:
    """Wrap the method `name` of a class, so that its calls are remembered.

    Returns:
        The recording; None where there is nothing to wrap.
    """
    original = inspect.getattr_static(cls, name, None)
    if original is None:
        return None
    existing = recording_of(original) if name in vars(cls) else None
    if existing is not None:
        existing.wanted.append(wanted)
        return existing
    if isinstance(original, staticmethod | classmethod) or not isinstance(original, types.FunctionType):
        return None
    recording = Recording(wanted)

    @functools.wraps(original)
    def remembering(self: Any, /, *args: Any, **kwargs: Any) -> Any:
        if any(asked() for asked in recording.wanted):
            recording.keep(self, args, kwargs)
        return original(self, *args, **kwargs)

    setattr(remembering, _MARK, recording)
    setattr(cls, name, remembering)
    return recording


def record_global(function: types.FunctionType, namespace: dict[str, Any], wanted: Callable[[], bool]) -> bool:
    """Wrap a module's function in place, so that its calls are remembered; False if it is not found there."""
    names = [name for name, value in namespace.items() if value is function]
    if not names:
        return False
    recording = Recording(wanted)

    @functools.wraps(function)
    def remembering(*args: Any, **kwargs: Any) -> Any:
        if any(asked() for asked in recording.wanted):
            recording.keep(None, args, kwargs)
        return function(*args, **kwargs)

    setattr(remembering, _MARK, recording)
    for name in names:
        namespace[name] = remembering
    return True


class ClassReader:
    """Put into a class body by a decorator; wraps the forward method as soon as the class exists, and leaves.

    A decorated method is a plain function and cannot learn its class; an attribute with `__set_name__` can.
    """

    def __init__(self, act: Callable[[type], None]) -> None:
        self.act = act

    def __set_name__(self, owner: type, name: str) -> None:
        delattr(owner, name)
        self.act(owner)
