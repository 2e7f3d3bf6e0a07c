"""Derivatives entry by entry: all of them or a sample, here or on any `concurrent.futures.Executor`."""

from __future__ import annotations

import pickle
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future, as_completed
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shapecheck.gradients.comparison import Comparison, random_direction
from shapecheck.gradients.errors import LossError
from shapecheck.gradients.objective import Arguments, Objective
from shapecheck.gradients.parameters import ParameterSet
from shapecheck.gradients.reachable import places
from shapecheck.gradients.substitution import Substitution
from shapecheck.gradients.surface import Surface

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]


@dataclass(frozen=True)
class Entries:
    """Derivatives with respect to some entries of one parameter.

    Attributes:
        indices: Flat indices.
        values: The derivatives.
        noise: How wrong each may be for the noise of the loss.
        method: How they were computed.
    """

    indices: Indices
    values: Floats
    noise: Floats
    method: str


class EntrywiseDerivatives:
    """Computes derivatives entry by entry.

    Args:
        comparison: The loss, its noise, and complex steps of it.
        rng: For the direction of the alibi.
        executor: Where to evaluate; in this thread if None.
        progress: Whether to show progress; None for where it takes long and standard error is a terminal.
    """

    def __init__(
        self,
        comparison: Comparison,
        rng: np.random.Generator,
        executor: Executor | None = None,
        progress: bool | None = None,
    ) -> None:
        self.comparison = comparison
        self.rng = rng
        self.executor = executor
        self.progress = progress

    def of(self, name: str, indices: Indices, step: float | None = None) -> Entries:
        """Derivatives with respect to the entries of `name` at these flat indices."""
        surface = self.comparison.surface
        if self.executor is None and step is None and self._exact_is_trusted(name):
            exact = [self._exact(name, int(i)) for i in self._watched(name, indices, len(indices))]
            if all(value is not None for value in exact):
                values = np.array(exact, dtype=np.float64)
                return Entries(indices, values, 1e-10 * np.abs(values), "complex step")
        step = step or self.comparison.step_for({name: _one_hot(1, 0)})
        if self.executor is None:
            ends = [
                end
                for i in self._watched(name, indices, len(indices))
                for end in differences(surface, name, [int(i)], step)
            ]
        else:
            ends = self._elsewhere(name, indices, step)
        right, left, span = np.array(ends, dtype=np.float64).reshape(-1, 3).T
        noise = np.array([self.comparison.noise.of(r, v) for r, v in zip(right, left, strict=True)])
        return Entries(indices, (right - left) / span, 2 * noise / span, "central difference")

    def _exact(self, name: str, index: int) -> float | None:
        shape = self.comparison.surface.params[name].shape
        size = self.comparison.surface.params[name].size
        slope = self.comparison.exact_slope({name: _one_hot(size, index).reshape(shape)})
        return None if slope is None else slope.value

    def _exact_is_trusted(self, name: str) -> bool:
        """The alibi: a real difference along a random direction that agrees with the complex step."""
        direction = {name: random_direction(self.rng, self.comparison.surface.params[name].shape)}
        slope = self.comparison.exact_slope(direction)
        if slope is None:
            return False
        look = self.comparison.look(direction)
        allowed = 2 * look.noise + abs(look.bend) * 0.01 + 1e-7 * max(look.scale, abs(slope.value))
        return abs(look.measured - slope.value) <= allowed

    def _elsewhere(self, name: str, indices: Indices, step: float) -> list[tuple[float, float, float]]:
        assert self.executor is not None
        payload = pack(self.comparison.surface)
        self._refuse_other_functions(payload)
        chunks = np.array_split(indices, min(len(indices), 64))
        futures: dict[Future[Any], int] = {
            self.executor.submit(differences_elsewhere, payload, name, [int(i) for i in chunk], step): k
            for k, chunk in enumerate(chunks)
        }
        results: dict[int, Any] = {}
        try:
            for done in self._watched(
                name, as_completed(futures) if _standard(futures) else list(futures), len(futures)
            ):
                results[futures[done]] = done.result()
        except BaseException:
            for future in futures:
                future.cancel()
            raise
        self.comparison.surface.objective.evaluations += 2 * len(indices)
        return [end for k in range(len(chunks)) for end in results[k]]

    def _refuse_other_functions(self, payload: bytes) -> None:
        """Raise if the loss, sent elsewhere, does not see the parameters that are sent along."""
        assert self.executor is not None
        surface = self.comparison.surface
        away = {p.name: 0.05 * random_direction(self.rng, p.shape) for p in surface.params}
        here = surface.at(away)
        there = self.executor.submit(value_elsewhere, payload, away).result()
        if abs(here - there) > 1e3 * surface.epsilon * max(abs(here), abs(surface.base)):
            raise LossError(
                f"sent to the executor, the loss gives {there:.8g} where it gives {here:.8g} here: it reads arrays "
                f"that do not travel with it (globals of a module?). Write it as a function of the parameters",
                here=here,
                there=there,
            )

    def _watched(self, name: str, items: Iterable[Any], total: int) -> Iterator[Any]:
        """The items, with a progress line on standard error where that was asked for."""
        start, shown = time.perf_counter(), False
        wanted = self.progress if self.progress is not None else sys.stderr.isatty()
        for count, item in enumerate(items):
            yield item
            late = self.progress is True or time.perf_counter() - start > 2
            if wanted and late and (count % max(1, total // 100) == 0 or count == total - 1):
                done = 20 * (count + 1) // total
                sys.stderr.write(f"\r{name}  [{'=' * done}{' ' * (20 - done)}] {count + 1} of {total} ")
                sys.stderr.flush()
                shown = True
        if shown:
            sys.stderr.write("\n")


def _standard(futures: Iterable[Any]) -> bool:
    """Whether `as_completed` understands them; the futures of some executors only resemble the standard ones."""
    return all(isinstance(f, Future) for f in futures)


def differences(surface: Surface, name: str, indices: Sequence[int], step: float) -> list[tuple[float, float, float]]:
    """(right, left, distance) for each entry."""
    shape, size = surface.params[name].shape, surface.params[name].size
    ends = []
    for index in indices:
        found = surface.difference({name: _one_hot(size, index).reshape(shape)}, step)
        ends.append((found.right, found.left, float(found.span[name].reshape(-1)[index])))
    return ends


def _one_hot(size: int, index: int) -> Floats:
    direction = np.zeros(size)
    direction[index] = 1.0
    return direction


def pack(surface: Surface) -> bytes:
    """The loss and its parameters in one pickle, so that arrays which the loss holds stay the parameters' own.

    Raises:
        LossError: The loss cannot be pickled.
    """
    objective = surface.objective
    parcel = (
        objective.loss,
        objective.params.structure,
        objective.cotangent,
        objective.arguments,
        objective.params.names[0],
        surface.promotion is not None,
    )
    dump: Callable[[Any], bytes] = pickle.dumps
    with suppress(ImportError):
        dump = import_module("cloudpickle").dumps
    try:
        return dump(parcel)
    except Exception as error:
        raise LossError(
            f"the loss cannot be sent to an executor ({error}): define it at the top level of a module as a function "
            f"of the parameters, or as a method of an object that holds them; or install cloudpickle",
        ) from error


@lru_cache(maxsize=4)
def _unpack(payload: bytes, _thread: int) -> Surface:
    loss, structure, cotangent, arguments, name, promoted = pickle.loads(payload)
    kind: Arguments = arguments
    params = ParameterSet(structure, name=name, passed=kind != "none")
    objective = Objective(loss, params, kind, cotangent)
    return Surface(objective, Substitution(objective, list(places(loss, structure))) if promoted else None)


def differences_elsewhere(
    payload: bytes, name: str, indices: Sequence[int], step: float
) -> list[tuple[float, float, float]]:
    """As `differences`, in a worker of an executor."""
    return differences(_unpack(payload, _thread()), name, indices, step)


def value_elsewhere(payload: bytes, displacement: dict[str, Floats]) -> float:
    """The loss at displaced parameters, in a worker of an executor."""
    return _unpack(payload, _thread()).at(displacement)


def _thread() -> int:
    return threading.get_ident()  # threads must not perturb one another's parameters
