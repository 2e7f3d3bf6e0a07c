"""Velocities that are turned round: each step takes back a part of the one before, where it should go on with it."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from shapecheck.diagnose.course import Course, quoted, shown
from shapecheck.diagnose.finding import Finding
from shapecheck.diagnose.trail import span_of
from shapecheck.gradients.matching import EXACT
from shapecheck.gradients.replay import ReplayError
from shapecheck.network.parameters import Parameter

# What a step is made of is looked for so far back.
_MOST_BACK = 6
_SMALLEST = 1e-3


def turned_velocities(course: Course) -> list[Finding]:
    """Steps `v = rate * g - momentum * v`: what is left of the last velocity is subtracted from the next one."""
    found: dict[int, list[Parameter]] = {}
    for parameter in course.parameters:
        turning = _turns(course, parameter)
        if turning is not None:
            found.setdefault(turning, []).append(parameter)
    findings = []
    for number, parameters in found.items():
        site = course.site(number)
        if site is None:
            continue
        names = tuple(dict.fromkeys(p.name for p in parameters))
        findings.append(
            Finding(
                code="SC402",
                severity="error",
                title="this velocity is turned round in every step",
                message=f"`{shown(site.text)}` subtracts what is left of the last velocity of {quoted(list(names))} "
                "from the new one, so every step takes back a part of the step before; momentum goes on in its "
                "direction",
                location=span_of(site),
                cause=span_of(site),
                layer=course.layer(parameters[0].birth),
                parameters=names,
            )
        )
    return findings


def _turns(course: Course, parameter: Parameter) -> int | None:
    """Where a velocity takes off a constant part of what it was a step ago; None where it does not."""
    if len(parameter.updates) < 2:
        return None
    first, second = (update.change for update in parameter.updates[:2])
    for _ in range(_MOST_BACK):
        kept = _kept(course, parameter, first, second)
        made = course.producer(second)
        if kept:
            return made.site if kept < 0 and made is not None else None
        # `w -= rate * v`: the velocity is what the change is made from.
        before, now = _made_from(course, first), _made_from(course, second)
        if before is None or now is None:
            return None
        first, second = before, now
    return None


def _kept(course: Course, parameter: Parameter, earlier: int, later: int) -> float:
    """How much of a step's array is a part of what it was a step ago, the same for all entries; else 0."""
    if course.tape.values[earlier].shape != parameter.shape(course.tape):
        return 0.0
    fixed = {u.old for p in course.parameters for u in p.updates[1:2]}
    return share_kept(course, earlier, later, fixed)


def share_kept(course: Course, earlier: int, later: int, fixed: Collection[int]) -> float:
    """How much of an array is a part of another, the same for all entries, with some values as they are; else 0."""
    replay, shape = course.replay, course.tape.values[earlier].shape
    if not shape or earlier not in replay.ancestors([later]):
        return 0.0
    nudge = np.random.default_rng(20240229).normal(size=shape)
    given = {value: replay.recorded[value] for value in fixed}
    try:
        moved = replay.evaluate({**given, earlier: np.asarray(replay.recorded[earlier]) + nudge}, [later])[later]
    except ReplayError:
        return 0.0
    ratio = (np.asarray(moved, dtype=float) - np.asarray(replay.recorded[later], dtype=float)) / nudge
    steady = ratio.shape == shape and np.all(np.isfinite(ratio)) and float(np.ptp(ratio)) <= EXACT
    kept = float(np.mean(ratio)) if steady else 0.0
    return kept if abs(kept) > _SMALLEST else 0.0


def _made_from(course: Course, value: int) -> int | None:
    """The one array of its size that something is made from."""
    operation, values = course.producer(value), course.tape.values
    alike = [i for i in operation.inputs if values[i].shape == values[value].shape] if operation is not None else []
    return alike[0] if len(alike) == 1 else None


__all__ = ["share_kept", "turned_velocities"]
