"""Steps that come one turn late: each is taken before this turn's gradient enters what it is made from."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from shapecheck.diagnose.course import Course, quoted, shown
from shapecheck.diagnose.finding import Finding, TrailStep
from shapecheck.diagnose.lost import name_of
from shapecheck.diagnose.trail import ALSO, span_of
from shapecheck.diagnose.velocities import share_kept
from shapecheck.diagnose.verdicts import Verdicts
from shapecheck.gradients.losses import find_losses
from shapecheck.gradients.steps import Step
from shapecheck.network.parameters import Parameter, Update
from shapecheck.trace.operations import DIFFERENCES, SUMS
from shapecheck.trace.sites import Site
from shapecheck.trace.tape import Operation, Ref

LATE_STEP = "this step comes before the gradient that it should follow"
# So many steps in a row have to be late.
_FEWEST = 3
_MOST_LOSSES = 3
_MOST_BACK = 8


@dataclass(frozen=True, slots=True)
class _Late:
    """An array of which each step follows the gradient of the turn before, and the first follows nothing.

    Attributes:
        steps: The first steps.
        fed: What the second step is made from, where it was made: the first gradient is in it.
    """

    steps: tuple[Operation, ...]
    fed: Operation

    @property
    def array(self) -> int:
        """Its first version."""
        return int(self.steps[0].arguments[0].value)


def late_steps(course: Course) -> list[Finding]:
    """Steps that are made from the gradient of the turn before, while this turn's is there just afterwards.

    That is held against a loss: with each step taken a statement later, all gradients have to be right.
    """
    late = [one for steps in _begun_with_zeros(course) if (one := _late(course, steps)) is not None]
    if not late or not _would_be_right(course, late):
        return []
    by_site: dict[int, list[_Late]] = {}
    for one in late:
        by_site.setdefault(one.steps[0].site or 0, []).append(one)
    found = [f for group in by_site.values() if (f := _finding(course, group)) is not None]
    return _together(found)


def _begun_with_zeros(course: Course) -> Iterator[list[Operation]]:
    """The first steps of each array that is stepped again and again at one place, first of all by zeros."""
    values, chains = course.tape.values, []
    ends: dict[int, list[Operation]] = {}
    for operation in course.tape.operations:
        if operation.function not in SUMS or len(operation.arguments) != 2 or operation.site is None:
            continue
        old, change = operation.arguments
        if not isinstance(old, Ref) or not isinstance(change, Ref):
            continue
        shape = values[old.value].shape
        if not shape or values[change.value].shape != shape or values[operation.result].shape != shape:
            continue
        chain = ends.pop(old.value, None)
        if chain is not None and chain[0].site == operation.site:
            if len(chain) <= _FEWEST:
                chain.append(operation)
            ends[operation.result] = chain
        elif old.value not in course.versions and _is_nothing(course, change.value):
            ends[operation.result] = chain = [operation]
            chains.append(chain)
    yield from (chain for chain in chains if len(chain) > _FEWEST)


def _is_nothing(course: Course, value: int) -> bool:
    array = course.replay.recorded[value]
    return array is not None and np.asarray(array).dtype.kind == "f" and not np.any(array)


def _late(course: Course, steps: list[Operation]) -> _Late | None:
    """An array whose every step sees what it was a turn ago, and nothing of what it is."""
    for before, step in itertools.pairwise(steps):
        seen = course.replay.ancestors([step.arguments[1].value])
        if before.arguments[0].value not in seen or before.result in seen:
            return None
    # What is in motion, and no momentum is lost to friction, follows mechanics.
    first, second = (step.arguments[1].value for step in steps[1:3])
    fixed = {step.arguments[0].value for step in steps}
    fed = _fed(course, steps)
    if fed is None or share_kept(course, first, second, fixed) >= 1:
        return None
    return _Late(tuple(steps), fed)


def _fed(course: Course, steps: list[Operation]) -> Operation | None:
    """What the second step is made from, as another statement has made it."""
    statement = course.site(steps[0].site)
    value, array = steps[1].arguments[1].value, steps[0].arguments[0].value
    for _ in range(_MOST_BACK if statement is not None else 0):
        made = course.producer(value)
        site = course.site(made.site) if made is not None else None
        if made is None or site is None:
            return None
        if (site.path, site.line) != (statement.path, statement.line):  # type: ignore[union-attr]
            return made
        before = [v for v in course.scaled(made) if array in course.replay.ancestors([v])]
        if not before:
            return None
        value = before[0]
    return None


def _would_be_right(course: Course, late: list[_Late]) -> bool:
    """Whether the first turn would follow a loss had its steps been taken after the gradients came."""
    parameters = []
    for one in late:
        first, second = one.steps[:2]
        sign = -1 if first.function in DIFFERENCES else 1
        change = second.arguments[1].value
        update = Update(first.number, one.array, first.result, change, sign)
        parameters.append((Parameter("", one.array, [update]), one.array, change, sign))
    last = max(course.tape.values[change].producer or 0 for _, _, change, _ in parameters)
    step = Step(0, tuple(parameters), 0, last)
    for loss in find_losses(course.replay, step)[:_MOST_LOSSES]:
        if not loss.credible or loss.matching is None:
            continue
        verdicts = [v for v in Verdicts(loss.matching, step).all() if not v.proves_nothing]
        if verdicts and all(v.is_right for v in verdicts) and not all(v.weak for v in verdicts):
            return True
    return False


def _finding(course: Course, late: list[_Late]) -> Finding | None:
    site, fed = course.site(late[0].steps[0].site), course.site(late[0].fed.site)
    if site is None or fed is None:
        return None
    names = tuple(dict.fromkeys(_name(course, one, site) for one in late))
    return Finding(
        code="SC401",
        severity="error",
        title=LATE_STEP,
        message=f"`{shown(site.text)}` moves {quoted(list(names))} by what the turn before has left, and "
        f"`{shown(fed.text)}` comes only afterwards: the first step moves nothing, and every other follows a gradient "
        "of what the network was a step ago",
        location=span_of(fed),
        cause=span_of(site),
        layer=course.layer(late[0].array),
        parameters=names,
    )


def _name(course: Course, late: _Late, site: Site) -> str:
    return course.names.get(late.array) or name_of(course, late.array, site)


def _together(found: list[Finding]) -> list[Finding]:
    """One finding for all the statements that are late."""
    if len(found) < 2:
        return found
    names = tuple(dict.fromkeys(name for f in found for name in f.parameters))
    trail = tuple(TrailStep(f.cause, ALSO) for f in found[1:8])
    last = max(found, key=lambda f: f.location.line)
    return [replace(found[0], parameters=names, trail=trail, location=last.location)]


__all__ = ["LATE_STEP", "late_steps"]
