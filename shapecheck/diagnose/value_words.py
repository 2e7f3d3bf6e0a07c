"""What a user calls the values of a recorded call: by the names of the function that is spoken of, where it has any."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from shapecheck.gradients.adjoints import Adjoints
from shapecheck.network.uses import NOBODYS, value_names
from shapecheck.trace.sites import Site
from shapecheck.trace.tape import Tape

_LONGEST = 30


def namings(tape: Tape) -> Iterator[tuple[int, str, Site, int]]:
    """(value, name, where it was given, how many operations before it) for every name that a value was given."""
    for operation in tape.operations:
        site = tape.sites[operation.site] if operation.site is not None else None
        if site is not None and site.bound_to is not None:
            yield operation.result, site.bound_to, site, operation.number
    for binding in tape.bindings:
        yield binding.value, binding.name, tape.sites[binding.site], binding.time


def _contents(array: Any) -> tuple[tuple[int, ...], bytes]:
    """What two equal arrays have in common: shape and numbers, whatever their type."""
    numbers = np.asarray(array)
    plain = numbers.astype(float) if numbers.dtype.kind in "fiub" else numbers
    return numbers.shape, (plain + 0.0 if plain.dtype.kind == "f" else plain).tobytes()


class ValueWords:
    """Names values as one who reads a certain function would.

    Args:
        tape: Of the call.
        adjoints: Of its loss; values with one adjoint share their names where that is all that counts.
        site: The expression that is spoken of.
        parameters: The user's names of the parameters.

    Attributes:
        names: The values that have a name.
        own: What the function around the expression calls its values.
    """

    def __init__(self, tape: Tape, adjoints: Adjoints, site: Site, parameters: dict[int, str]) -> None:
        self.tape = tape
        self.adjoints = adjoints
        self.recorded = adjoints.replay.recorded
        self.site = site
        here = (site.path, site.function)
        self.own: dict[int, str] = {}
        for access in tape.accesses:
            if self._function(access.site) == here:
                self.own.setdefault(access.value, tape.sites[access.site].text)
        self._namings = list(namings(tape))
        for value, name, where, _ in self._namings:
            if (where.path, where.function) == here and name != NOBODYS:
                self.own[value] = name
        elsewhere = {a.value: tape.sites[a.site].text for a in reversed(tape.accesses)}
        self.names = {**elsewhere, **value_names(tape), **self.own, **parameters}
        self._parameters = parameters
        self._named_as: dict[tuple[tuple[int, ...], bytes], int] = {}
        for number in self.names:
            array = self.recorded[number]
            if np.size(array) > 1:
                self._named_as.setdefault(_contents(array), number)

    def _function(self, site: int) -> tuple[str, str]:
        found = self.tape.sites[site]
        return found.path, found.function

    def name(self, number: int) -> str:
        """What the user calls a value, or how it is written; empty where that is long."""
        if number in self.own or number in self._parameters:
            return self.names[number]
        if number in self.names:
            return self.names[number]
        array = self.recorded[number]
        twin = self._named_as.get(_contents(array)) if np.size(array) > 1 else None
        if twin is not None:
            return self.names[twin]
        site = self.tape.site_of(number)
        text = " ".join(site.text.split()) if site is not None else ""
        return text if len(text) <= _LONGEST else ""

    def is_misnamed(self, one: int, other: int) -> bool:
        """Whether two different values bear one name: what a cache holds under it is not what was meant."""
        return self.name(one) == self.name(other) != "" and not self._is_twin(one, other)

    def elsewhere(self, number: int) -> str:
        """`Z1 in forward`: what another function calls a value."""
        for value, name, where, _ in self._namings:
            if value == number and where.function != self.site.function and name.isidentifier():
                return f"`{name}` of `{where.function}`"
        return ""

    def _is_twin(self, one: int, other: int) -> bool:
        left, right = self.recorded[one], self.recorded[other]
        return np.size(left) > 1 and np.shape(left) == np.shape(right) and bool(np.array_equal(left, right))

    def derivative(self, number: int, is_turned: bool = False) -> str:
        """`the derivative of the loss by Z1`, by the best name among the values that have this adjoint.

        Args:
            number: Of the value.
            is_turned: Whether minus its adjoint is meant: of `-Z` in a sigmoid, `1 / (1 + np.exp(-Z))`, that is the
                adjoint of `Z`, and where no value has it, it is said to be minus the one of `-Z`.
        """
        turned = [n for n in self.adjoints.of if self._same_adjoint(n, number, -1.0)] if is_turned else []
        if is_turned and not turned:
            return f"minus {self.derivative(number)}"
        number = turned[0] if turned else number
        # Of `W1 @ X` and `Z1 = W1 @ X + b1`, which have one adjoint, the one with a name.
        # A name that two different values bear says nothing.
        names = list(self.names.values())
        alike = [number, *reversed([n for n in self.adjoints.of if n != number and self._same_adjoint(n, number)])]
        named = [n for n in alike if n in self.names]
        clear = [n for n in named if names.count(self.names[n]) == 1]
        name = next((self.own[n] for n in clear or named if n in self.own), "")
        name = name or next((self.names[n] for n in clear or named), "")
        name = name or next((text for n in alike if (text := self.name(n))), "")
        return f"the derivative of the loss by `{name}`" if name else "the derivative that is passed on"

    def _same_adjoint(self, one: int, other: int, sign: float = 1.0) -> bool:
        left, right = self.adjoints[one], self.adjoints[other]
        return np.shape(left) == np.shape(right) and bool(np.array_equal(left, sign * right))

    def length(self, length: int, but: Any = ()) -> str:
        """What has this length: the data before what is computed, and never a parameter."""
        for value in sorted(self.adjoints.closure, key=lambda v: (self.tape.values[v].producer is not None, v)):
            shape = np.shape(self.recorded[value])
            if length in shape and value in self.names and value not in but:
                return f"the length of axis {shape.index(length)} of `{self.names[value]}`"
        return ""


__all__ = ["ValueWords", "namings"]
