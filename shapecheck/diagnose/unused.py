"""Gradients that are computed beside those that are applied, and applied to nothing.

It says so only of what nobody reads and nobody prints; the gradient of a sample is no gradient of a parameter.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator

from shapecheck.diagnose.belonging import (
    is_kept_with_moved,
    is_made_with_moved,
    is_weight,
    meets_what_is_learned,
    owners,
)
from shapecheck.diagnose.calls_for_nobody import is_called_for_nobody
from shapecheck.diagnose.course import Course, quoted, shown
from shapecheck.diagnose.finding import Finding
from shapecheck.diagnose.lost import name_of
from shapecheck.diagnose.standing import is_given, is_read_again
from shapecheck.diagnose.trail import span_of
from shapecheck.diagnose.unapplied import Unapplied, is_dropped, is_shown
from shapecheck.gradients.adjoints import adjoints
from shapecheck.gradients.matching import Matching
from shapecheck.gradients.steps import Step
from shapecheck.trace.sites import Site
from shapecheck.trace.tape import Operation, Shape

# An array, and what makes its gradient in one step.
_Pair = tuple[Unapplied, Operation]


def unused_gradients(course: Course, known: Collection[int] = ()) -> list[Finding]:
    """Gradients of arrays of the network that are computed in a line of their own, and applied to nothing.

    Args:
        course: Of the run.
        known: Arrays of which that has been said already.
    """
    found: dict[int, tuple[Site, list[Unapplied]]] = {}
    for step in course.steps[:2]:
        for one, operation in _unused_in(course, step):
            site = course.site(operation.site)
            if site is not None and one.array not in known:
                targets = found.setdefault(site.number, (site, []))[1]
                targets += [one] if one.array not in {t.array for t in targets} else []
    return [_finding(course, site, targets) for site, targets in found.values()]


def _finding(course: Course, site: Site, targets: list[Unapplied]) -> Finding:
    array = targets[0].array
    name = name_of(course, array, site)
    course.unmoved[(name,)] = [(one.array, _mate(course, one.array)) for one in targets]
    course.unapplied[(name,)] = targets
    title = f"`{name}` is never updated"
    if any(o.result in course.users for o in course.tape.made_at(site.number)):
        course.unproven.add((title, (name,)))  # where it is read of others, the step beside theirs has to prove it
    return Finding(
        code="SC406",
        severity="warning",
        title=title,
        message=f"its gradient is computed here, as `{site.bound_to or shown(site.text)}`, and nothing uses it",
        location=span_of(site),
        cause=span_of(site),
        layer=course.layer(array),
        parameters=(name,),
    )


def _unused_in(course: Course, step: Step) -> Iterator[_Pair]:
    """The arrays that stand still and whose gradients a step computes for nobody."""
    idle = [o for o in course.tape.operations[step.first : step.last + 1] if is_idle(course, o)]
    known = course.verdicts(step) if idle else None
    if known is None or not any(v.is_right for v in known.all()):
        return
    shapes = {course.tape.values[o.result].shape for o in idle}
    # The backward pass multiplies samples by what is learned, too.
    learned = course.replay.dependents(step.olds, step.last + 1) & known.matching.adjoints.closure
    still = list(_still(course, shapes, learned))
    matching = Matching(adjoints(course.replay, known.matching.adjoints.seeds, still, check=()))
    for operation in idle:
        for value in still:
            match = matching.against(course.replay.recorded[operation.result], value)
            if match is None or match.weak or _is_passed_over(course, operation.result):
                continue
            if is_for_nobody(course, operation) or is_called_for_nobody(course, value, operation):
                name = course.names.get(value, "")
                yield Unapplied(value, operation.result, match.factor.number, name), operation
                break


def is_idle(course: Course, operation: Operation) -> bool:
    """Whether nobody reads what an operation gave, and it could be a gradient."""
    value = course.tape.values[operation.result]
    if operation.result in course.users or operation.function == "leaf" or operation.site is None:
        return False
    return value.size > 1 and value.dtype.startswith("float")


def is_for_nobody(course: Course, operation: Operation) -> bool:
    """Whether an expression computes a gradient that has no use at all, whatever else it computes."""
    if any(o.result in course.users for o in course.tape.made_at(operation.site or 0)):
        return False
    read = any(a.value == operation.result for a in course.tape.accesses)
    return not (read or is_shown(course, operation.result) or is_dropped(course, operation.result))


def _is_passed_over(course: Course, value: int) -> bool:
    """Whether a gradient is kept with others that are not taken by their keys one by one: a loop chose not this one."""
    kept = {b.owner for b in course.tape.bindings if b.value == value and b.owner is not None and "[" in b.name}
    if not kept:
        return False
    taken = [course.tape.sites[a.site].node for a in course.tape.accesses if a.container in kept]
    return not taken or not all(isinstance(n, ast.Subscript) and isinstance(n.slice, ast.Constant) for n in taken)


def _still(course: Course, shapes: set[Shape], learned: set[int]) -> Iterator[int]:
    """The arrays of the network that nothing moves, of some shapes."""
    return (
        v
        for v in standing_arrays(course)
        if course.tape.values[v].shape in shapes and is_of_network(course, v, learned)
    )


def is_of_network(course: Course, value: int, learned: set[int]) -> bool:
    """Whether an array belongs to the network."""
    kinds = (is_weight, is_made_with_moved, is_kept_with_moved)
    return any(kind(course, value) for kind in kinds) or meets_what_is_learned(course, value, learned)


def standing_arrays(course: Course) -> Iterator[int]:
    """The arrays that are given, and read again and again as they are."""
    moved = course.all_versions | {u.old for p in course.strays for u in p.updates}
    for value in sorted(course.users):
        if value not in moved and is_given(course, value) and is_read_again(course, value):
            yield value


def forgotten_siblings(course: Course) -> list[Finding]:
    """Arrays that stand still nearer to the output than one of the same container, made with them, that is moved.

    Who leaves layers alone on purpose leaves the first ones; whatever lies behind is learned from what they give.
    """
    step = course.steps[0] if course.steps else None
    known = course.verdicts(step) if step is not None else None
    if step is None or known is None or not any(v.is_right for v in known.all()):
        return []
    learned = course.replay.dependents(step.olds, step.last + 1) & known.matching.adjoints.closure
    right = {v.parameter: v for v in known.all() if v.is_right}
    found = []
    for value in _still(course, {course.tape.values[v].shape for v in course.users}, learned):
        made = is_made_with_moved(course, value) and is_kept_with_moved(course, value)
        if made and meets_what_is_learned(course, value, learned) and known.matching.adjoints.of.get(value) is not None:
            found.append(value)
    stepped = next((p.updates[step.number].operation for p, old, _, _ in step.parameters if old in right), None)
    site = course.site(course.tape.operations[stepped].site) if stepped is not None else None
    return [_sibling_finding(course, site, found)] if found and site is not None else []


def _sibling_finding(course: Course, site: Site, found: list[int]) -> Finding:
    names = tuple(dict.fromkeys(name_of(course, value, site) for value in found))
    course.unmoved[names] = [(value, None) for value in found]
    return Finding(
        code="SC406",
        severity="warning",
        title=f"{quoted(list(names))} {'is' if len(names) == 1 else 'are'} never updated",
        message="the loss depends on it, what was made with it is moved here, and the layers before it learn; no step "
        "moves it",
        location=span_of(site),
        cause=span_of(site),
        layer=course.layer(found[0]),
        parameters=names,
    )


def _mate(course: Course, value: int) -> int | None:
    """A parameter that is an attribute of the same object."""
    own = owners(course, value)
    return next((p.birth for p in course.parameters if owners(course, p.birth) & own), None)


__all__ = ["forgotten_siblings", "is_for_nobody", "is_idle", "is_of_network", "standing_arrays", "unused_gradients"]
