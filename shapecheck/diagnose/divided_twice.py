"""Gradients divided twice by the number of samples: right but for their size, so a note and no more."""

from __future__ import annotations

from numbers import Real

from shapecheck.diagnose.course import Course, shown
from shapecheck.diagnose.finding import Finding, TrailStep
from shapecheck.diagnose.too_long import by_its_own_loss
from shapecheck.diagnose.trail import span_of
from shapecheck.diagnose.verdicts import Verdicts
from shapecheck.gradients.matching import EXACT
from shapecheck.trace.operations import QUOTIENTS
from shapecheck.trace.tape import Operation, Ref

_MOST_SAMPLES = 1e9


def divided_twice(course: Course) -> list[Finding]:
    """A note where every gradient is divided by a count that it has been divided by already.

    The program has to compute the loss itself, as a mean: by that it is known that one division is enough.
    """
    known = by_its_own_loss(course)
    if known is None:
        return []
    seconds: list[Operation] = []
    counts = set()
    for parameter in known.changes:
        found = _second_division(known, parameter)
        if found is None:
            return []
        division, count = found
        seconds.append(division)
        counts.add(count)
    sites = [course.site(number) for number in dict.fromkeys(o.site for o in seconds)]
    named = [site for site in sites if site is not None]
    if not named or len(counts) > 1:
        return []
    count = counts.pop()
    return [
        Finding(
            code="SC302",
            severity="note",
            title=f"every gradient is divided by {count} twice",
            message=f"what `{shown(named[0].text)}` divides is the gradient of the loss already, which is a mean over "
            f"{count}: the steps are {count} times as short as the learning rate says, and point where they should",
            location=span_of(named[0]),
            cause=span_of(named[0]),
            parameters=tuple(dict.fromkeys(p.name for p, *_ in known.step.parameters)),
            trail=tuple(TrailStep(span_of(site), "and here") for site in named[1:]),
        )
    ]


def _second_division(known: Verdicts, parameter: int) -> tuple[Operation, int] | None:
    """(what divides the gradient of a parameter, by how much) where that was divided by the same number before."""
    divided: list[int] = []
    for value in known.chain([parameter]):
        operation = known.producer(value)
        count = _count(known, operation) if operation is not None and operation.function in QUOTIENTS else None
        if operation is None or count is None:
            continue
        match = known.matching.match(value)
        times = abs(match.factor.number) if match is not None and not match.transposed else 0.0
        if count in divided and abs(times * count - 1) <= EXACT:
            return operation, count
        if abs(times - 1) <= EXACT:
            divided.append(count)
    return None


def _count(known: Verdicts, operation: Operation) -> int | None:
    """The whole number that an operation divides by."""
    divisor = operation.arguments[1] if len(operation.arguments) == 2 else None
    number = known.replay.recorded[divisor.value] if isinstance(divisor, Ref) else divisor
    count = float(number) if isinstance(number, Real) else 0.0
    return int(count) if 1 < count < _MOST_SAMPLES and count == int(count) else None


__all__ = ["divided_twice"]
