"""Tied weights that come apart: `self.dec = self.enc.T` shows the first array only, and a step makes a new one.

Only a step that goes down the slope of both together says that the two were to stay one: a view of what a weight was
may be kept for many reasons.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from shapecheck.diagnose.course import Course, shown
from shapecheck.diagnose.finding import Finding, TrailStep
from shapecheck.diagnose.trail import span_of
from shapecheck.gradients.losses import find_losses
from shapecheck.gradients.replay import ReplayError
from shapecheck.gradients.steps import Loss, Step
from shapecheck.network.parameters import Parameter
from shapecheck.trace.operations import TRANSPOSES

LEFT_VIEW = "this step leaves a view of the weights behind"

_PROBES = 4
_STEP, _CLOSE = 1e-6, 1e-4


@dataclass(frozen=True, slots=True)
class _Left:
    """What still shows an array that a parameter no longer is.

    Attributes:
        parameter: The parameter.
        value: What is read in its later steps: the array as it was at first, or its transpose.
        turned: Whether it is the transpose.
    """

    parameter: Parameter
    value: int
    turned: bool


def left_views(course: Course) -> list[Finding]:
    """Views of a parameter's first array that go on being read, beside steps that count them as the parameter."""
    for step in course.steps:
        for left, change in _left_behind(course, step):
            losses = [loss for loss in find_losses(course.replay, step) if loss.credible]
            if losses and _counts_both(course, step, losses[0], left, change):
                return _finding(course, left)
    return []


def _left_behind(course: Course, step: Step) -> Iterator[tuple[_Left, int]]:
    """Each with the change that the step applies to the parameter."""
    values = course.tape.values
    for parameter, old, change, _ in step.parameters if step.number else ():
        birth, moved = parameter.birth, parameter.updates[step.number - 1].operation
        if values[birth].identity == values[old].identity:
            continue
        for view in course.users.get(birth, ()):
            turns = view.function in TRANSPOSES and len(view.arguments) == 1 and view.number < moved
            if turns and values[birth].shape != () and _is_read(course, view.result, moved, step.last):
                yield _Left(parameter, view.result, turned=True), change
        if _is_read(course, birth, moved, step.last):
            yield _Left(parameter, birth, turned=False), change


def _is_read(course: Course, value: int, after: int, last: int) -> bool:
    return any(after < o.number <= last for o in course.users.get(value, ()))


def _counts_both(course: Course, step: Step, loss: Loss, left: _Left, change: int) -> bool:
    """Whether a change is a multiple of the slope in the parameter and the view together, and not of its own alone."""
    recorded, chance = course.replay.recorded, np.random.default_rng(0)
    moved = np.asarray(recorded[change], dtype=float)
    old = next(old for parameter, old, *_ in step.parameters if parameter is left.parameter)
    ways = [chance.normal(size=moved.shape) for _ in range(_PROBES)]
    try:
        own = np.array([_slope(course, step, loss, old, way) for way in ways])
        views = np.array([_slope(course, step, loss, left.value, way.T if left.turned else way) for way in ways])
    except (ReplayError, ValueError):
        return False
    along = np.array([float(np.sum(way * moved)) for way in ways])
    return bool(np.any(views)) and _is_multiple(along, own + views) and not _is_multiple(along, own)


def _slope(course: Course, step: Step, loss: Loss, value: int, way: Any) -> float:
    """How fast a loss changes as a value is moved in a direction, and the parameters stay what they were."""
    recorded = course.replay.recorded
    start, ends = np.asarray(recorded[value], dtype=float), []
    for size in (_STEP, -_STEP):
        moved = {old: recorded[old] for old in step.olds} | {value: start + size * way}
        found = course.replay.evaluate(moved, list(loss.seeds))
        ends.append(sum(float(np.sum(np.asarray(seed) * found[number])) for number, seed in loss.seeds.items()))
    return (ends[0] - ends[1]) / (2 * _STEP)


def _is_multiple(numbers: Any, others: Any) -> bool:
    square = float(others @ others)
    if not square or not np.any(numbers):
        return False
    rest = numbers - float(numbers @ others) / square * others
    return bool(np.linalg.norm(rest) <= _CLOSE * np.linalg.norm(numbers))


def _finding(course: Course, left: _Left) -> list[Finding]:
    update = left.parameter.updates[0]
    made = course.producer(left.value) if left.turned else None
    view = course.site(made.site) if made is not None else None
    view = view or next((course.site(b.site) for b in course.tape.bindings if b.value == left.value), None)
    step = course.site(course.tape.operations[update.operation].site)
    if step is None or view is None:
        return []
    name, kept = left.parameter.name, course.names.get(left.value, view.text)
    return [
        Finding(
            code="SC406",
            severity="error",
            title=LEFT_VIEW,
            message=f"`{shown(step.text)}` makes a new array, and `{shown(kept, 30)}` goes on showing the first one: "
            f"only `{name}` moves, by the slope of both; change the array in place",
            location=span_of(view),
            cause=span_of(step),
            parameters=(name,),
            trail=(TrailStep(span_of(view), "here the two were one"),),
        )
    ]


__all__ = ["LEFT_VIEW", "left_views"]
