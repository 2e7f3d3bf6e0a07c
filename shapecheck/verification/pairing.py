"""Which gradient belongs to which parameter: by name, then by position, by shape, and at last by number."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from shapecheck.verification.capture import Candidate
from shapecheck.verification.names import (
    initials,
    looks_like_data,
    looks_like_gradient,
    looks_like_parameter,
    looks_like_parameters,
    marks_gradients,
    words,
)
from shapecheck.verification.state import Leaf


@dataclass(frozen=True)
class Pair:
    """A gradient, the parameter it is held against, and how they were brought together."""

    gradient: Candidate
    parameter: Leaf
    how: str

    def __str__(self) -> str:
        return f"`{self.gradient.label}` with `{self.parameter.path}` ({self.how})"


def ways(leaf: Leaf) -> list[tuple[Any, ...]]:
    """All ways to a leaf, as names and indices."""
    return [leaf.keys, *(keys for _, keys in leaf.aliases)]


def may_be_parameter(leaf: Leaf) -> bool:
    """Whether a leaf is not itself called a gradient, by all its names."""
    return leaf.array.dtype.kind in "fiu" and not any(
        looks_like_gradient(next((k for k in reversed(keys) if isinstance(k, str)), ""))
        or any(isinstance(k, str) and marks_gradients(k) for k in keys)
        for keys in ways(leaf)
    )


def is_called_parameter(leaf: Leaf) -> bool:
    """Whether its name, or that of what holds it, is one that people give to parameters."""
    return any(
        looks_like_parameter(leaf_name(keys)) or any(isinstance(k, str) and looks_like_parameters(k) for k in keys)
        for keys in ways(leaf)
        if not any(isinstance(k, str) and looks_like_data(k) for k in keys)
    )


def are_brothers(leaf: Leaf, other: Leaf) -> bool:
    """Whether two weights or biases are kept side by side: `self.W1` and `self.b2`, `weights[0]` and `weights[1]`."""
    weights = {"w", "b", "theta"}
    return (
        leaf is not other
        and not np.may_share_memory(leaf.array, other.array)  # a view of the other, such as its transpose
        and _household(leaf.keys) == _household(other.keys)
        and bool(weights & set(words(leaf_name(leaf.keys))))
        and bool(weights & set(words(leaf_name(other.keys))))
    )


def _household(keys: Sequence[Any]) -> tuple[Any, ...]:
    """The way to what holds a named value: ("self",) for `self.W[0]` and for `self.b1`."""
    names = [index for index, key in enumerate(keys) if isinstance(key, str)]
    return tuple(keys[: names[-1]]) if names else ()


def is_called_data(leaf: Leaf) -> bool:
    """Whether it is only known by names that people give to inputs, targets and caches."""
    return all(any(isinstance(k, str) and looks_like_data(k) for k in keys) for keys in ways(leaf))


def leaf_name(keys: Sequence[Any]) -> str:
    """The innermost name on a way."""
    return next((key for key in reversed(keys) if isinstance(key, str)), "")


def _numbers(keys: Sequence[Any]) -> tuple[int, ...]:
    return tuple(key for key in keys if isinstance(key, int))


def _alphabetic(name: str) -> tuple[str, ...]:
    return tuple(word for word in words(name) if not word.isdigit())


def _digits(name: str) -> tuple[int, ...]:
    return tuple(int(word) for word in words(name) if word.isdigit())


def likeness(gradient: Candidate, leaf: Leaf) -> int:
    """How well the names fit: 0 not at all, 100 the same name in the same container."""
    best = 0
    for keys in ways(leaf):
        for rank, stem in enumerate(gradient.stems):
            for less, own in enumerate(_spellings(gradient.keys)):
                score = _likeness(own, stem, keys, same_shape=gradient.value.shape == leaf.shape)
                best = max(best, score - rank - less)
        beside = gradient.keys[:-1] == keys[:-1] and len(keys) > 1 and gradient.value.shape == leaf.shape
        if beside and marks_gradients(gradient.name) and is_called_parameter(leaf):  # neuron["grad"], neuron["weights"]
            best = max(best, 60)
    return best


def _spellings(keys: tuple[Any, ...]) -> Iterator[tuple[Any, ...]]:
    """The way to a gradient; of `return loss, {"W": dW}, out` also without the place that the dict has in the tuple."""
    yield keys
    if len(keys) > 2 and keys[0] == "" and isinstance(keys[1], int) and isinstance(keys[2], str):
        yield ("", *keys[2:])


def _likeness(own: tuple[Any, ...], stem: str, keys: tuple[Any, ...], *, same_shape: bool) -> int:
    last = leaf_name(keys)
    indices = _numbers(own), _numbers(keys)
    numbers = (*_digits(stem), *indices[0]), (*_digits(last), *indices[1])
    if stem == last and indices[0] == indices[1]:
        return 100 if own[:-1] == keys[:-1] or indices[0] else 95
    if words(stem) == words(last) and indices[0] == indices[1]:
        return 85
    if _alphabetic(stem) == _alphabetic(last) and numbers[0] == numbers[1]:
        return 75
    whole = [word for key in keys if isinstance(key, str) and key != "self" for word in words(key)]
    if sorted(words(stem)) == sorted(whole) and indices[0] == indices[1]:
        return 65
    if not same_shape or numbers[0] != numbers[1]:
        return 0
    if len(initials(stem)) > 1 and initials(stem) == initials(last):
        return 55
    if _alphabetic(stem) and set(_alphabetic(stem)) <= set(_alphabetic(last)):
        return 35
    return 0


class Pairing:
    """Brings gradients and parameters together.

    Args:
        gradients: What may be a gradient, the likeliest place first.
        parameters: What may be a parameter.

    Attributes:
        pairs: What belongs together.
        unpaired: Gradients without a parameter yet.
        ambiguous: For a gradient, the parameters that its name fits equally well.
    """

    def __init__(self, gradients: Sequence[Candidate], parameters: Sequence[Leaf]) -> None:
        self.pairs: list[Pair] = []
        self.unpaired = list(gradients)
        self.free = list(parameters)
        self.ambiguous: dict[int, list[Leaf]] = {}

    def take(self, gradient: Candidate, parameter: Leaf, how: str) -> None:
        """Make a pair."""
        self.pairs.append(Pair(gradient, parameter, how))
        self.unpaired.remove(gradient)
        self.free.remove(parameter)
        self.ambiguous.pop(id(gradient), None)

    def by_names(self) -> None:
        """Pair what bears the same name, the best likeness first."""
        edges: dict[int, dict[int, list[tuple[Candidate, Leaf]]]] = defaultdict(lambda: defaultdict(list))
        for gradient in self.unpaired:
            for leaf in self.free:
                score = likeness(gradient, leaf)
                if score > 0:
                    edges[score // 5 * 5][id(gradient)].append((gradient, leaf))
        for level in sorted(edges, reverse=True):
            for options in edges[level].values():
                self._choose(options)

    def _choose(self, options: list[tuple[Candidate, Leaf]]) -> None:
        gradient = options[0][0]
        if gradient not in self.unpaired or id(gradient) in self.ambiguous:
            return
        leaves = [leaf for _, leaf in options if leaf in self.free]
        if len(leaves) > 1:
            fitting = [leaf for leaf in leaves if leaf.shape == gradient.value.shape]
            leaves = fitting or leaves
        if len(leaves) > 1:  # self.W before a copy of it in a cache or a global of the same name
            called = [leaf for leaf in leaves if not is_called_data(leaf)]
            leaves = called or leaves
            leaves = [leaf for leaf in leaves if leaf.local] or leaves
            shortest = min(len(leaf.keys) for leaf in leaves)
            leaves = [leaf for leaf in leaves if len(leaf.keys) == shortest]
        if len(leaves) == 1:
            self.take(gradient, leaves[0], "by name")
        elif leaves:
            self.ambiguous[id(gradient)] = leaves

    def by_counting(self) -> None:
        """Pair `dW1`, `dW2` with `weights[0]`, `weights[1]`: the same word, numbered from another start."""
        gradients: dict[tuple[str, ...], list[Candidate]] = defaultdict(list)
        leaves: dict[tuple[str, ...], list[Leaf]] = defaultdict(list)
        free_words = {_alphabetic(leaf_name(leaf.keys)) for leaf in self.free}
        for gradient in self.unpaired:
            word = next((_alphabetic(s) for s in gradient.stems if _alphabetic(s) in free_words), None)
            if word:
                gradients[word].append(gradient)
        for leaf in self.free:
            leaves[_alphabetic(leaf_name(leaf.keys))].append(leaf)
        for word, group in gradients.items():
            others = leaves.get(word, [])
            if len(group) != len(others):
                continue
            numbered = [(_all_numbers(g.keys, g.stems), g) for g in group]
            places = [(_all_numbers(leaf.keys, (leaf_name(leaf.keys),)), leaf) for leaf in others]
            if any(not number for number, _ in numbered + places):
                continue
            first = sorted(numbered, key=lambda item: item[0])
            second = sorted(places, key=lambda item: item[0])
            offsets = {(a[0] - b[0], a[1:] == b[1:]) for (a, _), (b, _) in zip(first, second, strict=True)}
            if len(offsets) == 1 and next(iter(offsets))[1]:
                for (_, gradient), (_, leaf) in zip(first, second, strict=True):
                    self.take(gradient, leaf, "by name and number")

    def by_position(self) -> bool:
        """Pair two parallel collections: the same places, or the same order, and the same shapes."""
        if not self.unpaired or len({g.keys[:1] for g in self.unpaired}) != 1:
            return False
        fitting: list[list[Leaf]] = []
        for group in _collections(self.free):
            same_places = [_numbers(leaf.keys) for leaf in group] == [_numbers(g.keys) for g in self.unpaired]
            same_length = len(group) == len(self.unpaired)
            if (same_places or same_length) and _shapes(group) == [g.value.shape for g in self.unpaired]:
                fitting.append(group)
        if len(fitting) != 1 or (len(self.unpaired) > 1 and len(fitting[0]) == 1):
            return False
        for gradient, leaf in list(zip(self.unpaired, fitting[0], strict=True)):
            self.take(gradient, leaf, "by position")
        return True

    def by_shapes(self) -> None:
        """Pair each gradient whose shape only one free parameter has, and which no other gradient shares."""
        shapes = [g.value.shape for g in self.unpaired]
        for gradient in list(self.unpaired):
            shape = gradient.value.shape
            leaves = [leaf for leaf in self.free if leaf.shape == shape]
            if len(leaves) == 1 and shapes.count(shape) == 1:
                self.take(gradient, leaves[0], "by shape")
            elif len(leaves) > 1:
                self.ambiguous[id(gradient)] = leaves

    def considered(self) -> tuple[str, ...]:
        """What was paired, and what it could not decide, one line each."""
        lines = [str(pair) for pair in self.pairs]
        for gradient in self.unpaired:
            leaves = self.ambiguous.get(id(gradient), [])
            shape = gradient.value.shape
            if leaves:
                lines.append(f"`{gradient.label}` {shape} with " + " or ".join(f"`{p.path}` {p.shape}" for p in leaves))
            else:
                free = ", ".join(f"`{p.path}` {p.shape}" for p in self.free[:8]) or "no array that is left"
                lines.append(f"`{gradient.label}` {shape} with nothing: left are {free}")
        return tuple(lines)


def _all_numbers(keys: Sequence[Any], names: Iterable[str]) -> tuple[int, ...]:
    digits = next((_digits(name) for name in names if _digits(name)), ())
    return (*digits, *_numbers(keys))


def _collections(leaves: Sequence[Leaf]) -> list[list[Leaf]]:
    """Leaves grouped by each container that holds several of them: every prefix of their ways."""
    groups: dict[tuple[Any, ...], list[Leaf]] = defaultdict(list)
    for leaf in leaves:
        for depth in range(1, len(leaf.keys) + 1):
            groups[leaf.keys[:depth]].append(leaf)
    distinct: dict[tuple[int, ...], list[Leaf]] = {}
    for group in groups.values():
        ordered = sorted(group, key=lambda leaf: _numbers(leaf.keys)) if all(_numbers(p.keys) for p in group) else group
        distinct.setdefault(tuple(id(leaf) for leaf in ordered), ordered)
    return list(distinct.values())


def _shapes(leaves: Sequence[Leaf]) -> list[tuple[int, ...]]:
    return [leaf.shape for leaf in leaves]
