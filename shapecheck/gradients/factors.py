"""Scalar factors between a value and an adjoint, and what they can be made of: batch size, 2, -1, a rate."""

from __future__ import annotations

import itertools
from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

CLOSE = 1e-5


@dataclass(frozen=True, slots=True)
class Factor:
    """A number, and the product that it was recognised as (`-1/64`, `2 * 0.1`); `text` is empty for no such number."""

    number: float
    text: str

    @property
    def is_plain(self) -> bool:
        """Whether it is a product of sizes, 2 and -1."""
        return bool(self.text)


class Factors:
    """The factors that are to be expected in one program.

    Args:
        sizes: Batch size, number of steps, number of outputs...
        rates: Scalars of the program that multiply gradients: learning rates.
    """

    def __init__(self, sizes: Iterable[int] = (), rates: Iterable[float] = ()) -> None:
        lengths = sorted({s for s in sizes if s > 1})
        self._plain: list[tuple[float, str]] = []
        for size in (1, *lengths):
            for two, power in itertools.product((1.0, 2.0, 0.5), (1, -1)):
                number = two * float(size) ** power
                self._plain.append((number, _product(two, size, power)))
        # The batch size may come in twice, or with another axis.
        for a, b in itertools.combinations_with_replacement(lengths, 2):
            for p, q in itertools.product((1, -1), repeat=2):
                if a != b or p == q:
                    text = _product(1.0, a, p)
                    text += f" * {b}" if q > 0 else f" / {b}"
                    self._plain.append((float(a) ** p * float(b) ** q, text))
        self._plain.sort(key=lambda pair: len(pair[1]))
        self._rates = [abs(r) for r in dict.fromkeys(rates) if r and abs(r) != 1]
        # (number, rank, text) in the order of the numbers, with and without rates; the first in rank is the plainest.
        self._tables: dict[bool, list[tuple[float, int, str]]] = {}

    def _table(self, rates: bool) -> list[tuple[float, int, str]]:
        if rates not in self._tables:
            known = list(self._plain)
            for rate, (plain, text) in itertools.product(self._rates if rates else (), self._plain):
                known.append((plain * rate, f"{rate:g}" if text == "1" else f"{rate:g} * {text}"))
            self._tables[rates] = sorted((number, rank, text) for rank, (number, text) in enumerate(known))
        return self._tables[rates]

    def are_plain(self, numbers: Any) -> Any:
        """For each of an array of positive numbers, whether it is made of sizes and 2, or of a rate and these."""
        known = np.array([number for number, _, _ in self._table(True)])
        at = np.clip(np.searchsorted(known, numbers), 1, len(known) - 1)
        nearest = np.minimum(np.abs(known[at] - numbers), np.abs(known[at - 1] - numbers))
        return nearest <= CLOSE * numbers

    def add_rates(self, rates: Iterable[float]) -> None:
        """Expect further rates."""
        self._rates += [abs(r) for r in rates if r and abs(r) != 1 and abs(r) not in self._rates]
        self._tables.clear()

    def recognise(self, number: float, *, rates: bool = True) -> Factor:
        """What a factor is made of.

        Args:
            number: The factor.
            rates: Whether a learning rate may be part of it.
        """
        table, size = self._table(rates), abs(number)
        at = bisect_left(table, (size * (1 - 2 * CLOSE),))
        near = itertools.takewhile(lambda one: one[0] <= size * (1 + 2 * CLOSE), itertools.islice(table, at, None))
        plainest = min(((rank, text) for known, rank, text in near if abs(size - known) <= CLOSE * known), default=None)
        return Factor(number, ("-" if number < 0 else "") + plainest[1] if plainest is not None else "")


def _product(two: float, size: int, power: int) -> str:
    if size == 1:
        return {1.0: "1", 2.0: "2", 0.5: "1/2"}[two]
    if power > 0:
        return {1.0: f"{size}", 2.0: f"2 * {size}", 0.5: f"{size}/2"}[two]
    return {1.0: f"1/{size}", 2.0: f"2/{size}", 0.5: f"1/(2 * {size})"}[two]


__all__ = ["Factor", "Factors"]
