"""Random generators: which ones a loss moves, and holding them still while it is evaluated."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import numpy as np

from shapecheck.gradients.reachable import Place


@dataclass(frozen=True)
class Generator:
    """One source of random numbers, by the name one would write."""

    name: str
    get: Callable[[], Any]
    set: Callable[[Any], None]


def generators(found: Iterable[Place]) -> list[Generator]:
    """The two global generators and all that the places hold."""
    known = [
        Generator("np.random", np.random.get_state, np.random.set_state),
        Generator("random", random.getstate, random.setstate),
    ]
    seen: set[int] = set()
    for place in found:
        value = place.value
        if id(value) in seen:
            continue
        seen.add(id(value))
        if isinstance(value, np.random.Generator):
            known.append(_numpy_generator(place.name, value))
        elif isinstance(value, np.random.RandomState):
            known.append(Generator(place.name, value.get_state, value.set_state))
        elif isinstance(value, random.Random):
            known.append(Generator(place.name, value.getstate, value.setstate))
    return known


def _numpy_generator(name: str, value: np.random.Generator) -> Generator:
    bits = value.bit_generator

    def put(state: Any) -> None:
        bits.state = state

    return Generator(name, lambda: bits.state, put)


class HeldGenerators(AbstractContextManager["HeldGenerators"]):
    """Remember the generators' states on the way in, and put them back on the way out.

    Attributes:
        moved: Names of those that an evaluation was seen to move.
    """

    def __init__(self, known: list[Generator]) -> None:
        self._known = known
        self._states: list[Any] = []
        self._moving: list[tuple[Generator, Any]] = []
        self.moved: tuple[str, ...] = ()

    def __enter__(self) -> Self:
        self._states = [g.get() for g in self._known]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for generator, state in zip(self._known, self._states, strict=True):
            generator.set(state)

    def look(self) -> tuple[str, ...]:
        """Note which generators have moved since the beginning; from now on `rewind` puts these back."""
        pairs = zip(self._known, self._states, strict=True)
        self._moving = [(g, state) for g, state in pairs if not _same(g.get(), state)]
        self.moved = tuple(g.name for g, _ in self._moving)
        return self.moved

    def rewind(self) -> None:
        """Put the generators that move back to where they were in the beginning."""
        for generator, state in self._moving:
            generator.set(state)


def _same(a: Any, b: Any) -> bool:
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(_same(a[k], b[k]) for k in a)
    if isinstance(a, np.ndarray):
        return bool(np.array_equal(a, b))
    if isinstance(a, tuple) and set(map(type, a)) <= {int}:
        return bool(a == b)
    if isinstance(a, tuple | list):
        return len(a) == len(b) and all(_same(x, y) for x, y in zip(a, b, strict=True))
    return bool(a == b)
