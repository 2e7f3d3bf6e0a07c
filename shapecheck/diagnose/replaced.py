"""Arrays of a network that become their own step: `b = rate * db`, or `b = b * rate * db`, for `b += rate * db`.

What the network reads in the next step is a multiple of the derivative of the loss by what it read in this one, or that
times what it was. Where the array was zero, the first step of a right program gives the same numbers; so it is held
against the next one, too.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from shapecheck.diagnose.course import Course, quoted, shown
from shapecheck.diagnose.finding import Finding, TrailStep
from shapecheck.diagnose.standing import is_given
from shapecheck.diagnose.trail import ALSO, span_of
from shapecheck.gradients.adjoints import adjoints
from shapecheck.gradients.losses import find_losses
from shapecheck.gradients.matching import EXACT
from shapecheck.gradients.steps import Step
from shapecheck.network.uses import value_names
from shapecheck.trace.operations import SUMS
from shapecheck.trace.sites import Site
from shapecheck.trace.tape import Operation, Ref

BECOMES_ITS_STEP = "replaced by its own step"
MULTIPLIED = "multiplied by its own step"
_MOST = 50


@dataclass(frozen=True, slots=True)
class _Replaced:
    """An array that was read in one step, and what was read in its place in the next."""

    before: int
    after: int
    made: Operation
    site: Site


@dataclass(frozen=True, slots=True)
class _Multiple:
    """By how much what an array becomes is a multiple of its gradient; or, `multiplied`, of that times the array."""

    factor: float
    multiplied: bool


def replaced(course: Course) -> list[Finding]:
    """Arrays that the network reads, and in the next step reads a multiple of their own gradient instead."""
    if len(course.steps) < 2:
        return []
    first, second = course.steps[:2]
    candidates = list(_candidates(course, first, second))[:_MOST]
    if not candidates:
        return []
    factors = _gradients(course, first, {c.before: c.after for c in candidates})
    again = {c.after: made for c in candidates if (made := _made_again(course, c)) is not None}
    next_ones = _gradients(course, second, again)
    found: dict[bool, list[_Replaced]] = {}
    for one in candidates:
        now, later = factors.get(one.before), next_ones.get(one.after)
        if now is not None and later is not None and now.multiplied == later.multiplied:
            if now.factor * later.factor > 0:
                found.setdefault(now.multiplied, []).append(one)
    return [_finding(course, ones, multiplied) for multiplied, ones in found.items()]


def _candidates(course: Course, first: Step, second: Step) -> Iterator[_Replaced]:
    """What was there before the first step, with what is read at its place in the second and was made in between."""
    tape, values = course.tape, course.tape.values
    learned = course.replay.dependents(first.olds, second.last + 1)
    read: dict[tuple[int, int], int] = {}
    for operation in tape.operations[first.first : first.last + 1]:
        for place, before in _places(operation):
            read.setdefault(place, before)
    seen: set[tuple[int, int]] = set()
    pairs: set[tuple[int, int]] = set()
    for operation in tape.operations[first.last + 1 : second.last + 1]:
        for place, after in _places(operation):
            if place in seen or read.get(place, after) == after:
                continue
            seen.add(place)
            before = read[place]
            made = course.producer(after)
            site = course.site(made.site) if made is not None else None
            if made is None or site is None or (before, after) in pairs or not first.first < made.number:
                continue
            # A step that is made from the array itself is one of a parameter's, however it is written.
            if made.function in SUMS and Ref(before) in made.arguments[:2] and "=" not in made.function:
                continue
            # Nor is an array replaced of which an entry is stepped: `b[i] += rate * e`.
            if made.function in SUMS and made.arguments[:1] == (Ref(before),) and len(made.arguments) > 2:
                continue
            alike = values[before].shape == values[after].shape != ()
            standing = is_given(course, before) and before not in course.versions | learned
            if alike and standing and after in learned and after not in course.versions:
                pairs.add((before, after))
                yield _Replaced(before, after, made, site)


def _places(operation: Operation) -> Iterator[tuple[tuple[int, int], int]]:
    """((site, position), value) for each operand."""
    if operation.site is not None:
        for position, argument in enumerate(operation.arguments):
            if isinstance(argument, Ref):
                yield (operation.site, position), argument.value


def _gradients(course: Course, step: Step, wanted: dict[int, int]) -> dict[int, _Multiple]:
    """What arrays become as a multiple of their gradients, of a loss that the whole step follows."""
    if not wanted:
        return {}
    recorded = course.replay.recorded
    for loss in find_losses(course.replay, step):
        if not loss.credible or not step.olds or loss.right != step.olds:
            continue
        known = adjoints(course.replay, loss.seeds, [*wanted, *step.olds], check=())
        rates = [_times(recorded[change], known[old]) for _, old, change, _ in step.parameters]
        found: dict[int, _Multiple] = {}
        for value, made in wanted.items():
            was, becomes = (np.asarray(recorded[number], dtype=float) for number in (value, made))
            ratio = [(becomes / was, True)] if was.shape == becomes.shape and np.all(was) else []
            for array, multiplied in [(becomes, False), *ratio]:
                times = _times(array, known[value])
                # One number is a multiple of any other: it has to be the one by which the others are stepped.
                if times and (array.size > 2 or any(r and np.isclose(abs(times / r), 1.0) for r in rates)):
                    found[value] = _Multiple(times, multiplied)
        if found:
            return found
    return {}


def _times(array: Any, adjoint: Any) -> float | None:
    """How many times an adjoint an array is; None where it is no multiple of it."""
    array, adjoint = np.asarray(array, dtype=float), np.asarray(adjoint, dtype=float)
    if array.shape != adjoint.shape or not np.any(adjoint) or not np.all(np.isfinite(array)):
        return None
    times = float(np.sum(array * adjoint) / np.sum(adjoint * adjoint))
    return times if np.linalg.norm(array - times * adjoint) <= EXACT * np.linalg.norm(array) else None


def _made_again(course: Course, one: _Replaced) -> int | None:
    """What is made in the next step where the first one's replacement was."""
    start, made = course.steps[0].first, one.made.number
    alike = [o for o in course.tape.operations[start:] if (o.site, o.function) == (one.made.site, one.made.function)]
    turns = sum(o.number <= made for o in alike)
    return alike[2 * turns - 1].result if 2 * turns <= len(alike) else None


def _finding(course: Course, found: list[_Replaced], multiplied: bool) -> Finding:
    names = value_names(course.tape)
    known = tuple(dict.fromkeys(names.get(one.before) or one.site.bound_to or "an array" for one in found))
    sites = list({one.site.number: one.site for one in found}.values())
    become = "are each" if len(known) > 1 else "is"
    why = (
        f"`{shown(sites[0].text)}` multiplies {quoted(list(known[:1]))} by a multiple of its gradient, which makes it "
        "as good as zero in a few steps: the step has to be added to what it was, or subtracted"
        if multiplied
        else f"what the network reads next is `{shown(sites[0].text)}` alone, a multiple of the gradient: what "
        f"{quoted(list(known[:1]))} was before is lost, and nothing is learned in it; the step has to be added to it"
    )
    return Finding(
        code="SC406",
        severity="error",
        title=f"{quoted(list(known))} {become} {MULTIPLIED if multiplied else BECOMES_ITS_STEP}",
        message=why,
        location=span_of(sites[0]),
        cause=span_of(sites[0]),
        layer=course.layer(found[0].before),
        parameters=known,
        trail=tuple(TrailStep(span_of(site), ALSO) for site in sites[1:8]),
    )


__all__ = ["BECOMES_ITS_STEP", "MULTIPLIED", "replaced"]
