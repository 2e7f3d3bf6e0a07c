"""Holds values of the backward pass against the adjoints of the forward pass, up to a scalar factor."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum
from itertools import chain
from typing import Any

import numpy as np

from shapecheck.gradients.adjoints import Adjoints
from shapecheck.gradients.factors import Factor, Factors
from shapecheck.gradients.rules import is_differentiable
from shapecheck.trace.tape import Operation, Ref

# Relative to the norm of what is matched. In double precision this separates real faults from right code.
EXACT = 1e-5
# Entries that any tie convention leaves free may be left out as long as this share of the norm is compared.
_COMPARED = 0.3


class Standing(Enum):
    """What is known of a value of the backward pass."""

    FORWARD = "forward"  # part of the forward pass, or computed from it alone
    VERIFIED = "verified"
    ZERO = "zero"  # zero, where an adjoint is zero too: proves nothing
    UNVERIFIED = "unverified"


@dataclass(frozen=True, slots=True)
class Match:
    """A value that is an adjoint up to a factor.

    Attributes:
        value: The value of the backward pass.
        forward: The value of the forward pass whose adjoint it is; `alike` are others with the same adjoint.
        factor: value = factor * adjoint.
        error: The norm of the difference, relative to the value's.
        transposed: The value is the adjoint's transpose.
        reshaped: The shapes differ in axes of length one.
        weak: Any value of this size would match some adjoint with some factor; only a plain factor counts.
    """

    value: int
    forward: int
    factor: Factor
    error: float
    transposed: bool = False
    reshaped: bool = False
    weak: bool = False
    alike: tuple[int, ...] = ()


@dataclass(slots=True)
class _Entry:
    forward: int
    adjoint: Any
    norm: float
    print: float
    mask: Any = None  # where the tie conventions agree, if they do not everywhere
    alike: list[int] = field(default_factory=list)
    weak: bool | None = None  # whether it holds fewer than two numbers; found out once, where it is whole


class Matching:
    """The adjoints of one loss, ready to be looked up by what a value of the backward pass looks like.

    Args:
        adjoints: Of one loss, at one point of the program.
        factors: The factors to expect; those of the forward pass's axes if none are given.
    """

    def __init__(self, adjoints: Adjoints, factors: Factors | None = None) -> None:
        self.adjoints = adjoints
        self.replay = adjoints.replay
        self.factors = factors or Factors(_axes(adjoints))
        self._by_shape: dict[tuple[int, ...], list[_Entry]] = {}
        self._prints: dict[tuple[int, ...], Any] = {}
        self._norms: dict[tuple[int, ...], Any] = {}
        self._masked: dict[tuple[int, ...], list[int]] = {}
        self._probes: dict[tuple[int, ...], Any] = {}
        self._known: dict[int, list[Match]] = {}
        self._own: dict[int, list[_Entry]] = {}
        self._alike: dict[tuple[tuple[int, ...], int], list[_Entry]] = {}
        for forward in sorted(adjoints.of):
            variants = _distinct(adjoints.variants(forward))
            mask = _agreement(variants)
            for adjoint in variants:
                self._enter(forward, np.asarray(adjoint, dtype=float), mask)
        for shape, entries in self._by_shape.items():
            entries.sort(key=lambda e: e.print)
            self._prints[shape] = np.array([e.print for e in entries])
            self._norms[shape] = np.array([e.norm for e in entries])
            self._masked[shape] = [number for number, e in enumerate(entries) if e.mask is not None]

    # -- the index ----------------------------------------------------------------------------------------------

    def _enter(self, forward: int, adjoint: Any, mask: Any) -> None:
        norm = float(np.linalg.norm(adjoint))
        if not np.isfinite(norm) or norm == 0:
            return
        print_ = self._print(adjoint, norm)
        place = int(print_ / (2 * EXACT))  # what is as near as that lies in this place, or beside it
        near = (self._alike.get((adjoint.shape, place + aside), ()) for aside in (-1, 0, 1))
        for entry in chain.from_iterable(near):
            same = abs(entry.print - print_) < EXACT and abs(entry.norm - norm) <= EXACT * norm
            if same and np.linalg.norm(entry.adjoint - adjoint) <= EXACT * norm:
                entry.alike.append(forward)
                self._own.setdefault(forward, []).append(entry)
                return
        entry = _Entry(forward, adjoint, norm, print_, mask)
        self._by_shape.setdefault(adjoint.shape, []).append(entry)
        self._alike.setdefault((adjoint.shape, place), []).append(entry)
        self._own.setdefault(forward, []).append(entry)

    def _print(self, array: Any, norm: float) -> float:
        """A number that two arrays share if one is a multiple of the other."""
        shape = array.shape
        if shape not in self._probes:
            self._probes[shape] = np.random.default_rng(array.size + 31 * len(shape)).normal(size=shape)
        return abs(float(np.sum(self._probes[shape] * array))) / norm

    # -- matching -----------------------------------------------------------------------------------------------

    def match(self, value: int) -> Match | None:
        """The best match of a value; None if it is no adjoint that the index holds."""
        found = self.matches(value)
        return found[0] if found else None

    def matches(self, value: int) -> list[Match]:
        """All matches of a value, the most telling first."""
        if value not in self._known:
            array = self.replay.recorded[value]
            self._known[value] = self.matches_of(array, value) if is_differentiable(array) else []
        return self._known[value]

    def matches_of(self, array: Any, value: int = -1) -> list[Match]:
        """All matches of an array that need not be on the tape."""
        array = np.asarray(array, dtype=float)
        norm = float(np.linalg.norm(array))
        if not np.isfinite(norm) or norm == 0:
            return []
        found = [m for e in self._near(array, norm) if (m := self._compare(value, array, norm, e, {}))]
        if array.ndim == 2 and 1 not in array.shape:
            turned = array.T
            marks = {"transposed": True}
            found += [m for e in self._near(turned, norm) if (m := self._compare(value, turned, norm, e, marks))]
        if not found:
            for shape in self._by_shape:
                if shape != array.shape and squeezed(shape) == squeezed(array.shape):
                    flat = array.reshape(shape)
                    marks = {"reshaped": True}
                    found += [m for e in self._near(flat, norm) if (m := self._compare(value, flat, norm, e, marks))]
        found.sort(key=_preference)
        return found

    def against(self, array: Any, forward: int, free: Any = None) -> Match | None:
        """The match of an array with the adjoint of one forward value; None if it is no multiple of it.

        With `free`, only the entries that it marks are compared.
        """
        array = np.asarray(array, dtype=float) * (1.0 if free is None else free)
        norm = float(np.linalg.norm(array))
        if not np.isfinite(norm) or norm == 0:
            return None
        entries = self._own.get(forward, [])
        if free is not None:
            parts = [e.adjoint * free for e in entries]
            entries = [_Entry(forward, p, float(np.linalg.norm(p)), 0.0) for p in parts if np.any(p)]
        for entry in entries:
            match = self._compare(-1, array, norm, entry, {}) if entry.adjoint.shape == array.shape else None
            if match is not None:
                return match
        return None

    def settled(self, forward: int, array: Any) -> Any:
        """An array that stands for the adjoint of a forward value, NaN where a tie leaves it open what that is."""
        array = np.asarray(array, dtype=float)
        mask = next((e.mask for e in self._own.get(forward, ()) if e.adjoint.shape == array.shape), None)
        if mask is None or np.linalg.norm(array[mask]) < _COMPARED * np.linalg.norm(array):
            return array
        return np.where(mask, array, np.nan)

    def _near(self, array: Any, norm: float) -> list[_Entry]:
        """The entries that an array can be a multiple of."""
        entries = self._by_shape.get(array.shape)
        if not entries:
            return []
        if array.size == 1:
            ratios = norm / self._norms[array.shape]
            return [entries[i] for i in np.flatnonzero(self.factors.are_plain(ratios))[:50]]
        prints = self._prints[array.shape]
        print_ = self._print(array, norm)
        slack = 2 * EXACT * float(np.sqrt(array.size))
        low, high = np.searchsorted(prints, [print_ - slack, print_ + slack])
        return entries[low:high] + [entries[i] for i in self._masked[array.shape] if not low <= i < high]

    def _compare(self, value: int, array: Any, norm: float, entry: _Entry, marks: dict[str, bool]) -> Match | None:
        adjoint = entry.adjoint
        if array.size == 1 and entry.mask is None:
            return self._compare_numbers(value, float(array.reshape(-1)[0]), entry, marks)
        whole = True
        if entry.mask is not None:
            kept = float(np.linalg.norm(array * entry.mask))
            if kept >= _COMPARED * norm and float(np.linalg.norm(adjoint * entry.mask)) >= _COMPARED * entry.norm:
                array, adjoint, norm = array * entry.mask, adjoint * entry.mask, kept
                whole = False
        square = float(np.sum(adjoint * adjoint))
        factor = float(np.sum(adjoint * array)) / square
        error = float(np.linalg.norm(array - factor * adjoint)) / norm
        if not error <= EXACT or factor == 0:
            return None
        if whole and entry.weak is None:
            entry.weak = _information(adjoint) < 2
        weak = bool(entry.weak) if whole else _information(adjoint) < 2
        recognised = self.factors.recognise(factor)
        if weak and not recognised.is_plain:
            return None
        return Match(value, entry.forward, recognised, error, weak=weak, alike=tuple(entry.alike), **marks)

    def _compare_numbers(self, value: int, number: float, entry: _Entry, marks: dict[str, bool]) -> Match | None:
        """Any number is a multiple of any other: only a plain factor counts."""
        factor = number / float(entry.adjoint.reshape(-1)[0])
        recognised = self.factors.recognise(factor)
        if not recognised.is_plain or factor == 0:
            return None
        return Match(value, entry.forward, recognised, 0.0, weak=True, alike=tuple(entry.alike), **marks)

    # -- standings ----------------------------------------------------------------------------------------------

    def is_zero(self, value: int) -> bool:
        """Whether a value is zero everywhere: it matches every adjoint that is zero, which proves nothing."""
        array = self.replay.recorded[value]
        return is_differentiable(array) and not np.any(array)

    def standings(self, values: Iterable[int]) -> dict[int, Standing]:
        """What is known of each of `values`, which come in the tape's order.

        A value outside the forward pass that depends on nothing but forward values and matches nothing (a slope, a
        transpose) counts as forward: it is right or wrong only in what it is used for.
        """
        tape = self.replay.tape
        found: dict[int, Standing] = {}
        for value in values:
            if value in self.adjoints.closure:
                found[value] = Standing.FORWARD
            elif self.is_zero(value):
                # A number that is written down (`np.where(z > 0, 1.0, 0.0)`) is no gradient that happens to be zero.
                written = tape.values[value].producer is None and tape.values[value].shape == ()
                found[value] = Standing.FORWARD if written else Standing.ZERO
            else:
                producer = tape.values[value].producer
                inputs = self._contents(tape.operations[producer]) if producer is not None else ()
                carried = any(found.get(i) in {Standing.VERIFIED, Standing.UNVERIFIED, Standing.ZERO} for i in inputs)
                match = self.match(value)
                if match is not None and not carried and self._is_of_data(match):
                    found[value] = Standing.FORWARD
                elif match is not None and (carried or not match.weak or any(i in self.adjoints for i in inputs)):
                    found[value] = Standing.VERIFIED
                else:
                    found[value] = Standing.UNVERIFIED if carried else Standing.FORWARD
        return found

    def _contents(self, operation: Operation) -> tuple[int, ...]:
        """What an operation makes its result of: of an array that was made to be filled, what it is filled with."""
        first = operation.arguments[0] if operation.function == "setitem" else None
        made = self.replay.tape.values[first.value].producer if isinstance(first, Ref) else None
        if made is None or self.replay.tape.operations[made].function != "leaf":
            return operation.inputs
        return tuple(i for i in operation.inputs if Ref(i) != first) or operation.inputs

    def _is_of_data(self, match: Match) -> bool:
        """Whether what no derivative went into is the adjoint of data, and of nothing that depends on parameters.

        The adjoint of a cross-entropy's target is what went into the sigmoid: `-z`, which has another purpose.
        """
        moving = self.adjoints.moving
        return moving is not None and moving.isdisjoint((match.forward, *match.alike))

    def first_unverified(self, values: Iterable[int]) -> list[int]:
        """Those among `values` that are unverified though none of their operands is: where a mistake can be."""
        standings = self.standings(values)
        tape = self.replay.tape
        first = []
        for value, standing in standings.items():
            producer = tape.values[value].producer
            if standing is not Standing.UNVERIFIED or producer is None:
                continue
            inputs = tape.operations[producer].inputs
            if all(standings.get(i) is not Standing.UNVERIFIED for i in inputs):
                first.append(value)
        return first


def same_direction(left: Any, right: Any) -> bool:
    """Whether one array is a multiple of the other, up to rounding; where `right` is not finite, anything will do."""
    if np.shape(left) != np.shape(right):
        return False
    known = np.isfinite(right)
    left, right = np.asarray(left)[known], np.asarray(right)[known]
    product = float(np.sum(left * right))
    size = float(np.linalg.norm(left) * np.linalg.norm(right))
    return bool(size) and abs(product) >= (1 - 1e-9) * size


def _preference(match: Match) -> tuple[bool | int, ...]:
    """What is least of an accident first: strong, of the same shape, by a plain positive factor."""
    odd = (match.weak, match.transposed, match.reshaped, not match.factor.is_plain, match.factor.number < 0)
    return (*odd, -match.forward)


def _axes(adjoints: Adjoints) -> set[int]:
    """The lengths of the axes of the forward pass's large values: the batch size is among them."""
    shapes = [np.shape(a) for a in adjoints.of.values()]
    return {n for shape in shapes for n in shape if n > 1} if len(shapes) < 5000 else set()


def squeezed(shape: tuple[int, ...]) -> tuple[int, ...]:
    """A shape without its axes of length one."""
    return tuple(n for n in shape if n != 1)


def _distinct(variants: list[Any]) -> list[Any]:
    kept: list[Any] = []
    for variant in variants:
        if not any(np.array_equal(variant, k) for k in kept):
            kept.append(variant)
    return kept


def _agreement(variants: list[Any]) -> Any:
    """Where the adjoints under all tie conventions are the same; None where they are so everywhere."""
    if len(variants) < 2:
        return None
    scale = float(np.linalg.norm(variants[0]))
    return np.all([np.abs(v - variants[0]) <= EXACT * scale for v in variants[1:]], axis=0)


def _information(array: Any) -> int:
    """How many numbers an array really holds: entries that differ in size, up to ten."""
    sizes = np.abs(np.asarray(array)).ravel()
    sizes = sizes[sizes > 1e-9 * sizes.max(initial=0.0)]
    return len(np.unique(np.round(sizes / sizes.max(), 7)[:2000])[:10]) if sizes.size else 0


__all__ = ["EXACT", "Match", "Matching", "Standing", "same_direction", "squeezed"]
