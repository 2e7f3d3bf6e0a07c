"""A loss that is computed beside a backward pass that follows another: one of the two is not what was meant."""

from __future__ import annotations

from typing import Any

import numpy as np

from shapecheck.diagnose.course import Course, quoted, shown
from shapecheck.diagnose.finding import Finding
from shapecheck.diagnose.trail import span_of
from shapecheck.gradients.losses import find_losses, sounds_like_a_loss
from shapecheck.gradients.steps import Loss

# The sine of the angle between gradients of one and the same loss, up to what keeps a logarithm from zero. Two losses
# are not far apart either where all outputs are near one half, as they are at the start.
_ONE_WAY = 0.02
_LOGARITHMS = frozenset({"numpy.log", "numpy.log2", "numpy.log10", "numpy.log1p"})


def differing_loss(course: Course) -> list[Finding]:
    """A cross-entropy that the program computes from the same outputs, while its updates follow something else.

    Only what has a logarithm in it counts: squares and absolute errors are often printed for their own sake beside
    another loss, a cross-entropy is not.
    """
    verdict = course.verdict
    if verdict.verdict != "right" or not verdict.inferred or not verdict.same_factor or not course.steps:
        return []
    step = course.steps[0]
    losses = find_losses(course.replay, step)
    followed = next((c for c in losses if c.inferred and len(c.right) == len(step.olds)), None)
    if followed is None or followed.adjoints is None:
        return []
    for loss in losses:
        site = course.tape.site_of(loss.value) if loss.value is not None else None
        if loss.right or site is None or not sounds_like_a_loss(course.replay, loss):
            continue
        if not _of_the_same_outputs(loss, followed) or not _has_a_logarithm(course, loss):
            continue
        telling = [(p.name, old) for p, old, _, _ in step.parameters if np.size(course.replay.recorded[old]) > 1]
        apart = [name for name, old in telling if not _one_way(loss.adjoints, followed.adjoints, old)]
        if not apart:
            continue
        return [
            Finding(
                code="SC308",
                severity="warning",
                title="the loss that is computed is not the one that is descended",
                message=f"the updates of {quoted(apart)} follow {verdict.formula}; the gradient of "
                f"`{shown(site.text)}` points elsewhere: either this loss is not the one that is meant, or the error "
                "at the output is not its derivative",
                location=span_of(site),
                cause=span_of(site),
                parameters=tuple(apart),
            )
        ]
    return []


def _of_the_same_outputs(loss: Loss, followed: Loss) -> bool:
    return loss.adjoints is not None and all(output in loss.adjoints.closure for output in followed.seeds)


def _has_a_logarithm(course: Course, loss: Loss) -> bool:
    assert loss.adjoints is not None
    producers = (course.tape.values[v].producer for v in loss.adjoints.closure)
    return any(course.tape.operations[p].function in _LOGARITHMS for p in producers if p is not None)


def _one_way(first: Any, second: Any, value: int) -> bool:
    left, right = np.asarray(first[value], dtype=float), np.asarray(second[value], dtype=float)
    if not np.all(np.isfinite(left)) or not np.all(np.isfinite(right)):
        return True
    size = float(np.linalg.norm(left))
    along = float(np.sum(left * right)) / (float(np.sum(right * right)) or 1.0)
    return float(np.linalg.norm(left - along * right)) <= _ONE_WAY * size


__all__ = ["differing_loss"]
