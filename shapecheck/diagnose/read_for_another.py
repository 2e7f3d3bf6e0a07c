"""Parameters that the forward pass reads where another belongs, which is moved as if it were read: `a1 @ W2 + b1`.

The steps then move `b2` by just what that use of `b1` sends back, and `b1` by what its other uses do. No backward pass
is written like that by accident: it is right for the network that was meant.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

import numpy as np

from shapecheck.diagnose.course import Course, quoted, shown
from shapecheck.diagnose.finding import Finding, TrailStep
from shapecheck.diagnose.shares import shares_of_uses
from shapecheck.diagnose.standing import uncarried
from shapecheck.diagnose.targets import Result, Target
from shapecheck.diagnose.trail import span_of
from shapecheck.diagnose.unread_biases import is_a_velocity
from shapecheck.diagnose.verdicts import Verdicts
from shapecheck.gradients.matching import EXACT, same_direction
from shapecheck.gradients.replay import ReplayError
from shapecheck.network.parameters import Parameter, Update
from shapecheck.network.strays import find_strays
from shapecheck.trace.tape import Operation

READ_FOR_ANOTHER = "this reads one parameter where another belongs"


@dataclass(frozen=True, slots=True)
class _Use:
    """The uses of a parameter at one expression of a step's forward pass.

    Attributes:
        site: The expression.
        operations: They.
        old: The parameter as it was read.
        update: The step of the array that belongs there.
    """

    site: int
    operations: tuple[Operation, ...]
    old: int
    update: Update


def read_for_another(course: Course) -> list[Finding]:
    """Where the forward pass reads a parameter in the place of an array that is moved and never read."""
    strays = find_strays(course.tape, numbers=True)
    if not strays or not course.steps or course.verdict.verdict == "right":
        return []
    for stray in strays:
        found: list[_Use] = []
        for step in course.steps:
            known = course.verdicts(step)
            if known is None or len(stray.updates) <= step.number:
                continue
            use = _belongs_at(course, known, stray.updates[step.number])
            if use is None:
                found = []
                break
            found.append(use)
        # What a single number is a multiple of proves little, but in two steps and at the same place.
        telling = len(found) > 1 or course.tape.values[stray.birth].size > 1
        if found and telling and len({use.site for use in found}) == 1:
            finding = _finding(course, stray, found)
            if finding is not None:
                return [finding]
    return []


def _belongs_at(course: Course, known: Verdicts, update: Update) -> _Use | None:
    """Where the forward pass of a step reads something else than the array that it moves; None where that is read."""
    values, step = course.tape.values, known.step
    verdicts = known.all()
    wrong = {v.parameter for v in verdicts if not v.is_right and not v.proves_nothing}
    factors = {v.factor.number for v in verdicts if v.is_right and v.factor is not None}
    if update.old in known.matching.adjoints.closure or is_a_velocity(course, known, update):
        return None
    shape = values[update.old].shape
    for _, old, _, sign in step.parameters:
        if old not in wrong or values[old].shape != shape or update.sign != sign:
            continue
        uses: dict[int, list[tuple[Operation, np.ndarray]]] = defaultdict(list)
        for operation, share in shares_of_uses(known, old):
            if operation.site is not None and np.any(share):
                uses[operation.site].append((operation, share))
        for site, some in uses.items() if len(uses) > 1 else ():
            share = sum((part for _, part in some), np.zeros(()))
            if _is_stepped_by(course, known, update, share, factors):
                return _Use(site, tuple(operation for operation, _ in some), old, update)
    return None


def _is_stepped_by(course: Course, known: Verdicts, update: Update, share: np.ndarray, factors: set[float]) -> bool:
    """Whether a step is made of what one use of a parameter sends back to it."""
    for value in course.applied(update.change):
        array = np.asarray(known.replay.recorded[value], dtype=float)
        if array.size != share.size or not np.any(share):
            continue
        array = array.reshape(share.shape)
        size = float(np.linalg.norm(share))
        if any(np.linalg.norm(array - f * share) <= EXACT * abs(f) * size for f in factors):
            return True
        if not factors and share.size > 1 and same_direction(array, share):
            return True
    return False


def _finding(course: Course, stray: Parameter, found: list[_Use]) -> Finding | None:
    site = course.site(found[0].site)
    results = []
    for use in found:
        for operation in use.operations:
            operand = next((i for i in operation.inputs if uncarried(course, i) == use.old), use.old)
            try:
                wanted = course.replay.exchanged(operation, operand, course.replay.recorded[use.update.old])
            except ReplayError:
                return None
            if wanted is None or np.shape(wanted) != np.shape(course.replay.recorded[operation.result]):
                return None
            results.append(Result(operation.result, (np.asarray(wanted, dtype=float),), exact=True))
    read = next((p for p in course.parameters if any(u.old == found[0].old for u in p.updates)), None)
    if site is None or read is None:
        return None
    moved, instead = quoted([stray.name]), quoted([read.name])
    known = course.verdicts(course.steps[0])
    others = known.all() if known is not None else []
    wrong = (v.name for v in others if not v.is_right and not v.proves_nothing)
    names = tuple(dict.fromkeys((stray.name, read.name, *wrong)))
    course.aimed[names] = (Target(site.number, tuple(sorted(results, key=lambda result: result.value))),)
    course.settled.add(names)
    stepped = course.site(course.tape.operations[found[0].update.operation].site)
    return Finding(
        code="SC305",
        severity="error",
        title=READ_FOR_ANOTHER,
        message=f"`{shown(site.text)}` reads {instead} once more, and nothing reads {moved}: the steps move {moved} by "
        "just what this use sends back, so it belongs here",
        location=span_of(site),
        cause=span_of(site),
        layer=course.layer(found[0].old),
        parameters=names,
        trail=(TrailStep(span_of(stepped), f"{moved} is stepped here"),) if stepped is not None else (),
    )


__all__ = ["READ_FOR_ANOTHER", "read_for_another"]
