"""Derivatives of one of several losses that are computed, and overwritten by those of the next: `dh = ` for `dh +=`.

Where the program adds its losses up, the gradients that are wrong show it. Where it only prints them side by side, each
part of the network follows a loss of its own, and nothing looks wrong but this: what one loss sends back to a value is
computed and never read, and its name goes to what another loss sends back to the same value.
"""

from __future__ import annotations

from collections.abc import Iterator

from shapecheck.diagnose.course import Course, quoted, shown
from shapecheck.diagnose.finding import Finding, TrailStep
from shapecheck.diagnose.trail import span_of
from shapecheck.diagnose.unapplied import is_shown
from shapecheck.gradients.losses import find_losses
from shapecheck.gradients.matching import Matching
from shapecheck.gradients.steps import Step
from shapecheck.trace.tape import Operation

OVERWRITTEN_SHARE = "this overwrites what another loss sends back"


def overwritten_shares(course: Course) -> list[Finding]:
    """What one loss sends back to a value, computed for nobody, and what another sends there, under the same name."""
    for step in course.steps[:2]:
        pairs = list(_overwritten(course, step))
        losses = [c for c in find_losses(course.replay, step) if c.credible and c.matching] if pairs else []
        for unread, taken in pairs:
            for one in losses:
                others = [c for c in losses if c.right - one.right and one.right - c.right]
                if one.matching is None or (forward := _is_sent_to(one.matching, taken.result)) is None:
                    continue
                recorded = course.replay.recorded[unread.result]
                found = [c.matching.against(recorded, forward) for c in others if c.matching is not None]
                own = one.matching.against(recorded, forward)
                if own is None and any(match is not None and not match.weak for match in found):
                    return _finding(course, step, unread, taken)
    return []


def _overwritten(course: Course, step: Step) -> Iterator[tuple[Operation, Operation]]:
    """Arrays that nobody reads, each with what was given its name next in the same function, and is applied."""
    tape = course.tape
    needed = course.replay.ancestors([change for _, _, change, _ in step.parameters])
    learned = course.replay.dependents(step.olds, step.last + 1)
    begun = min((tape.values[v].producer or 0 for v in learned - step.olds), default=0)
    made = tape.operations[begun : step.last + 1]
    for unread in made:
        site = course.site(unread.site)
        value = tape.values[unread.result]
        if site is None or not site.bound_to or unread.result in course.users or unread.result not in learned:
            continue
        if value.size < 2 or any(a.value == unread.result for a in tape.accesses) or is_shown(course, unread.result):
            continue
        for after in made:
            later = course.site(after.site) if after.number > unread.number else None
            if later is not None and (later.bound_to, later.function) == (site.bound_to, site.function):
                if after.result in needed and tape.values[after.result].shape == value.shape:
                    yield unread, after
                break


def _is_sent_to(matching: Matching, value: int) -> int | None:
    """The value of the forward pass whose derivative an array is."""
    match = matching.match(value)
    return match.forward if match is not None and not match.weak and not match.transposed else None


def _finding(course: Course, step: Step, unread: Operation, taken: Operation) -> list[Finding]:
    first, second = course.site(unread.site), course.site(taken.site)
    if first is None or second is None:
        return []
    spoilt = course.replay.dependents([taken.result], step.last + 1)
    names = [p.name for p, _, change, _ in step.parameters if change in spoilt]
    return [
        Finding(
            code="SC306",
            severity="error",
            title=OVERWRITTEN_SHARE,
            message=f"`{first.bound_to}` was `{shown(first.text)}` before, the derivative of another loss, which "
            f"nobody has read: {quoted(names)} follow one loss only; the two have to be added up",
            location=span_of(second),
            cause=span_of(second),
            parameters=tuple(dict.fromkeys(names)),
            trail=(TrailStep(span_of(first), "what is lost is computed here"),),
        )
    ]


__all__ = ["OVERWRITTEN_SHARE", "overwritten_shares"]
