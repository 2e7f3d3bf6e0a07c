"""Steps by a size or a count, where those of the other parameters have one and the same learning rate."""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import dataclass, field

import numpy as np

from shapecheck.diagnose.suspects import Suspect
from shapecheck.diagnose.verdicts import Verdicts
from shapecheck.gradients.matching import EXACT
from shapecheck.trace.operations import MATRIX_PRODUCTS, PRODUCTS, QUOTIENTS
from shapecheck.trace.tape import Operation, Ref

# So many other parameters have to have one rate.
_FEWEST = 2


@dataclass(slots=True)
class _Scaling:
    """The numbers that a step multiplies by where it is written: rates, and counts with what multiplies by them."""

    rates: list[float] = field(default_factory=list)
    counts: list[tuple[Operation, float]] = field(default_factory=list)


def counts_for_rates(known: Verdicts, factors: Mapping[int, float]) -> list[Suspect]:
    """The products by a count that stand where the other steps have their learning rate.

    Args:
        known: The verdicts of the step; its rate becomes that of the other parameters.
        factors: What each change is a multiple of its adjoint by.
    """
    learned = known.replay.dependents(known.step.olds, known.step.last + 1)
    counts = {n for shape in map(np.shape, known.matching.adjoints.of.values()) for n in shape if n > 1}
    steps = {p: _scaling(known, p, learned, counts) for p in factors}
    rated = {p: s.rates for p, s in steps.items() if s.rates and not s.counts}
    odd = {p: s.counts[0] for p, s in steps.items() if len(s.counts) == 1}
    if len(rated) < _FEWEST or not odd or len(rated) + len(odd) < len(factors):
        return []
    common = factors[next(iter(rated))]
    if not all(_same(factors[p], common) for p in rated):
        return []
    # The number that all of them have and that makes these as long as the others.
    shared = (r for r in next(iter(rated.values())) if all(any(_same(r, o) for o in rates) for rates in rated.values()))
    fitting = (
        r for r in shared if all(_same(factors[p] * r, common * t) and not _same(t, r) for p, (_, t) in odd.items())
    )
    rate = next(fitting, None)
    if rate is None:
        return []
    known.rate = common
    found = []
    for parameter, (operation, times) in odd.items():
        value, scale = operation.result, rate / times
        wanted = {value: (parameter, scale * np.asarray(known.replay.recorded[value]))}
        found.append(Suspect(operation.site or 0, (value,), wanted, (parameter,), True, "scale", scale))
    return found


def _same(one: float, other: float) -> bool:
    return abs(one - other) <= 10 * EXACT * abs(other)


def _scaling(known: Verdicts, parameter: int, learned: Container[int], counts: Container[float]) -> _Scaling:
    """What a parameter's gradient is multiplied by within the statement of its step.

    A number may stand before the first factor of a matrix product (`rate * x.T @ d`): it scales all of it.
    """
    tape, found = known.replay.tape, _Scaling()
    news = {old: p.updates[known.step.number].operation for p, old, _, _ in known.step.parameters}
    number = tape.operations[news[parameter]].site
    step = tape.sites[number] if number is not None else None
    open_values = [known.changes[parameter]] if step is not None else []
    while open_values:
        operation = known.producer(open_values.pop())
        site = tape.sites[operation.site] if operation is not None and operation.site is not None else None
        if operation is None or site is None or step is None or not site.within(step):
            continue
        if operation.function in MATRIX_PRODUCTS:
            open_values += operation.inputs
            continue
        factors = operation.arguments[:2] if operation.function in PRODUCTS else ()
        for argument in operation.arguments[:1] if operation.function in QUOTIENTS else factors:
            if isinstance(argument, Ref) and argument.value in learned:
                open_values.append(argument.value)
                continue
            array = known.replay.recorded[argument.value] if isinstance(argument, Ref) else argument
            if not isinstance(array, int | float | np.ndarray | np.generic):
                return _Scaling()
            if np.size(array) != 1:
                continue
            times = float(np.ravel(array)[0])
            if times in counts:
                found.counts.append((operation, times))
            else:
                found.rates.append(times)
    return found


__all__ = ["counts_for_rates"]
