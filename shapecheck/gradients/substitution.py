"""Other arrays in the places where a loss reads its parameters: float64 for float32 ones, complex for real ones."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np

from shapecheck.gradients.objective import Objective
from shapecheck.gradients.reachable import Place

_LARGEST = 20_000_000  # entries of data worth copying for a measurement


class Substitution:
    """Evaluate a loss with other arrays than the user's.

    In-place changes cannot alter a dtype. So the places that hold the parameters' arrays (closures, globals,
    attributes, dicts, lists) hold others for the time of one evaluation.

    Attributes:
        data: Places of the floating arrays that are no parameters; none where they are large.
        missing: Parameters for which no such place was found; the substitution is impossible if there are any.
    """

    def __init__(self, objective: Objective, found: Iterable[Place]) -> None:
        self.objective = objective
        params = objective.params
        wanted = {id(p.value): p.name for p in params if isinstance(p.value, np.ndarray)}
        found = list(found)
        self.data = _data(found, wanted)
        once = {(id(place.holder), place.key): place for place in found if id(place.value) in wanted}
        self._places: list[tuple[str, Place]] = [(wanted[id(place.value)], place) for place in once.values()]
        own = [(p.name, Place(p.name, p.value, p.container, p.key)) for p in params if p.replaceable]
        held = {(id(place.holder), place.key) for _, place in self._places}
        self._places += [(name, place) for name, place in own if (id(place.holder), place.key) not in held]
        reached = {name for name, place in self._places if not isinstance(place.holder, tuple)}
        passed = objective.arguments != "none"
        self.missing = () if passed else tuple(n for n in params.names if n not in reached)

    def evaluate(self, values: Mapping[str, Any], others: Iterable[tuple[Place, Any]] = ()) -> Any:
        """The loss with `values` instead of the user's arrays, as the scalar that it returns."""
        with self.held(values, others):
            return self.objective.raw(self.objective.params.rebuild(values))

    @contextmanager
    def held(self, values: Mapping[str, Any], others: Iterable[tuple[Place, Any]] = ()) -> Iterator[None]:
        """Hold `values` in the places of the user's arrays, and others in other places, until the block is left."""
        held: list[Place] = []
        self.objective.substituted = True
        try:
            for place, value in [*((place, values[name]) for name, place in self._places), *others]:
                # Noted before it is done, so that Ctrl-C between the two still finds its way back.
                held.append(Place(place.name, place.current, place.holder, place.key))
                place.put(value)
            yield
        finally:
            for place in reversed(held):
                place.put(place.value)


def _data(found: Iterable[Place], parameters: Container[int]) -> list[Place]:
    floats = [p for p in found if isinstance(p.value, np.ndarray) and p.value.dtype.kind == "f"]
    data = [p for p in floats if id(p.value) not in parameters and not isinstance(p.holder, tuple)]
    return data if sum(p.value.size for p in data) <= _LARGEST else []
