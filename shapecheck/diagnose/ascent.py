"""Updates that climb the loss that they are the gradient of."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from shapecheck.diagnose.course import Course, meetings, quoted, shown
from shapecheck.diagnose.error_signal import followed_at
from shapecheck.diagnose.finding import Finding, TrailStep
from shapecheck.diagnose.missing import names_of
from shapecheck.diagnose.single_error import slips_of_one_number
from shapecheck.diagnose.trail import ALSO, span_of
from shapecheck.diagnose.verdicts import Verdicts
from shapecheck.gradients.losses import find_losses
from shapecheck.gradients.matching import EXACT
from shapecheck.gradients.stacked_numbers import stacked
from shapecheck.gradients.steps import Step, reach
from shapecheck.network.parameters import Parameter
from shapecheck.trace.operations import ADDITIONS, DIFFERENCES, MATRIX_PRODUCTS, SUMS
from shapecheck.trace.sites import Site
from shapecheck.trace.tape import Operation, Ref

_MOST_UPDATES = 9
# What is called so, is above zero and depends on so many arrays is meant to fall.
_LOSSES = ("loss", "cost", "error", "mse")
_SEVERAL = 2
# What puts arrays into one.
_JOINS = frozenset(
    "numpy.concatenate numpy.append numpy.hstack numpy.vstack numpy.stack numpy.column_stack setitem".split()
)


def climbing(course: Course) -> list[Finding]:
    """Updates up the slope of an error: all of a network's, or those of some parameters between others that descend."""
    if not any(p.factor is not None and p.factor > 0 for p in course.verdict.parameters):
        return []
    if slips_of_one_number(course.replay) is not None:
        return []  # up for this sample, and down for another
    if (stack := stacked(course.tape)) is not None:
        course = Course(replace(course.trace, head=stack.tape), verdict=course.verdict)
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


def means_to_climb(course: Course) -> bool:
    """Whether those updates that are right all climb a number of the program's own, and no error: a likelihood."""
    right = [row for row in course.verdict.parameters if row.verdict == "right" and row.factor is not None]
    if not right or course.verdict.inferred or any(row.factor <= 0 for row in right if row.factor is not None):
        return False
    step = course.steps[0] if course.steps else None
    names = {row.name for row in right}
    olds = {old for p, old, _, _ in step.parameters if p.name in names} if step is not None else set()
    if step is None or not olds:
        return False
    return not any(loss.inferred and loss.right >= olds for loss in find_losses(course.replay, step))


def turned_round(course: Course) -> list[Finding]:
    """Steps `w = rate * g - w`: the array is turned round in every step, and has no course."""
    known = course.verdicts(course.steps[0]) if course.steps else None
    if known is None:
        return []
    for operation in course.tape.operations[: course.steps[0].last + 1]:
        places = [a.value for a in operation.arguments if isinstance(a, Ref)]
        site = course.site(operation.site)
        if operation.function not in {"-", "numpy.subtract"} or len(places) != 2 or site is None:
            continue
        change, old = places
        if old not in known.matching.adjoints.closure or not _goes_where_it_was(course, operation, old):
            continue
        array = course.replay.recorded[change]
        match = known.matching.against(array, old) if np.shape(array) == course.tape.values[old].shape else None
        if match is None or match.weak:
            continue
        name = course.names.get(old) or site.bound_to or site.text
        return [
            Finding(
                code="SC402",
                severity="error",
                title=f"this step turns `{name}` round",
                message=f"`{shown(site.text)}` takes the array from its step, and not the step from the array: all its "
                "signs change every time",
                location=span_of(site),
                cause=span_of(site),
                layer=course.layer(old),
                parameters=(name,),
            )
        ]
    return []


def _goes_where_it_was(course: Course, operation: Operation, old: int) -> bool:
    """Whether a result is kept under the name that an array had."""
    return not names_of(course.tape, old).keys().isdisjoint(names_of(course.tape, operation.result))


def _signs(course: Course, step: Step) -> list[tuple[Parameter, float]]:
    """Of each parameter whose change is a multiple of its gradient: whether it goes up (1) or down (-1)."""
    known = course.verdicts(step)
    if known is None:
        return []
    verdicts = {v.parameter: v for v in known.all()}
    signs = []
    for parameter, old, change, sign in step.parameters:
        verdict = verdicts[old]
        if _is_taken_back(course, parameter, step.number):
            continue
        if verdict.factor is not None and verdict.at_change:
            signs.append((parameter, sign * (1.0 if verdict.factor.number > 0 else -1.0)))
        elif verdict.factor is not None and (along := _along(known, old, change)):
            signs.append((parameter, sign * along))
    return signs


def _is_taken_back(course: Course, parameter: Parameter, number: int) -> bool:
    """Whether a step is undone again: who looks how steep it is further up comes back before he descends.

    Source: sharpness-aware minimisation (Foret, Kleiner, Mobahi, Neyshabur 2021).
    """
    update = parameter.updates[number]
    back = DIFFERENCES if update.sign > 0 else ADDITIONS
    later = (o for o in course.users.get(update.change, ()) if o.number > update.operation and o.function in back)
    if any(o.arguments[1:2] == (Ref(update.change),) for o in later):
        return True
    # Or the step that counts begins where this one did.
    again = (o for o in course.users.get(update.old, ()) if o.number > update.operation and o.function in SUMS)
    return any(o.arguments[:1] == (Ref(update.old),) and update.new not in o.inputs for o in again)


def _along(known: Verdicts, old: int, change: int) -> float:
    """1 where a change is a multiple of its parameter's adjoint, -1 of minus that, and 0 where it is none."""
    adjoint = np.asarray(known.matching.adjoints[old], dtype=float)
    moved = np.asarray(known.replay.recorded[change], dtype=float)
    square = float(np.sum(adjoint**2))
    if moved.shape != adjoint.shape or not square:
        return 0.0
    times = float(np.sum(moved * adjoint)) / square
    is_multiple = np.linalg.norm(moved - times * adjoint) <= EXACT * np.linalg.norm(moved)
    return float(np.sign(times)) if is_multiple else 0.0


def _all_climb(course: Course, step: Step, up: list[Parameter]) -> Finding | None:
    if not _is_an_error(course, step) or _others_learn(course, step):
        return None
    difference = _difference(course, step)
    sites = {s.number: s for p in up if (s := _update_site(course, p, step)) is not None}
    update = next(iter(sites.values()), None)
    if update is None:
        return None
    # What is added is right where it is made from target - output; what is made from that and adds is turned twice.
    adds = all(p.updates[step.number].sign > 0 for p in up)
    turned = difference is not None and len(sites) > 1 and not (adds and _is_target_less_output(course, step))
    cause = difference if difference is not None and turned else update
    names = [p.name for p in up]
    if not adds and (astray := _turned_on_the_way(course, step)) is not None:
        return Finding(
            code="SC402",
            severity="error",
            title="every step goes up the slope of the error",
            message=f"`{shown(astray.text)}` is minus the derivative that it should be, made from one that is right: "
            f"the change of {quoted(names)} is the gradient with its sign turned round, and the error grows",
            location=span_of(update),
            cause=span_of(astray),
            parameters=tuple(dict.fromkeys(names)),
            trail=tuple(TrailStep(span_of(site), ALSO) for site in list(sites.values())[1:_MOST_UPDATES]),
        )
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
        trail=tuple(_on_the_way(cause, difference, list(sites.values()))),
    )


def _turned_on_the_way(course: Course, step: Step) -> Site | None:
    """The difference that gives minus a derivative, of what a right derivative went into."""
    known = course.verdicts(step)
    if known is None:
        return None
    right: set[int] = set()
    for value in known.chain(step.olds):
        match, made = known.matching.match(value), known.producer(value)
        if match is None or match.weak:
            continue
        if match.factor.number > 0:
            right.add(value)
        elif made is not None and made.function in DIFFERENCES and right & known.ancestors(value):
            return course.site(made.site)
    return None


def _on_the_way(cause: Site, difference: Site | None, updates: list[Site]) -> Iterator[TrailStep]:
    if difference is not None and cause is not difference:
        yield TrailStep(span_of(difference), "the difference of output and target")
    yield from (TrailStep(span_of(site), ALSO) for site in updates[1:_MOST_UPDATES])


def _is_target_less_output(course: Course, step: Step) -> bool:
    """Whether the output is subtracted from the target, where they first meet."""
    for operation, output, _ in meetings(course):
        if step.first <= operation.number <= step.last and operation.function in {"-", "numpy.subtract"}:
            return bool(operation.arguments[1] == Ref(output))
    return False


def _is_an_error(course: Course, step: Step) -> bool:
    """Whether what the step climbs is a distance of outputs from targets, which nobody wants to grow.

    A likelihood or a reward that the program itself computes is meant to grow. So only a loss that the updates follow
    without the program computing it, or one that a loss of the catalogue agrees with, counts; or what the program
    calls a loss, where that is above zero, as no logarithm of a probability is.
    """
    verdict = course.verdict
    if not verdict.ascent or step.number:
        return False
    return verdict.inferred or _climbs_an_error(course, step) or _climbs_its_loss(course, step)


def _climbs_its_loss(course: Course, step: Step) -> bool:
    """Whether several parameters of a step climb a number above zero that is called a loss.

    A single array that does may be an input, changed to fool a network.
    """
    if sum(np.size(course.replay.recorded[old]) > 1 for old in step.olds) < _SEVERAL:
        return False
    for loss in find_losses(course.replay, step):
        site = course.tape.site_of(loss.value) if loss.value is not None else None
        words = f"{site.bound_to or ''} {site.function}".lower() if site is not None else ""
        if loss.right >= step.olds and any(word in words for word in _LOSSES):
            return bool(np.all(np.asarray(course.replay.recorded[loss.value or 0]) > 0))
    return False


def _climbs_an_error(course: Course, step: Step) -> bool:
    """Whether a step goes up a loss of the catalogue with all its parameters, whatever else the program computes."""
    whole = (c.matching for c in find_losses(course.replay, step) if c.inferred and c.right >= step.olds)
    return any(m is not None and (moved := followed_at(step, m)) is not None and moved > 0 for m in whole)


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
    """Signs among others that are wrong: those that climb an error, or the fewer of the two.

    Where all that climb lie below all that descend, it may be meant: one network is to fool the other.
    """
    below = [course.layer(p.birth) or 0 for p in down]
    above = [layer for p in up if (layer := course.layer(p.birth))]
    if above and max(above) < min(below) and _are_rivals(course, step, down):
        return None
    if _play(course, step, up, down) or _play(course, step, down, up) or _disturb(course, step, up, down):
        return None
    # Of as many as descend, each beside one in its own layer: no second network that works against the first.
    beside = len(up) == len(down) and all(course.layer(p.birth) in below for p in up)
    few = len(up) < len(down) or beside
    if not _follow_an_error(course, step) and (not few or 0 in below):
        return None
    sites = {s.number: s for p in up if (s := _update_site(course, p, step)) is not None}
    site = next(iter(sites.values()), None)
    if site is None or any((s := _update_site(course, p, step)) is not None and s.number in sites for p in down):
        return None
    if {p.updates[step.number].sign for p in up} & {p.updates[step.number].sign for p in down}:
        return None  # they are stepped alike: it is the gradient that has the wrong sign
    names, others = [p.name for p in up], quoted([p.name for p in down])
    adds = up[0].updates[step.number].sign > 0
    does = "adds the gradient of the loss" if adds else "subtracts what would go down the slope of the loss"
    return Finding(
        code="SC402",
        severity="error",
        title=f"this step of {quoted(names)} goes up the slope of the loss",
        message=f"`{shown(site.text)}` {does}, and the steps of {others} {'subtract' if adds else 'add'} theirs",
        location=span_of(site),
        cause=span_of(site),
        layer=course.layer(up[0].birth),
        parameters=tuple(dict.fromkeys(names)),
        trail=tuple(_on_the_way(site, None, list(sites.values()))),
    )


def _play(course: Course, step: Step, judges: list[Parameter], makers: list[Parameter]) -> bool:
    """Whether some parameters judge what the others make and, in a term of its own, something that is given.

    The two may then be meant to pull one number both ways.

    Source: Goodfellow et al., Generative Adversarial Nets (2014), equation 1.
    """
    known = course.verdicts(step)
    if known is None:
        return False
    own, theirs = ({p.updates[step.number].old for p in some} for some in (judges, makers))
    on = reach(course.replay, own | theirs, step.last + 1)
    closure, values = known.matching.adjoints.closure, course.tape.values
    operations = course.tape.operations[step.first : step.last + 1]
    judged = [o for o in operations if o.function in MATRIX_PRODUCTS and o.result in closure and own & set(o.inputs)]
    # What a layer of theirs follows is no judgement of something given, and a penalty judges nothing.
    given = [o.result for o in judged if any(i not in on and values[i].size > 1 for i in o.inputs)]
    scores = {v for v in course.replay.dependents(given, step.last + 1) & closure if values[v].size == 1}
    return {frozenset(own), frozenset(own | theirs)} <= {on.get(v) for v in scores}


def _follow_an_error(course: Course, step: Step) -> bool:
    """Whether every gradient of a step is that of one distance between outputs and targets, or of its cross-entropy."""
    return any(loss.inferred and loss.right >= step.olds for loss in find_losses(course.replay, step))


def _are_rivals(course: Course, step: Step, down: list[Parameter]) -> bool:
    """Whether those that descend are also used on something given, beside what those that climb have made.

    The two may be in one array, the given rows above the made ones.
    """
    known = course.verdicts(step)
    if known is None:
        return True
    own = {p.updates[step.number].old for p in down}
    theirs = course.replay.dependents(step.olds - own, step.last + 1)
    mine = course.replay.dependents(own, step.last + 1) - theirs
    learned, values = theirs | mine, course.tape.values
    for operation in course.tape.operations[step.first : step.last + 1]:
        if operation.result not in known.matching.adjoints.closure:
            continue
        given = [n for n in operation.inputs if n not in learned and values[n].size > 1]
        if given and operation.result in mine - own:
            return True
        if operation.function in _JOINS and operation.result in theirs and any(_varies(course, n) for n in given):
            return True
    return False


def _varies(course: Course, value: int) -> bool:
    """Whether an array holds more than one number: a column of ones is no sample."""
    return bool(np.ptp(np.asarray(course.replay.recorded[value], dtype=float)))


def _disturb(course: Course, step: Step, up: list[Parameter], down: list[Parameter]) -> bool:
    """Whether all that climb is added to what the network is given: noise that is to make its task harder.

    Source: Shafahi et al., Adversarial Training for Free! (2019).
    """
    known = course.verdicts(step)
    if known is None:
        return True
    closure, values = known.matching.adjoints.closure, course.tape.values
    weights = {p.updates[step.number].old for p in down}
    for parameter in up:
        used = [o for o in course.users.get(parameter.updates[step.number].old, ()) if o.result in closure]
        for operation in used:
            others = [n for n in operation.inputs if n != parameter.updates[step.number].old]
            onto = operation.function in SUMS and any(values[n].size > 1 for n in others)
            products = (o for o in course.users.get(operation.result, ()) if o.function in MATRIX_PRODUCTS)
            if not onto or course.learned & set(others) or not any(weights & set(o.inputs) for o in products):
                return False
        if not used:
            return False
    return True


__all__ = ["climbing", "means_to_climb", "turned_round"]
