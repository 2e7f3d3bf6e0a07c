"""Learning rates that a schedule lowers from what it lowered before: `rate = rate / (1 + decay * epoch)`.

A schedule says how much of the first rate is left in each turn. Taken of the rate of the turn before, what is left is
the product of all turns' shares, which is soon nothing. A share that is the same in every turn (`rate *= 0.99`) is
meant to be multiplied up, and nothing is said of a rate that is not next to nothing half way through the run.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from shapecheck.diagnose.course import Course, quoted, shown
from shapecheck.diagnose.finding import Finding
from shapecheck.diagnose.trail import span_of
from shapecheck.trace.operations import MATRIX_PRODUCTS, PRODUCTS, QUOTIENTS
from shapecheck.trace.sites import Site
from shapecheck.trace.tape import Operation, Ref

COMPOUNDING = "this schedule goes on from the rate that it has lowered already"

# A rate has to be lowered so often, by so many different shares.
_FEWEST = 5
# Half way through, no more than this is left of the first rate.
_NOTHING = 1e-3
# So many operations in a row may make one rate of the one before: `rate * 1.0 / (1 + decay * epoch)`.
_MOST_BACK = 3


def compounding_rates(course: Course) -> list[Finding]:
    """Where a rate is lowered, by more in each turn, from what the turn before has left."""
    by_site: dict[int, list[Operation]] = {}
    for operation in course.tape.operations:
        if operation.site is not None and _scales_a_number(course, operation):
            by_site.setdefault(operation.site, []).append(operation)
    for number, made in by_site.items():
        rates = _rates(course, made)
        site = course.site(number)
        if site is not None and rates and _comes_to_nothing(rates) and _scales_steps(course, made):
            return [_finding(course, site, rates)]
    return []


def _scales_a_number(course: Course, operation: Operation) -> bool:
    values = course.tape.values
    known = operation.function in PRODUCTS or operation.function in QUOTIENTS
    return known and values[operation.result].shape == () and operation.result not in course.learned


def _rates(course: Course, made: Sequence[Operation]) -> list[float]:
    """The number that the first of some operations begins with, and what they make of it, each of the one before."""
    if len(made) < _FEWEST or not all(
        before.result in _multiplied(course, after) for before, after in itertools.pairwise(made)
    ):
        return []
    numbers = [course.replay.recorded[o.result] for o in made]
    first = next((a.value for a in made[0].arguments[:2] if isinstance(a, Ref)), None)
    begun = course.replay.recorded[first] if first is not None else numbers[0]
    return [abs(float(number)) for number in (begun, *numbers)]


def _multiplied(course: Course, operation: Operation) -> set[int]:
    """The numbers that a product of a few factors goes on from."""
    found: set[int] = set()
    open_ones = [operation]
    for _ in range(_MOST_BACK):
        above: list[Operation] = []
        for one in open_ones:
            sides = one.arguments[:1] if one.function in QUOTIENTS else one.arguments[:2]
            numbers = [side.value for side in sides if isinstance(side, Ref)]
            found.update(numbers)
            above += [m for n in numbers if (m := course.producer(n)) is not None and _scales_a_number(course, m)]
        open_ones = above
    return found


def _comes_to_nothing(rates: Sequence[float]) -> bool:
    """Whether each turn leaves less of a rate than the turn before did, and soon next to nothing is left."""
    middle = rates[len(rates) // 2]
    living = [rate for rate in rates if rate > 1e-300]  # what is left of these is rounded
    shares = [after / before for before, after in itertools.pairwise(living)]
    if len(shares) < _FEWEST or middle > _NOTHING * rates[0] or shares[0] > 1 + 1e-9:
        return False
    falls = all(after <= before * (1 + 1e-9) for before, after in itertools.pairwise(shares))
    return falls and len({round(share, 9) for share in shares}) >= _FEWEST


def _scales_steps(course: Course, made: Sequence[Operation]) -> bool:
    """Whether what a parameter is moved by is a multiple of one of some numbers."""
    rates = {operation.result for operation in made}
    for change in (u.change for p in course.parameters for u in p.updates):
        for value in course.applied(change):
            operation = course.producer(value)
            # `rate * x.T @ d`: the rate may stand before the first factor.
            products = [value, *(operation.inputs if operation and operation.function in MATRIX_PRODUCTS else ())]
            while products:
                one = course.producer(products.pop())
                if one is not None and one.function in PRODUCTS | QUOTIENTS:
                    if one.function in PRODUCTS and not rates.isdisjoint(one.inputs):
                        return True
                    products += course.scaled(one)
    return False


def _finding(course: Course, site: Site, rates: Sequence[float]) -> Finding:
    names = list(dict.fromkeys(p.name for p in course.parameters))
    middle = len(rates) // 2
    left = rates[middle] / rates[0]
    return Finding(
        code="SC410",
        severity="error",
        title=COMPOUNDING,
        message=f"`{shown(site.text)}` leaves less of the rate in every turn, and begins with what the turn before has "
        f"left: after {middle} turns it is {left:.0e} of the first one, and nothing moves {quoted(names)} any more; a "
        "schedule takes its share of the first rate",
        location=span_of(site),
        cause=span_of(site),
        parameters=tuple(names),
    )


__all__ = ["COMPOUNDING", "compounding_rates"]
