"""Which shapes a function has been seen to accept, so that the same shapes need not be checked a second time.

Whether a call is accepted depends on the types, shapes and dtypes of what is passed, assigned and returned, and on
nothing else. A second call that agrees in all of these is accepted without asking jaxtyping again; the first thing
that differs is checked in full, with the axes bound as they would be.
"""

from __future__ import annotations

import inspect
import sys
import types
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeAlias, Union, get_args, get_origin

import numpy as np
from jaxtyping import AbstractArray

from shapecheck.signatures.assignments import LocalRefused
from shapecheck.signatures.containers import items_fit

KEYS_KEPT, PLACES_KEPT = 128, 256

# Hashable; mypy does not take a class for one.
Key: TypeAlias = Any
Kind: TypeAlias = Callable[[Any], Key]


class UnusualError(Exception):
    """A value whose acceptance cannot be read off its type and shape, such as an array of a subclass."""


class Place:
    """A point in a function: what was assigned before it is known, and here is what may come next."""

    __slots__ = ("before", "hint", "name", "next", "results", "sample")

    def __init__(self, before: Place | None = None, name: str = "", hint: Any = None, sample: Any = None) -> None:
        self.before = before
        self.name = name
        self.hint = hint
        self.sample = sample
        self.next: dict[Key, Place] = {}
        self.results: set[Key] = set()


class Memory:
    """The accepted calls of one function."""

    def __init__(self, signature: inspect.Signature, hints: Mapping[str, Any], code: types.CodeType) -> None:
        self.known: dict[Key, Place] = {}
        self.places = 0
        self.in_order: list[Kind] = []
        self.by_name: dict[str, Kind] = {}
        kinds = {name: kind_of(hint) for name, hint in hints.items()}
        # A function that asks `isinstance` itself needs the axes bound, and a generator runs when they are gone.
        asks = "isinstance" in code.co_names
        suspended = code.co_flags & (inspect.CO_GENERATOR | inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR)
        starred = any(p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD) for p in signature.parameters.values())
        self.usable = not (asks or suspended or starred or None in kinds.values())
        self.of_result: Kind = kinds.get("return") or _no_matter
        for name, parameter in signature.parameters.items():
            kind = kinds.get(name) or _no_matter
            self.by_name[name] = kind
            if parameter.kind is not parameter.KEYWORD_ONLY:
                self.in_order.append(kind)

    def key(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Key:
        """What the acceptance of the arguments depends on; None where that is more than can be written down."""
        if not self.usable or len(args) > len(self.in_order):
            return None
        try:
            first = tuple([kind(value) for kind, value in zip(self.in_order, args, strict=False)])
            if not kwargs:
                return first
            return first, tuple([(name, self.by_name[name](value)) for name, value in kwargs.items()])
        except (UnusualError, KeyError):
            return None

    def accepted(self, key: Key) -> Place:
        """Remember that arguments of this key passed; returns where the function starts from."""
        if len(self.known) >= KEYS_KEPT:
            self.known.clear()
            self.places = 0
        start = self.known[key] = Place()
        return start


class Walk:
    """One call whose arguments are known to fit: follows its assignments, and checks what is new.

    Without a place to start from nothing is remembered; `bind` must then be called first.
    """

    __slots__ = ("arrays", "bound", "memory", "place", "unremembered")

    def __init__(self, memory: Memory, start: Place | None, arrays: Callable[[], Iterable[tuple[Any, Any]]]) -> None:
        self.memory = memory
        self.place = start
        self.unremembered: list[tuple[str, Any]] = []
        self.arrays = arrays
        self.bound = False

    def check(self, name: str, value: Any, hint: type[AbstractArray]) -> None:
        """Called after each annotated assignment; raises `LocalRefused` where it does not fit."""
        plain = type(value) is np.ndarray
        if plain and self.place is not None:
            following = self.place.next.get((name, value.shape, value.dtype))
            if following is not None:
                self.place = following
                return
        self.bind()
        if not isinstance(value, hint):
            raise LocalRefused(name, hint, sys._getframe(1))
        following = self._new(name, value, hint) if plain and self.place is not None else None
        if following is None and self.place is not None:
            self.unremembered = list(self.assigned())
        self.place = following
        if following is None:
            self.unremembered.append((name, _sample(value)))

    def result_fits(self, hint: Any, value: Any) -> bool:
        """Whether the result fits, given all that was assigned."""
        try:
            key = self.memory.of_result(value)
        except UnusualError:
            key = None
        if self.place is not None and key is not None and key in self.place.results:
            return True
        self.bind()
        if not items_fit(hint, value):
            return False
        if self.place is not None and key is not None:
            self.place.results.add(key)
        return True

    def _new(self, name: str, value: Any, hint: Any) -> Place | None:
        assert self.place is not None
        if self.memory.places >= PLACES_KEPT:
            return None  # a long loop: checked in full from here on
        self.memory.places += 1
        following = Place(self.place, name, hint, _sample(value))
        self.place.next[name, value.shape, value.dtype] = following
        return following

    def bind(self) -> None:
        """Bind the axes of the arguments and of the assignments so far, as a full check would have."""
        if self.bound:
            return
        self.bound = True
        for annotation, value in self.arrays():
            isinstance(value, annotation)
        for place in self._passed():
            isinstance(place.sample, place.hint)

    def assigned(self) -> list[tuple[str, Any]]:
        """What was assigned so far: names, and arrays of the same shapes."""
        return [(place.name, place.sample) for place in self._passed()] or self.unremembered

    def _passed(self) -> list[Place]:
        """The places passed so far, the first one first."""
        passed = []
        place = self.place
        while place is not None and place.before is not None:
            passed.append(place)
            place = place.before
        return passed[::-1]


def _sample(value: Any) -> Any:
    """An array of that shape and dtype that takes no memory; it binds axes as the value does."""
    return np.broadcast_to(np.zeros((), value.dtype), value.shape)


def kind_of(hint: Any) -> Kind | None:
    """What of a value decides whether it fits `hint`; None where it may be the value itself."""
    if hint is Any:
        return _no_matter
    if isinstance(hint, type) and issubclass(hint, AbstractArray):
        return None if "{" in hint.dim_str or "?" in hint.dim_str else _shape_and_dtype
    if isinstance(hint, type) and type(hint).__instancecheck__ is type.__instancecheck__ and not get_args(hint):
        return type
    origin, parts = get_origin(hint), get_args(hint)
    kinds = [kind_of(part) for part in parts if part is not ...]
    if not parts or None in kinds:
        return None
    if origin in (Union, types.UnionType):
        return _shape_or_type if all(kind in (type, _shape_and_dtype) for kind in kinds) else None
    if origin is tuple and parts[-1] is not ...:
        return _of_tuple(tuple(kind for kind in kinds if kind is not None))
    if origin is tuple or (isinstance(origin, type) and issubclass(origin, Sequence)):
        return _of_items(kinds[0] or _no_matter)
    if origin is dict:
        return _of_values(kinds[1] or _no_matter)
    return None


def _no_matter(_value: Any) -> Key:
    return None


def _shape_and_dtype(value: Any) -> Key:
    if type(value) is not np.ndarray:
        raise UnusualError
    return value.shape, value.dtype


def _shape_or_type(value: Any) -> Key:
    if isinstance(value, np.ndarray):
        return _shape_and_dtype(value)
    return type(value)


def _of_tuple(kinds: tuple[Kind, ...]) -> Kind:
    def kind(value: Any) -> Key:
        if type(value) is not tuple or len(value) != len(kinds):
            raise UnusualError
        return tuple([of_item(item) for of_item, item in zip(kinds, value, strict=True)])

    return kind


def _of_items(of_item: Kind) -> Kind:
    def kind(value: Any) -> Key:
        if type(value) not in (list, tuple):
            raise UnusualError
        return type(value), tuple([of_item(item) for item in value])

    return kind


def _of_values(of_value: Kind) -> Kind:
    def kind(value: Any) -> Key:
        if type(value) is not dict:
            raise UnusualError
        return tuple([(type(key), of_value(item)) for key, item in value.items()])

    return kind
