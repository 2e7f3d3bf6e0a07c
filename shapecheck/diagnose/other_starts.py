"""Steps that set out from another array than the one that they are the step of: `b2 = b1 - rate * db2`.

What is stepped then loses its own numbers in every step, and has its neighbour's. The gradient is right: it is that of
the array that had the name before, and whose place the result takes.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from shapecheck.diagnose.course import Course, shown
from shapecheck.diagnose.finding import Finding
from shapecheck.diagnose.standing import is_given
from shapecheck.diagnose.targets import Result, Target
from shapecheck.diagnose.trail import span_of
from shapecheck.diagnose.verdicts import Verdicts
from shapecheck.gradients.adjoints import adjoints
from shapecheck.gradients.matching import EXACT
from shapecheck.gradients.steps import Step
from shapecheck.network.dependence import CARRIERS
from shapecheck.trace.operations import DIFFERENCES, PRODUCTS, QUOTIENTS, SUMS
from shapecheck.trace.tape import Operation, Ref

# So many operations after the last step of a parameter another array may be stepped.
_NEAR = 60


@dataclass(frozen=True, slots=True)
class _Astray:
    """A step of one array that begins with another.

    Attributes:
        operation: The sum.
        name: What the result is called.
        before: The value of that name until then.
        change: What the step adds, with its sign.
    """

    operation: Operation
    name: str
    before: int
    change: np.ndarray


def other_starts(course: Course) -> list[Finding]:
    """Steps by an array's gradient that begin with the numbers of another array."""
    found: dict[int, list[_Astray]] = {}
    for step in course.steps:
        known = course.verdicts(step)
        for one in _astray(course, known) if known is not None else ():
            found.setdefault(one.operation.site or 0, []).append(one)
    return [_finding(course, site, some) for site, some in found.items() if course.site(site) is not None]


def _astray(course: Course, known: Verdicts) -> Iterator[_Astray]:
    step, tape = known.step, course.tape
    signs = {old: sign for _, old, _, sign in step.parameters}
    factors = [signs[v.parameter] * v.factor.number for v in known.all() if v.factor is not None and v.at_change]
    if not factors:
        return
    for operation in tape.operations[step.first : _end(course, step)]:
        places = operation.arguments
        if operation.function not in SUMS or operation.function.endswith("=") or len(places) != 2:
            continue
        start, change = places
        if not isinstance(start, Ref) or not isinstance(change, Ref):
            continue
        name, before = _called_before(course, operation)
        if before is None or before == start.value or before not in known.matching.adjoints.closure:
            continue
        shapes = {tape.values[n].shape for n in (before, operation.result, change.value)}
        if len(shapes) > 1 or change.value in course.all_versions or _is_made_from(course, start.value, before):
            continue
        made = course.producer(before)
        again = made is not None and made.site == operation.site
        if not (is_given(course, start.value) and (again or is_given(course, before))):
            continue  # a sum of the forward pass, to which a bias is added that was nothing before its first step
        moved = np.asarray(course.replay.recorded[change.value], dtype=float)
        moved = -moved if operation.function in DIFFERENCES else moved
        own = np.asarray(
            adjoints(course.replay, known.matching.adjoints.seeds, [before], check=())[before], dtype=float
        )
        size = float(np.linalg.norm(own))
        if size and any(np.linalg.norm(moved - f * own) <= EXACT * abs(f) * size for f in factors):
            yield _Astray(operation, name, before, moved)


def _is_made_from(course: Course, start: int, before: int) -> bool:
    """Whether what a step begins with is the array itself, decayed, or taken a little further: a point beside it."""
    open_values, seen = [start], {start}
    while open_values:
        number = open_values.pop()
        made = course.producer(number)
        if number == before:
            return True
        if made is not None and made.function in SUMS | PRODUCTS | QUOTIENTS | CARRIERS:
            open_values.extend(i for i in made.inputs if i not in seen)
            seen.update(made.inputs)
    return False


def _end(course: Course, step: Step) -> int:
    """The operation after the last that may be a step of another array."""
    later = [p.updates[s.number].operation for s in course.steps if s.number > step.number for p, *_ in s.parameters]
    return max(step.last + 1, min([*later, step.last + _NEAR, len(course.tape.operations)]))


def _called_before(course: Course, operation: Operation) -> tuple[str, int | None]:
    """(name, value) of what had the name that an operation's result is given: a name, an attribute or an item."""
    tape = course.tape
    named = next((b for b in tape.bindings if b.value == operation.result and b.time > operation.number), None)
    if named is not None and named.owner is not None:
        same = [b for b in tape.bindings if (b.owner, b.key, b.name) == (named.owner, named.key, named.name)]
        read = [(a.time, a.value) for a in tape.accesses if (a.container, a.key) == (named.owner, named.key)]
        earlier = [*((b.time, b.value) for b in same), *read]
        if (before := _latest(earlier, operation.number)) is not None:
            return named.name, before
    site = tape.sites[operation.site] if operation.site is not None else None
    if site is None or site.bound_to is None or not site.bound_to.isidentifier():
        return "", None
    here = (site.path, site.function)
    earlier = [(b.time, b.value) for b in tape.bindings if b.name == site.bound_to and _place(course, b.site) == here]
    for other in tape.operations[: operation.number]:
        own = tape.sites[other.site] if other.site is not None else None
        if own is not None and own.bound_to == site.bound_to and (own.path, own.function) == here:
            earlier.append((other.number, other.result))
    return site.bound_to, _latest(earlier, operation.number)


def _place(course: Course, site: int) -> tuple[str, str]:
    found = course.tape.sites[site]
    return found.path, found.function


def _latest(values: list[tuple[int, int]], until: int) -> int | None:
    """The last of some values that was there before an operation."""
    return max(((time, value) for time, value in values if time <= until), default=(0, None))[1]


def _finding(course: Course, number: int, some: list[_Astray]) -> Finding:
    site, first = course.tape.sites[number], some[0]
    recorded = course.replay.recorded
    results = tuple(
        Result(one.operation.result, (np.asarray(recorded[one.before], dtype=float) + one.change,), exact=True)
        for one in some
    )
    start = first.operation.inputs[0]
    # What the other array is stepped by next looks wrong, too, where its steps go on from there.
    others = (p.name for p in course.parameters if any(start in {u.old, u.new} for u in p.updates))
    names = tuple(dict.fromkeys((first.name, *others)))
    course.aimed[names] = (Target(number, results),)
    course.settled.add(names)
    other = ast.unparse(site.node.left) if isinstance(site.node, ast.BinOp) else "another array"
    return Finding(
        code="SC305",
        severity="error",
        title=f"the step of `{first.name}` begins with another array",
        message=f"`{shown(site.text)}` adds the gradient of `{first.name}` to the numbers of `{shown(other)}`: its own "
        "are lost in every step",
        location=span_of(site),
        cause=span_of(site),
        layer=course.layer(first.before),
        parameters=names,
    )


__all__ = ["other_starts"]
