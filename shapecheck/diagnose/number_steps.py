"""Steps by a number alone: `W -= rate` takes the same from every entry, and the gradient is computed for nobody."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np

from shapecheck.diagnose.belonging import is_weight
from shapecheck.diagnose.course import Course, quoted, shown
from shapecheck.diagnose.finding import Finding, TrailStep
from shapecheck.diagnose.lost import name_of
from shapecheck.diagnose.targets import Result, Target
from shapecheck.diagnose.trail import span_of
from shapecheck.diagnose.unapplied import Found, Turns, Unapplied, last_reading
from shapecheck.gradients.losses import find_losses, sounds_like_a_loss
from shapecheck.gradients.steps import Step
from shapecheck.network.parameters import Parameter, Update
from shapecheck.network.uses import value_names
from shapecheck.trace.operations import DIFFERENCES, MATRIX_PRODUCTS, SUMS
from shapecheck.trace.sites import Site
from shapecheck.trace.tape import Operation, Ref

Moved = dict[int, tuple[int, Operation]]

# A gradient of which all entries are the same is followed by a number, too.
_UNIFORM = 1e-6
# So often in a row an array has to be moved by a number.
_FEWEST = 8
_MOST_LOSSES = 4
NOT_RETURNED = "something else than the gradients is handed back"
# What takes parts of an array; a number may be scaled besides.
_TAKING = frozenset({"getitem", "view", ".item", "float"})
_MOST_BACK = 8


def number_steps(course: Course) -> list[Finding]:
    """Arrays that are moved by a number in every turn, while their gradients are computed for nobody."""
    moved = moved_by(course, _by_a_number)
    if not moved:
        return []
    for turns, pairs in computed(course, moved):
        if pairs:
            by_site: dict[int, list[Found]] = {}
            for pair in pairs:
                _, made = moved[turns.whole[pair[0]]]
                by_site.setdefault(made.site or 0, []).append(pair)
            found = [_finding(course, made_at, turns, moved) for made_at in by_site.values()]
            returned = _handed_back(course, pairs, turns, moved)
            return found if returned is None else [_of_what_is_returned(course, found, returned)]
    read = [one for first in dict(moved.values()) if (one := _read_version(course, first, moved)) is not None]
    return [f for version, made in read if (f := _ungraded(course, version, made)) is not None]


def computed(course: Course, moved: Moved) -> Iterator[tuple[Turns, list[Found]]]:
    """(turns, gradients that are computed in them) for each loss that the turns may descend."""
    turns = Turns(course, {version: first for version, (first, _) in moved.items()})
    step = turns.imagined(turned_round=False)
    for loss in find_losses(course.replay, step)[:_MOST_LOSSES] if step is not None else ():
        yield turns, turns.computed(loss)


def moved_by(course: Course, is_such: Callable[[Course, Operation], bool]) -> Moved:
    """Version of an array that steps of a kind move, again and again -> (its first version, the step from there).

    Args:
        course: Of the run.
        is_such: Whether a step is of that kind.
    """
    found: dict[int, tuple[int, Operation]] = {}
    times: dict[int, int] = {}
    for operation in course.tape.operations:
        first = operation.arguments[0] if operation.arguments else None
        if operation.function not in SUMS or not isinstance(first, Ref) or not is_such(course, operation):
            continue
        if first.value in found and operation.site != found[first.value][1].site:
            continue
        start = found.setdefault(first.value, (first.value, operation))
        found[operation.result] = start
        times[start[0]] = times.get(start[0], 0) + 1
    return {version: start for version, start in found.items() if times[start[0]] >= _FEWEST}


def _by_a_number(course: Course, operation: Operation) -> bool:
    """Whether an array, or a part of one, is moved by one and the same number everywhere."""
    values = course.tape.values
    old, change = operation.arguments[0].value, operation.arguments[1]
    if values[old].size < 2 or not values[old].dtype.startswith("float") or course.site(operation.site) is None:
        return False
    if values[operation.result].shape != values[old].shape or len(operation.arguments) > 3:
        return False
    if isinstance(change, Ref):
        return values[change.value].shape == () and bool(np.any(course.replay.recorded[change.value]))
    return isinstance(change, int | float) and change != 0


def _read_version(course: Course, first: int, moved: Moved) -> tuple[int, Operation] | None:
    """The first version of an array that a product reads, with the step from there."""
    site = moved[first][1].site
    for version in sorted(version for version, (start, _) in moved.items() if start == first):
        readers = course.users.get(version, ())
        step = next((o for o in readers if o.site == site), None)
        if step is not None and any(o.function in MATRIX_PRODUCTS for o in readers):
            return version, step
    return None


def _ungraded(course: Course, first: int, made: Operation) -> Finding | None:
    """A weight that a given number moves, whatever the loss that the program computes would have."""
    site, replay = course.site(made.site), course.replay
    change = made.arguments[1]
    given = not isinstance(change, Ref) or change.value not in replay.dependents([first])
    read = [o for o in course.users.get(first, ()) if o.function in MATRIX_PRODUCTS]
    if site is None or not given or not is_weight(course, first):
        return None
    sign = -1 if made.function in DIFFERENCES else 1
    update = Update(made.number, first, made.result, made.result, sign)
    step = Step(0, ((Parameter("", first, [update]), first, made.result, sign),), 0, made.number)
    losses = [loss for loss in find_losses(replay, step)[:_MOST_LOSSES] if sounds_like_a_loss(replay, loss)]
    adjoint = np.asarray(losses[0].adjoints[first]) if losses and losses[0].adjoints is not None else np.zeros(1)
    if np.ptp(adjoint) <= _UNIFORM * np.abs(adjoint).max():
        return None
    name = course.names.get(first) or name_of(course, first, site)
    number = float(np.ravel(replay.recorded[change.value])[0] if isinstance(change, Ref) else change)
    shapes = [course.tape.values[i].shape for o in read for i in o.inputs]
    scales = sorted({1, *(n for shape in shapes for n in shape)})
    wanted = tuple(np.asarray(replay.recorded[first]) + sign * number * n * adjoint for n in scales)
    course.aimed[(name,)] = (Target(made.site, (Result(made.result, wanted, exact=True),)),)
    return Finding(
        code="SC309",
        severity="error",
        title="this step does not follow the gradient",
        message=f"`{shown(site.text)}` moves every entry of `{name}` by the same number, and no gradient enters it",
        location=span_of(site),
        cause=span_of(site),
        layer=course.layer(first),
        parameters=(name,),
    )


def _finding(course: Course, pairs: list[Found], turns: Turns, moved: Moved) -> Finding:
    tape = course.tape
    names = {a.value: tape.sites[a.site].text for a in tape.accesses} | value_names(tape)
    wholes = [turns.whole[weight] for weight, _, _ in pairs]
    site = course.site(moved[wholes[0]][1].site)
    gradient = last_reading(course, pairs[0][1])
    assert site is not None
    known = tuple(dict.fromkeys(names.get(whole, "an array") for whole in wholes))
    course.stepped[known] = [
        Unapplied(weight, operation.result, factor, names.get(whole, ""))
        for (weight, operation, factor), whole in zip(pairs, wholes, strict=True)
    ]
    return Finding(
        code="SC309",
        severity="error",
        title="this step does not follow the gradient",
        message=f"`{shown(site.text)}` moves every entry of {quoted(list(known))} by the same number; the gradient is "
        "computed, and nothing applies it",
        location=span_of(site),
        cause=span_of(site),
        layer=course.layer(wholes[0]),
        parameters=known,
        trail=(TrailStep(span_of(gradient), "the gradient is here"),) if gradient is not None else (),
    )


def _handed_back(course: Course, pairs: list[Found], turns: Turns, moved: Moved) -> Site | None:
    """Where the function that makes all the gradients hands back what the numbers of the steps are taken from."""
    tape = course.tape
    makers = {(s.path, s.function) for _, made, _ in pairs if (s := course.site(made.site)) is not None}
    gradients = {made.result for _, made, _ in pairs}
    found: set[int] = set()
    for weight, _, _ in pairs:
        change = moved[turns.whole[weight]][1].arguments[1]
        value = change.value if isinstance(change, Ref) else None
        for _ in range(_MOST_BACK):
            made = course.producer(value) if value is not None else None
            if made is None:
                break
            back = [site for _, site, values in tape.returns if value in values and gradients.isdisjoint(values)]
            here = [s for s in back if (tape.sites[s].path, tape.sites[s].function) in makers]
            if here:
                found.add(here[0])
                break
            parts = [i for i in made.inputs if made.function in _TAKING or tape.values[i].shape == ()]
            value = next((i for i in parts if course.producer(i) is not None), None)
        else:
            return None
    return course.site(found.pop()) if len(found) == 1 and len(makers) == 1 else None


def _of_what_is_returned(course: Course, found: list[Finding], returned: Site) -> Finding:
    """One finding of steps whose numbers come from what a function hands back in the place of its gradients."""
    names = tuple(dict.fromkeys(name for finding in found for name in finding.parameters))
    course.stepped[names] = [one for finding in found for one in course.stepped[finding.parameters]]
    step = found[0].location
    return replace(
        found[0],
        title=NOT_RETURNED,
        message=f"`{returned.function}` computes the gradients of {quoted(list(names))} and hands back "
        f"`{shown(returned.text)}`; so `{shown(step.source)}` moves every entry by the same number",
        cause=span_of(returned),
        parameters=names,
    )


__all__ = ["NOT_RETURNED", "Moved", "computed", "moved_by", "number_steps"]
