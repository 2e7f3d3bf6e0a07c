"""A loss without targets: every output is driven to zero, while an array of as many samples is never read."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from shapecheck.diagnose.course import Course, shown
from shapecheck.diagnose.credible_losses import meets_data
from shapecheck.diagnose.finding import Finding, TrailStep
from shapecheck.diagnose.targets import Result, Target
from shapecheck.diagnose.trail import span_of
from shapecheck.diagnose.unread import Unread, is_read, unread_arrays
from shapecheck.gradients.inferred import targets_at_hand
from shapecheck.gradients.losses import find_losses
from shapecheck.gradients.replay import ReplayError
from shapecheck.gradients.steps import Loss, Step, reach
from shapecheck.network.dependence import CARRIERS
from shapecheck.trace.operations import PRODUCTS, QUOTIENTS, SUMS
from shapecheck.trace.sites import Site

# By how much a loss of outputs alone falls as they all go to zero: to nothing.
_NOTHING = 1e-12
# How exactly steps of twice the output are twice as long.
_EXACT = 1e-9


def unread_targets(course: Course) -> list[Finding]:
    """Steps that follow, to the last of them, a loss that is least where all outputs are zero."""
    if not course.steps:
        return []
    step = course.steps[0]
    if course.verdict.verdict != "right":
        output = _blank_output(course, step)
        return [] if output is None else _findings(course, step, output)
    for loss in find_losses(course.replay, step):
        if loss.inferred or loss.value is None or not loss.right >= step.olds:
            continue
        output = _output(course, step, loss)
        if output is None or not _is_least_at_zero(course, loss, output):
            continue
        # What inputs meet before the output is made, as centres and embeddings do, are no targets.
        if meets_data(course.replay, step, loss, after=output) or _is_residual(course, output):
            continue
        if found := _findings(course, step, output):
            return found
    return []


def _findings(course: Course, step: Step, output: int) -> list[Finding]:
    """What is to be said of an output that goes to zero, beside an array that has an entry for each sample."""
    rows = set(course.tape.values[output].shape)
    for one in unread_arrays(course):
        array = course.tape.values[one.value].array
        alike = isinstance(array, np.ndarray) and array.shape[:1] and array.shape[0] in rows - {1}
        if alike and array.dtype.kind in "fiu" and np.ptp(array) > 0 and not is_read(course, one):
            return [_finding(course, step, output, one)]
    return []


def _blank_output(course: Course, step: Step) -> int | None:
    """An output of nothing but zeros, where no step moves anything because all steps are multiples of it."""
    changes = [change for _, _, change, _ in step.parameters]
    if any(np.any(course.replay.recorded[u.change]) for p in course.parameters for u in p.updates):
        return None
    output = _first_whole(course, step, course.replay.ancestors(changes))
    if output is None or np.any(course.replay.recorded[output]) or _is_residual(course, output):
        return None
    array = np.random.default_rng(0).normal(size=np.shape(course.replay.recorded[output]))
    try:
        once, twice = (course.replay.evaluate({output: times * array}, changes) for times in (1.0, 2.0))
    except ReplayError:
        return None
    moved = any(np.any(once[change]) for change in changes)
    return output if moved and all(np.allclose(2 * once[c], twice[c], rtol=_EXACT) for c in changes) else None


def _output(course: Course, step: Step, loss: Loss) -> int | None:
    """The first array on the way to a loss that all parameters have gone into."""
    assert loss.adjoints is not None
    return _first_whole(course, step, loss.adjoints.closure)


def _first_whole(course: Course, step: Step, values: Collection[int]) -> int | None:
    reached = reach(course.replay, step.olds, step.last + 1)
    whole = [v for v in values if len(reached.get(v, ())) == len(step.olds)]
    whole = [v for v in whole if course.tape.values[v].size > 1]
    return min(whole, default=None)


def _is_least_at_zero(course: Course, loss: Loss, output: int) -> bool:
    value = loss.value or 0
    recorded = course.replay.recorded
    try:
        at_zero = course.replay.evaluate({output: np.zeros(np.shape(recorded[output]))}, [value])[value]
    except ReplayError:
        return False
    return abs(float(np.ravel(at_zero)[0])) <= _NOTHING * abs(float(np.ravel(recorded[value])[0]))


def _is_residual(course: Course, output: int) -> bool:
    """Whether data were added to what is taken for the output, or to what it is a multiple, a sum or a part of."""
    open_values, seen = [output], set[int]()
    while open_values:
        operation = course.producer(open_values.pop())
        if operation is None or operation.function not in SUMS | PRODUCTS | QUOTIENTS | CARRIERS:
            continue
        given = [n for n in operation.inputs if n not in course.learned and course.tape.values[n].size > 1]
        if given and operation.function in SUMS:
            return True
        ways = [n for n in operation.inputs if n in course.learned - course.versions - seen]
        open_values += ways
        seen.update(ways)
    return False


def _aim(course: Course, step: Step, output: int, site: Site, names: tuple[str, ...]) -> None:
    """Say what the named output should have given, if the array that is to be taken off is there to be seen."""
    pairs = targets_at_hand(course.replay, step, output)
    wanted = tuple(np.asarray(course.replay.recorded[output], dtype=float) - pair.target for pair in pairs)
    if wanted:
        course.aimed[names] = (Target(site.number, (Result(output, wanted, exact=True),)),)
        course.settled.add(names)


def _finding(course: Course, step: Step, output: int, one: Unread) -> Finding:
    named = [b for b in course.tape.bindings if b.value == output]
    # `error = out`: what should have been a difference got a name as if it were one.
    site = course.site(named[-1].site) if named else course.site_of(output)
    place = site or one.site
    names = tuple(dict.fromkeys(p.name for p, *_ in step.parameters))
    if site is not None:
        _aim(course, step, output, site, names)
    return Finding(
        code="SC306",
        severity="warning",
        title="the targets are left out",
        message=f"nothing is taken off `{shown(place.text)}` on its way to the loss, which is least where all outputs "
        f"are zero; and nobody reads `{one.name}`, which has an entry for each sample",
        location=span_of(place),
        cause=span_of(place),
        parameters=names,
        trail=(TrailStep(span_of(one.site), "this is never read"),),
    )


__all__ = ["unread_targets"]
