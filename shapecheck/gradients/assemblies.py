"""How a program's arrays make a gradient: which sum over samples, or which product of two of them, it is.

There are thousands of combinations, so each is first held against the gradient along one random vector; only what
fits there is multiplied out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Values = Mapping[str, NDArray[Any]]
_CLOSE = 1e-5
_AT_ONCE = 2_000_000  # entries held at the same time


@dataclass(frozen=True)
class Assembly:
    """How some arrays make a gradient: `build(D)` is it, with D the array that a slope would multiply."""

    text: str
    name: str
    array: Floats
    build: Callable[[Floats], Floats]


@dataclass(frozen=True)
class Family:
    """Arrays of one shape."""

    names: tuple[str, ...]
    arrays: Floats  # (number, *shape)

    @property
    def shape(self) -> tuple[int, ...]:
        """Of each."""
        return tuple(self.arrays.shape[1:])

    def parts(self) -> Iterator[Family]:
        """Small enough to be worked on at once."""
        count = max(1, _AT_ONCE // max(1, int(np.prod(self.shape))))
        for start in range(0, len(self.names), count):
            yield Family(self.names[start : start + count], self.arrays[start : start + count])


def families(arrays: Values) -> list[Family]:
    """The matrices among some arrays, by shape; an array that is there under two names is there once."""
    grouped: dict[tuple[int, ...], dict[bytes, tuple[str, Floats]]] = {}
    for name, array in arrays.items():
        if array.ndim == 2:
            grouped.setdefault(array.shape, {}).setdefault(array.tobytes(), (name, array))
    return [Family(tuple(n for n, _ in g.values()), np.stack([a for _, a in g.values()])) for g in grouped.values()]


def proportional(made: Floats, gradient: Floats) -> bool:
    """Whether one array is a multiple of the other; one number must be equal, as any is a multiple of any other."""
    size = float(np.vdot(made, made))
    if size == 0 or made.shape != gradient.shape:
        return False
    c = float(np.vdot(made, gradient)) / size
    if made.size == 1 and abs(c - 1) > _CLOSE:
        return False
    return bool(np.linalg.norm(gradient - c * made) <= _CLOSE * np.linalg.norm(gradient)) and c != 0


def assemblies(gradient: Floats, turned: Family, others: list[Family]) -> Iterator[Assembly]:
    """The ways in which sums of the `turned` and their products with others make this gradient, up to a factor.

    Args:
        gradient: The user's.
        turned: Arrays that might hold what flows back, (number, rows, columns).
        others: Arrays that they may be multiplied with.
    """
    for part in turned.parts():
        yield from _sums(gradient, part)
        if gradient.ndim == 2:
            for other in others:
                yield from _products(gradient, part, other)


def _sums(gradient: Floats, turned: Family) -> Iterator[Assembly]:
    for axis in (0, 1):
        if turned.shape[1 - axis] != gradient.size:
            continue
        for i, made in enumerate(turned.arrays.sum(axis=1 + axis)):
            if proportional(made.reshape(gradient.shape), gradient):
                name = turned.names[i]
                build = _summed(axis, gradient.shape)
                yield Assembly(f"np.sum({name}, axis={axis})", name, turned.arrays[i], build)


def _products(gradient: Floats, turned: Family, other: Family) -> Iterator[Assembly]:
    for samples_last in (False, True):
        d = turned.arrays.swapaxes(1, 2) if samples_last else turned.arrays
        a = other.arrays.swapaxes(1, 2) if samples_last else other.arrays
        if d.shape[1] != a.shape[1]:
            continue
        for first in (False, True):  # whether what is turned stands first in the product
            target = gradient.T if first else gradient
            if (a.shape[2], d.shape[2]) != target.shape:
                continue
            for i, k in _candidates(d, a, target):
                product = _product(first=first, samples_last=samples_last)
                if proportional(product(turned.arrays[i], other.arrays[k]), gradient):
                    text = _TEXTS[first, samples_last].format(d=turned.names[i], a=other.names[k])
                    build = _with(product, other.arrays[k])
                    yield Assembly(text, turned.names[i], turned.arrays[i], build)


def _candidates(d: Floats, a: Floats, target: Floats) -> Iterator[tuple[int, int]]:
    """The pairs for which a[k].T @ d[i] looks like a multiple of `target` along one random vector."""
    rng = np.random.default_rng(0)
    if target.shape[0] > 1:
        probe = rng.standard_normal(target.shape[1])
        made = np.tensordot(d @ probe, a, axes=(1, 1))  # (i, k, entries)
        wanted = target @ probe
    else:
        probe = rng.standard_normal(target.shape[0])
        made = np.tensordot(d, a @ probe, axes=(1, 1)).swapaxes(1, 2)
        wanted = target.T @ probe
    lengths = np.linalg.norm(made, axis=2) * np.linalg.norm(wanted)
    with np.errstate(all="ignore"):
        alike = np.abs(made @ wanted) >= (1 - 1e-8) * lengths
    yield from ((int(i), int(k)) for i, k in np.argwhere(alike & (lengths > 0)))


def _summed(axis: int, shape: tuple[int, ...]) -> Callable[[Floats], Floats]:
    return lambda d: np.asarray(d.sum(axis=axis).reshape(shape))


def _with(product: Callable[[Floats, Floats], Floats], a: Floats) -> Callable[[Floats], Floats]:
    return lambda d: product(d, a)


def _product(*, first: bool, samples_last: bool) -> Callable[[Floats, Floats], Floats]:
    """D and a multiplied so that the samples, which are on their last or their first axis, are contracted."""

    def product(d: Floats, a: Floats) -> Floats:
        left, right = (d, a) if first else (a, d)
        return np.asarray(left @ right.T if samples_last else left.T @ right)

    return product


_TEXTS = {  # by (what is turned stands first, samples on the last axis)
    (True, True): "{d} @ {a}.T",
    (False, True): "{a} @ {d}.T",
    (True, False): "{d}.T @ {a}",
    (False, False): "{a}.T @ {d}",
}
