"""Updates that climb the loss that they are the gradient of."""

from __future__ import annotations

from shapecheck.diagnose.course import Course, meetings, quoted, shown
from shapecheck.diagnose.finding import Finding, TrailStep
from shapecheck.diagnose.trail import span_of
from shapecheck.gradients.losses import Step
from shapecheck.network.parameters import Parameter
from shapecheck.trace.sites import Site


def climbing(course: Course) -> list[Finding]:
    """Updates up the slope of an error: all of a network's, or those of some parameters between others that descend."""
    if not any(p.factor is not None and p.factor > 0 for p in course.verdict.parameters):
        return []
    for step in course.steps:
        signs = _signs(course, step)
        up = [p for p, sign in signs if sign > 0]
        down = [p for p, sign in signs if sign < 0]
        if not up or not signs:
            continue
        if down:
            found = _some_climb(course, step, up, down)
        elif len(signs) == len(step.parameters):
            found = _all_climb(course, step, up)
        else:
            found = None
        if found is not None:
            return [found]
    return []


def _signs(course: Course, step: Step) -> list[tuple[Parameter, float]]:
    """Of each parameter whose change is a multiple of its gradient: whether it goes up (1) or down (-1)."""
    known = course.verdicts(step)
    if known is None:
        return []
    verdicts = {v.parameter: v for v in known.all()}
    signs = []
    for parameter, old, _, sign in step.parameters:
        verdict = verdicts[old]
        if verdict.factor is not None and verdict.at_change:
            signs.append((parameter, sign * (1.0 if verdict.factor.number > 0 else -1.0)))
    return signs


def _all_climb(course: Course, step: Step, up: list[Parameter]) -> Finding | None:
    if not _is_an_error(course, step) or _others_learn(course, step):
        return None
    difference = _difference(course, step)
    sites = {s.number: s for p in up if (s := _update_site(course, p, step)) is not None}
    update = next(iter(sites.values()), None)
    if update is None:
        return None
    cause = difference if difference is not None and len(sites) > 1 else update
    names = [p.name for p in up]
    what = f"`{shown(cause.text)}`" if cause is difference else f"`{shown(update.text)}`"
    return Finding(
        code="SC402",
        severity="error",
        title="every step goes up the slope of the error",
        message=f"with {what} the change of {quoted(names)} is the gradient of the error itself, added: the error "
        "grows; subtract it, or take the difference of output and target the other way round",
        location=span_of(update),
        cause=span_of(cause),
        parameters=tuple(dict.fromkeys(names)),
        trail=(TrailStep(span_of(difference), "the difference of output and target"),)
        if difference is not None and cause is not difference
        else (),
    )


def _is_an_error(course: Course, step: Step) -> bool:
    """Whether what the step climbs is a distance of outputs from targets, which nobody wants to grow.

    A likelihood or a reward that the program itself computes is meant to grow. So only a loss that the updates follow
    without the program computing it, or one that a loss of the catalogue agrees with, counts.
    """
    verdict = course.verdict
    return verdict.ascent and verdict.inferred and step.number == 0


def _others_learn(course: Course, step: Step) -> bool:
    """Whether the loss depends on arrays that were trained at another time: then inputs are changed to fool them."""
    known = course.verdicts(step)
    if known is None:
        return True
    return bool(known.matching.adjoints.closure & (course.versions - step.olds))


def _difference(course: Course, step: Step) -> Site | None:
    """Where the outputs meet the targets."""
    for operation, _, _ in meetings(course):
        if step.first <= operation.number <= step.last and operation.function in {"-", "numpy.subtract"}:
            return course.site(operation.site)
    return None


def _update_site(course: Course, parameter: Parameter, step: Step) -> Site | None:
    return course.site(course.tape.operations[parameter.updates[step.number].operation].site)


def _some_climb(course: Course, step: Step, up: list[Parameter], down: list[Parameter]) -> Finding | None:
    """One sign among others that is wrong; where all that climb lie below all that descend, it may be meant."""
    layers = {p.name: course.layer(p.birth) for p in (*up, *down)}
    below = [layers[p.name] or 0 for p in down]
    known = [layer for p in up if (layer := layers[p.name])]
    # Of as many as descend, each beside one in its own layer: no second network that works against the first.
    beside = len(up) == len(down) and all(layers[p.name] in below for p in up)
    if (len(up) >= len(down) and not beside) or 0 in below or (known and max(known) < min(below)):
        return None
    site = _update_site(course, up[0], step)
    if site is None or any(_update_site(course, p, step) is site for p in down):
        return None
    names = [p.name for p in up]
    return Finding(
        code="SC402",
        severity="error",
        title=f"this step of {quoted(names)} goes up the slope of the loss",
        message=f"`{shown(site.text)}` adds the gradient of the loss, and the steps of "
        f"{quoted([p.name for p in down])} subtract theirs",
        location=span_of(site),
        cause=span_of(site),
        layer=layers[up[0].name],
        parameters=tuple(dict.fromkeys(names)),
    )


__all__ = ["climbing"]
