"""Which entry of a wrong gradient is wrong, by halving: a few dozen evaluations however many entries there are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shapecheck.gradients.comparison import Comparison, Look, random_direction
from shapecheck.gradients.ladder import Trend, climb
from shapecheck.gradients.parameters import Direction
from shapecheck.gradients.result import Entry

Indices = NDArray[np.intp]


@dataclass(frozen=True)
class Place:
    """Where a gradient is wrong.

    Attributes:
        entry: The entry that was found; None where the disagreement dissolved on the way to it.
        confirmed: Whether the entry by itself is wrong at every step.
        kink: Whether the entry is right, but only as any value between one-sided slopes is.
        tied: Whether the entry moves something that is exactly at a kink, so that what it should be is a convention.
        extent: `entry`, `row`, `column` or `all`: what contains everything that is wrong.
        rows: All wrong rows, where they could be counted; None if not.
        relative: The error relative to the entry, or to a typical one where that is larger.
    """

    entry: Entry | None
    confirmed: bool
    kink: bool = False
    tied: bool = False
    extent: str = "all"
    rows: tuple[int, ...] | None = None
    relative: float = 0.0


class Bisection:
    """Looks at parts of one parameter.

    Args:
        comparison: The gradients and the loss.
        name: Of the parameter.
        rng: For the directions.
        exact: Whether to look by complex steps.
        budget: How many looks to spend.
    """

    def __init__(
        self, comparison: Comparison, name: str, rng: np.random.Generator, *, exact: bool, budget: int = 45
    ) -> None:
        self.comparison = comparison
        self.name = name
        self.exact = exact
        self.budget = budget
        self.shape = comparison.surface.params[name].shape
        self.size = comparison.surface.params[name].size
        self._rng = rng
        self._direction = random_direction(rng, (self.size,))

    def renew(self) -> None:
        """Draw other magnitudes."""
        self._direction = random_direction(self._rng, (self.size,))

    def look(self, indices: Indices) -> Look:
        """Compare along the entries at these flat indices only."""
        self.budget -= 1
        direction = np.zeros(self.size)
        direction[indices] = self._direction[indices]
        along = {self.name: direction.reshape(self.shape)}
        if self.exact:
            look = self.comparison.exact_look(along)
            if look is not None:
                return look
        return self.comparison.look(along)

    def find(self) -> int:
        """Flat index of an entry that is wrong, following the larger error down."""
        part = np.arange(self.size)
        error = self.look(part).error if self.size > 1 else 0.0
        while part.size > 1:
            middle = part.size // 2
            first = self.look(part[:middle])
            rest = error - first.error  # a slope is linear in its direction
            if abs(rest) > 2 * first.bound and first.finite:
                take_first = abs(first.error) >= abs(rest)
            else:
                take_first = not first.agrees
            part = part[:middle] if take_first else part[middle:]
            error = first.error if take_first else rest
        return int(part[0])

    def is_tied(self, flat: int) -> bool:
        """Whether the entry moves something that is exactly at a kink."""
        direction = np.zeros(self.size)
        direction[flat] = 1.0
        slope = self.comparison.exact_slope({self.name: direction.reshape(self.shape)})
        return slope is not None and slope.ties > 0

    def wrong_rows(self) -> tuple[int, ...] | None:
        """Indices along the first axis that are wrong; None where counting them would cost too much."""
        rows = self.shape[0] if self.shape else 1
        members = np.arange(self.size).reshape(rows, -1)
        found: list[int] = []
        pending = [np.arange(rows)]
        while pending:
            if self.budget <= 0:
                return None
            group = pending.pop()
            if self.look(members[group].reshape(-1)).agrees:
                continue
            if group.size == 1:
                found.append(int(group[0]))
                continue
            pending += [group[group.size // 2 :], group[: group.size // 2]]
        return tuple(sorted(found))


def localise(
    comparison: Comparison, name: str, rng: np.random.Generator, *, exact: bool = False, budget: int = 60
) -> Place:
    """Find an entry of a wrong gradient, confirm it, and say how far the mistake extends."""
    bisection = Bisection(comparison, name, rng, exact=exact, budget=budget)
    kink = tied = False
    for _ in range(2):
        flat = bisection.find()
        entry, trend, relative = _confirm(comparison, bisection, flat)
        if trend is Trend.STAYS:
            tied = tied or bisection.is_tied(flat)
            if tied:
                break
            extent, rows = _extent(bisection, flat)
            return Place(entry, confirmed=True, extent=extent, rows=rows, relative=relative)
        kink = kink or trend is Trend.KINK
        bisection.renew()
    return Place(None, confirmed=False, kink=kink and not tied, tied=tied)


def confirmed_entry(comparison: Comparison, name: str, flat: int) -> Place | None:
    """The entry at a flat index, if it is wrong by itself."""
    bisection = Bisection(comparison, name, np.random.default_rng(flat), exact=False)
    entry, trend, relative = _confirm(comparison, bisection, flat)
    if trend is not Trend.STAYS or bisection.is_tied(flat):
        return None
    return Place(entry, confirmed=True, extent="entry", relative=relative)


def _confirm(comparison: Comparison, bisection: Bisection, flat: int) -> tuple[Entry, Trend, float]:
    direction = np.zeros(bisection.size)
    direction[flat] = 1.0
    along = {bisection.name: direction.reshape(bisection.shape)}
    look, trend = _settled(comparison, bisection, along)
    index = tuple(int(i) for i in np.unravel_index(flat, bisection.shape))
    gradient = comparison.gradients[bisection.name]
    typical = float(np.sqrt(np.mean(np.square(gradient)))) if gradient.size else 0.0
    size = max(abs(look.predicted), abs(look.measured), typical)
    return Entry(index, look.predicted, look.measured), trend, abs(look.error) / size if size else 0.0


def _settled(comparison: Comparison, bisection: Bisection, along: Direction) -> tuple[Look, Trend]:
    """What becomes of the disagreement at one entry, and the look that shows it."""
    look = comparison.look(along)
    exact = comparison.exact_look(along) if bisection.exact else None
    if exact is not None:
        contradicted = look.agrees and look.bound < abs(exact.error) / 2
        return exact, Trend.VANISHES if exact.agrees or contradicted else Trend.STAYS
    if look.agrees:
        return look, Trend.VANISHES
    found = climb(comparison, along, look)
    stays = found.trend is Trend.KINK and _far_outside(found.best)
    return found.best, Trend.STAYS if stays else found.trend


def _far_outside(look: Look) -> bool:
    """Whether a prediction is so far from both one-sided slopes that no value at the kink explains it."""
    low, high = min(look.left, look.right), max(look.left, look.right)
    return max(low - look.predicted, look.predicted - high) > 3 * (high - low) + 2 * look.bound


def _extent(bisection: Bisection, flat: int) -> tuple[str, tuple[int, ...] | None]:
    everything = np.arange(bisection.size)
    if bisection.size == 1 or bisection.look(np.delete(everything, flat)).agrees:
        return "entry", None
    if len(bisection.shape) < 2 or bisection.shape[0] == 1:
        return "all", None
    grid = everything.reshape(bisection.shape)
    index = np.unravel_index(flat, bisection.shape)
    if bisection.look(np.delete(grid, index[0], axis=0).reshape(-1)).agrees:
        return "row", (int(index[0]),)
    if bisection.shape[-1] > 1 and bisection.look(np.delete(grid, index[-1], axis=-1).reshape(-1)).agrees:
        return "column", None
    rows = bisection.wrong_rows() if bisection.shape[0] <= 512 else None
    return ("rows" if rows is not None and len(rows) < bisection.shape[0] else "all"), rows
