"""Steps that are too long: the gradient is that of a sum, the loss a mean, and the numbers outgrow a float."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from shapecheck.diagnose.broadcast import SilentMistake, pseudo_failure
from shapecheck.diagnose.course import Course, shown
from shapecheck.diagnose.finding import Finding
from shapecheck.diagnose.targets import Result, Target
from shapecheck.diagnose.trail import span_of
from shapecheck.diagnose.verdicts import Verdicts
from shapecheck.gradients.losses import find_losses
from shapecheck.gradients.matching import EXACT
from shapecheck.trace.sites import Site

# A step that is so many times too long at least may be why numbers outgrow what a float holds.
_TOO_LONG = 4


def overlong_steps(course: Course, finding: Finding) -> SilentMistake | None:
    """Where the backward pass gets a factor that the loss does not have, in a run whose numbers outgrow a float.

    A gradient with a factor that all parameters share is right as such; only what becomes of it speaks against it.

    Args:
        course: Of the run.
        finding: That numbers are not finite.

    Returns:
        The expression that is so many times too large; None where every gradient has the size of the loss's.
    """
    known = by_its_own_loss(course)
    if known is None:
        return None
    if (whole := _handed_on_whole(course, known, finding)) is not None:
        return whole
    found = _enlarged(known)
    if found is None:
        return None
    value, times = found
    producer = known.producer(value)
    site = course.site(producer.site) if producer is not None else None
    if producer is None or site is None:
        return None
    # Only the size is wrong: what is added in the end may be the negative of what is to be subtracted.
    wanted = np.asarray(known.replay.recorded[value], dtype=float) / abs(times)
    described = _described(finding, known, site, abs(times))
    target = Target(site.number, (Result(value, (wanted,), exact=True),))
    failure = pseudo_failure(course.trace, course.tape, site, producer.inputs)
    return SilentMistake(described, failure, (target,), tuple(known.matching.adjoints.seeds))


def _described(finding: Finding, known: Verdicts, site: Site, times: float) -> Finding:
    return replace(
        finding,
        title=f"the gradients are {times:.0f} times those of the loss",
        message=f"`{shown(site.text)}` belongs to a sum over {times:.0f} numbers, and the loss that the program "
        f"computes is their mean: every step is {times:.0f} times as long as the learning rate says, and the "
        "numbers grow until they are none any more",
        cause=span_of(site),
        parameters=tuple(dict.fromkeys(p.name for p, *_ in known.step.parameters)),
    )


def _handed_on_whole(course: Course, known: Verdicts, finding: Finding) -> SilentMistake | None:
    """Where the error of the loss itself goes backwards as it is: a mean of its squares has it divided by the count."""
    recorded, of = known.replay.recorded, known.matching.adjoints
    chain = known.chain(known.changes)
    read = Counter(n for number in chain if (o := known.producer(number)) is not None for n in set(o.inputs))
    for number in chain:
        made = known.producer(number)
        site = course.site(made.site) if made is not None else None
        for value in made.inputs if made is not None and site is not None else ():
            # What goes on by one way only is enlarged where it does.
            several = value in of.of and read[value] > 1
            match = known.matching.against(recorded[value], value) if several else None
            times = abs(match.factor.number) if match is not None and not match.weak else 0.0
            if (
                made is None
                or site is None
                or all(abs(times - n) > EXACT * n for n in _counts(np.shape(recorded[value])))
            ):
                continue
            wanted = np.asarray(recorded[value], dtype=float) / times
            whole = np.asarray(recorded[number], dtype=float) / times
            targets = (
                Target(site.number, (Result(number, (whole,), exact=True),)),
                Target(None, (Result(value, (wanted,), made.number, exact=True),)),
            )
            failure = pseudo_failure(course.trace, course.tape, site, made.inputs)
            return SilentMistake(_described(finding, known, site, times), failure, targets, tuple(of.seeds))
    return None


def by_its_own_loss(course: Course) -> Verdicts | None:
    """The first step that follows, in all parameters, a loss that the program itself computes."""
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for step in course.steps:
            own = next((c for c in find_losses(course.replay, step) if c.credible and not c.inferred), None)
            if own is None or own.matching is None:
                continue
            known = Verdicts(own.matching, step)
            verdicts = [v for v in known.all() if not v.proves_nothing]
            return known if verdicts and all(v.is_right for v in verdicts) else None
    return None


def _enlarged(known: Verdicts) -> tuple[int, float] | None:
    """(the first derivative of the backward pass, how many times it is too large); None where it is not."""
    found: list[tuple[int, float]] = []
    own = (known.matching.against(known.replay.recorded[c], p) for p, c in known.changes.items())
    if any(m is not None and not m.weak and abs(abs(m.factor.number) - 1) <= EXACT for m in own):
        return None  # what is too large at first was divided on the way
    for value in known.chain(known.changes):
        match = known.matching.match(value)
        if match is None or match.weak or match.transposed:
            continue
        times = match.factor.number
        shape = np.shape(known.replay.recorded[value])
        if any(abs(abs(times) - count) <= EXACT * count for count in _counts(shape)):
            found.append((value, times))
        elif found or value in known.changes.values():
            break
    return _whole(known, found) or _among_few_numbers(known)


def _among_few_numbers(known: Verdicts) -> tuple[int, float] | None:
    """The same where all outputs are alike at first, so that a derivative of few numbers is known by no more of it.

    That all gradients which are made of it are those of the loss is known besides.
    """
    of, recorded = known.matching.adjoints, known.replay.recorded
    for value in known.chain(known.changes):
        if value in known.changes.values():
            break
        counts = _counts(np.shape(recorded[value]))
        alike = [f for f in of.of if counts and np.shape(of[f]) == np.shape(recorded[value])]
        factors = [m.factor.number for f in alike if (m := known.matching.against(recorded[value], f)) is not None]
        for times in factors:
            if any(abs(abs(times) - count) <= EXACT * count for count in counts):
                return value, times
    return None


def _counts(shape: Sequence[int]) -> set[int]:
    """What a mean over an array of some shape may divide by."""
    return {n for n in (*shape, int(np.prod(shape, dtype=int))) if n >= _TOO_LONG}


def _whole(known: Verdicts, found: Sequence[tuple[int, float]]) -> tuple[int, float] | None:
    """The last of the results of the statement that the first belongs to."""
    sites = known.replay.tape.sites
    lines: list[tuple[str, int] | None] = []
    for value, _ in found:
        operation = known.producer(value)
        site = sites[operation.site] if operation is not None and operation.site is not None else None
        lines.append((site.path, site.line) if site is not None else None)
    own = [pair for pair, line in zip(found, lines, strict=True) if line is not None and line == lines[0]]
    return own[-1] if own else None


__all__ = ["by_its_own_loss", "overlong_steps"]
