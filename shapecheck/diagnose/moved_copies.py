"""Steps that move copies of the weights, over and over, while the network goes on with the weights themselves.

An optimizer that is handed `p.flatten()` or `p.copy()` steps arrays of its own; one that puts `p - rate * g` into its
list has left the network's array behind. Whoever adds up the shares of a batch in a copy hands it to the network in the
end: only steps that come again and again, from gradients of what stays as it was, are lost.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from shapecheck.diagnose.course import Course, quoted, shown
from shapecheck.diagnose.finding import Finding, TrailStep
from shapecheck.diagnose.lost import name_of, uncopied
from shapecheck.diagnose.trail import ALSO, span_of
from shapecheck.network.dependence import ancestors
from shapecheck.trace.operations import MATRIX_PRODUCTS, PRODUCTS, SUMS
from shapecheck.trace.sites import Site
from shapecheck.trace.tape import Operation, Ref

MOVED_COPY = "the network never sees what these steps move"

_COPIES = frozenset([".copy", ".flatten", ".astype", "numpy.copy", "numpy.array", "numpy.concatenate", "numpy.hstack"])
_FORMS = frozenset([".T", ".reshape", ".ravel", "getitem", "unary-"]) | PRODUCTS
_LEAST_STEPS = 3


@dataclass(frozen=True, slots=True)
class _Chain:
    """An array that is stepped apart from the one that the network reads.

    Attributes:
        origin: What the network reads.
        copied: What made the copy; None where the first step made the new array.
        steps: What moves it, in order.
    """

    origin: int
    copied: Operation | None
    steps: tuple[Operation, ...]


def moved_copies(course: Course) -> list[Finding]:
    """Arrays that are stepped again and again, by gradients of what they were once copied from."""
    by_site: dict[int, list[_Chain]] = {}
    for start, copied in _beginnings(course):
        chain = _chain(course, start, copied)
        operation = (copied or chain.steps[0]) if chain is not None else None
        if chain is not None and operation is not None and operation.site is not None:
            by_site.setdefault(operation.site, []).append(chain)
    found = []
    for number, chains in by_site.items():
        site = course.site(number)
        # Somewhere the network has to work with them as it does with weights.
        if site is not None and any(_meets_data(course, chain.origin) for chain in chains):
            found.append(_finding(course, site, chains))
    return found


def _beginnings(course: Course) -> Iterator[tuple[int, Operation | None]]:
    """(what is stepped first, what copied it) wherever an array may have parted from what it was."""
    seen: set[int] = set()
    for operation in course.tape.operations:
        if operation.function in _COPIES and operation.result in course.users:
            if _is_step_of(course, operation.result):
                yield operation.result, operation
        elif operation.function in {"-", "+", "numpy.subtract", "numpy.add"} and operation.arguments:
            first = operation.arguments[0]
            if isinstance(first, Ref) and first.value not in seen and course.producer(first.value) is None:
                seen.add(first.value)
                yield first.value, None


def _is_step_of(course: Course, value: int) -> bool:
    return any(o.function in SUMS | PRODUCTS and o.arguments[:1] == (Ref(value),) for o in course.users[value])


def _chain(course: Course, start: int, copied: Operation | None) -> _Chain | None:
    """The steps of an array, if none of its later versions ever reaches the network, and its first one does."""
    tape = course.tape
    if tape.values[start].size < 1 or not tape.values[start].dtype.startswith("float"):
        return None
    versions, steps = _versions(course, start)
    if len(steps) < _LEAST_STEPS:
        return None
    own = frozenset(versions if copied is not None else versions - {start})
    origins = [start] if copied is None else [uncopied(course, number)[0] for number in copied.inputs]
    origins = [number for number in origins if number not in own and not _is_changed(course, number)]
    late = [o.arguments[1].value for o in steps[1:] if isinstance(o.arguments[1], Ref)]
    read = ancestors(tape, late[-1:], until=own) & set(origins) if len(late) == len(steps) - 1 else set[int]()
    if not read or not all(ancestors(tape, [v], until=own) & read for v in late[:_LEAST_STEPS]):
        return None
    last, before = steps[-1].number, steps[-2].number
    origin = min(read)
    again = (o for number in _views(course, origin) for o in course.users.get(number, ()))
    if not any(before < o.number < last for o in again):
        return None  # remembered, as momentum does, and not read again
    learned = course.replay.dependents(own)
    if any(o.function in MATRIX_PRODUCTS and not learned.isdisjoint(o.inputs) for o in tape.operations):
        return None
    if not _is_for_good(course, copied, steps):
        return None
    return _Chain(origin, copied, tuple(steps))


def _versions(course: Course, start: int) -> tuple[set[int], list[Operation]]:
    """What an array becomes by steps and scalings, and the steps; empty where two begin from one version."""
    versions, steps = {start}, list[Operation]()
    current = start
    for _ in range(len(course.tape.operations)):
        going_on = [
            o
            for o in course.users.get(current, ())
            if o.arguments[:1] == (Ref(current),)
            and (o.function in SUMS or o.function in {"*=", "/="})
            and course.tape.values[o.result].shape == course.tape.values[current].shape
            and (o.function.endswith("=") or o.result in course.users or o.result in course.stored)
        ]
        going_on = [o for o in going_on if o.function.endswith("=") or _is_stepped_on(course, o, steps)]
        if len(going_on) != 1:
            break
        if going_on[0].function in SUMS and len(going_on[0].arguments) == 2:
            steps.append(going_on[0])
        current = going_on[0].result
        versions.add(current)
    return versions, steps


def _is_stepped_on(course: Course, operation: Operation, steps: list[Operation]) -> bool:
    """Whether the result of a step that makes a new array is what the same expression steps next, or was so before."""
    if steps:
        return operation.site == steps[-1].site
    following = course.users.get(operation.result, ())
    return any(o.site == operation.site and o.arguments[:1] == (Ref(operation.result),) for o in following)


def _is_changed(course: Course, value: int) -> bool:
    """Whether an array is changed in place."""
    return any(
        o.arguments[:1] == (Ref(value),) and (o.function.endswith("=") or o.function in {"setitem", "write_back"})
        for o in course.users.get(value, ())
    )


def _views(course: Course, value: int) -> list[int]:
    """An array, and what shows it in another form."""
    found = [value]
    for number in found:
        shown_by = (o for o in course.users.get(number, ()) if o.function in _FORMS)
        found += [o.result for o in shown_by if o.result not in found][:8]
    return found


def _meets_data(course: Course, origin: int) -> bool:
    users = (o for number in _views(course, origin) for o in course.users.get(number, ()))
    return any(o.function in MATRIX_PRODUCTS for o in users)


def _is_for_good(course: Course, copied: Operation | None, steps: list[Operation]) -> bool:
    """Whether the network never gets the copy.

    One that is made anew in each turn of a loop may be what the network gets at the end of the turn, of the last turn
    no longer; and of what comes after the window the tape knows little.
    """
    if copied is not None:
        site = course.site(copied.site)
        return site is not None and not _is_repeated(course, site)
    if course.trace.tail is None:
        return True
    changes = [course.replay.recorded[o.arguments[1].value] for o in steps[:3] if isinstance(o.arguments[1], Ref)]
    return all(np.array_equal(changes[0], change) for change in changes)  # a second pass over the same samples


def _is_repeated(course: Course, site: Site) -> bool:
    """Whether an expression stands in a loop, or in a function that is called in one."""
    tree = course.trace.sources[site.path].tree
    if tree is None:
        return True
    functions = {n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)}
    calls = [n for n in ast.walk(tree) if isinstance(n, ast.Call)]
    loops = [n for n in ast.walk(tree) if isinstance(n, ast.For | ast.While)]
    classes = [n for n in ast.walk(tree) if isinstance(n, ast.ClassDef)]
    lines = {site.line}
    while lines:
        if any(loop.lineno < line <= (loop.end_lineno or 0) for line in lines for loop in loops):
            return True
        around = {f for f in functions for line in lines if f.lineno <= line <= (f.end_lineno or 0)}
        functions -= around
        names = {f.name for f in around} | {c.name for c in classes if not around.isdisjoint(c.body)}
        lines = {c.lineno for c in calls if getattr(c.func, "attr", getattr(c.func, "id", None)) in names}
    return False


def _finding(course: Course, site: Site, chains: list[_Chain]) -> Finding:
    names = tuple(dict.fromkeys(name_of(course, chain.origin, site) for chain in chains))
    numbers = dict.fromkeys(chain.steps[0].site for chain in chains)
    steps = [step for step in map(course.site, numbers) if step is not None]
    if chains[0].copied is not None:
        what = f"`{shown(site.text)}` gives an array of its own, and that is what the steps move"
        trail = [TrailStep(span_of(step), "here it is moved") for step in steps[:8]]
    else:
        what = f"`{shown(site.text)}` makes a new array, in which each step goes on from the one before"
        trail = [TrailStep(span_of(step), ALSO) for step in steps if step is not site][:8]
    return Finding(
        code="SC406",
        severity="error",
        title=MOVED_COPY,
        message=f"{what}; the network goes on with {quoted(list(names))} as they were made, and learns nothing",
        location=span_of(site),
        cause=span_of(site),
        layer=course.layer(chains[0].origin),
        parameters=names,
        trail=tuple(trail),
    )


__all__ = ["MOVED_COPY", "moved_copies"]
