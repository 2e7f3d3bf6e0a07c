"""Differences of one array and itself: a second name for it, `target = q`, was taken for a copy, and written into.

Whatever is written into it, the difference is zero. Nothing is said of what is written under the names that it has:
only where the two are taken from each other afterwards, and were one array every time, is it certain that two arrays
were meant.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from shapecheck.diagnose.course import Course, quoted, shown
from shapecheck.diagnose.finding import Finding, TrailStep
from shapecheck.diagnose.trail import span_of
from shapecheck.diagnose.value_words import namings
from shapecheck.trace.sites import Kind, Site
from shapecheck.trace.tape import Operation, Ref, refs

SECOND_NAME = "this is a second name for an array, and no copy of it"

_DIFFERENCES = frozenset({"-", "numpy.subtract"})
# What shows the memory of its operand; an index of arrays copies.
_VIEWS = frozenset("view .T .view .reshape .ravel .squeeze .transpose numpy.asarray numpy.reshape numpy.ravel".split())


@dataclass(frozen=True, slots=True)
class _Naming:
    """A name that an array was given.

    Attributes:
        time: The number of operations made before.
        name, value, site: The name, the array and the place.
        again: Whether the array was there before, whatever it was called.
    """

    time: int
    name: str
    value: int
    site: int
    again: bool


def second_names(course: Course) -> list[Finding]:
    """Differences of what has two names and is one array, changed in place before."""
    found: dict[int, list[Operation]] = {}
    for operation in course.tape.operations:
        if operation.function in _DIFFERENCES and operation.site is not None:
            found.setdefault(operation.site, []).append(operation)
    for number, operations in found.items():
        site = course.site(number)
        names = _names(site) if site is not None else None
        if names is None or not all(_is_of_one_array(course, o) for o in operations):
            continue
        told = _told(course, operations[0], names)
        if told is not None:
            return [_finding(course, operations, told[0], told[1])]
    return []


def _names(site: Site) -> tuple[str, str] | None:
    """The two names whose arrays a difference is of; None where they are one name, or none."""
    node = site.node
    sides = [node.left, node.right] if isinstance(node, ast.BinOp) else []
    sides = node.args[:2] if isinstance(node, ast.Call) else sides
    names = [_name(side) for side in sides]
    return (names[0], names[1]) if len(names) == 2 and all(names) and names[0] != names[1] else None


def _name(node: ast.expr) -> str:
    while isinstance(node, ast.Subscript):
        node = node.value
    return ast.unparse(node) if isinstance(node, ast.Name | ast.Attribute) else ""


def _is_of_one_array(course: Course, operation: Operation) -> bool:
    places = [a.value for a in operation.arguments if isinstance(a, Ref)]
    result = course.replay.recorded[operation.result]
    if len(places) != 2 or np.any(result):
        return False
    # Entries may be picked from both by an index, which copies them.
    roots = [_memory(course, place, picked=True) for place in places]
    return roots[0] == roots[1] and course.tape.values[places[0]].size > 0


def _memory(course: Course, value: int, *, picked: bool = False) -> int:
    """The identity of the array that a value is, or is a view of."""
    made = course.producer(value)
    while made is not None and made.inputs:
        sliced = made.function == "getitem" and (picked or not any(refs(made.arguments[1:])))
        if not sliced and made.function not in _VIEWS and not _is_in_place(course, made):
            break
        value = made.inputs[0]
        made = course.producer(value)
    return course.tape.values[value].identity


def _told(course: Course, operation: Operation, names: tuple[str, str]) -> tuple[_Naming, Operation] | None:
    """Where the second name was given, and what was written into the array since it had the first; None if nothing."""
    memory = _memory(course, operation.inputs[0], picked=True)
    last: dict[str, _Naming] = {}
    for naming in _namings(course, names, operation.number):
        if naming.name not in last or last[naming.name].time <= naming.time:
            last[naming.name] = naming
    given = [n for n in last.values() if _memory(course, n.value) == memory]
    given.sort(key=lambda n: (n.time, n.again))
    if not given or len(given) < len(last) or (len(given) == 1 and not given[0].again):
        return None  # a single name may be the array's own
    for change in course.tape.operations[given[0].time : operation.number]:
        if change.inputs and change.site is not None and _is_in_place(course, change):
            if _memory(course, change.result) == memory:
                return given[-1], change
    return None


def _namings(course: Course, names: tuple[str, str], until: int) -> Iterator[_Naming]:
    for value, name, site, time in namings(course.tape):
        if name not in names or time > until:
            continue
        made = course.producer(value)
        if made is None or made.site != site.number:
            yield _Naming(time, name, value, site.number, site.kind is Kind.BIND)
        elif not _is_in_place(course, made):  # `w -= step` gives `w` no other array
            again = _memory(course, value) != course.tape.values[value].identity
            yield _Naming(time + 1, name, value, site.number, again)


def _is_in_place(course: Course, change: Operation) -> bool:
    values = course.tape.values
    first = change.arguments[0] if change.arguments else None
    return isinstance(first, Ref) and values[first.value].identity == values[change.result].identity


def _finding(course: Course, operations: list[Operation], naming: _Naming, change: Operation) -> Finding:
    tape = course.tape
    given, written, taken = (tape.sites[n] for n in (naming.site, change.site, operations[0].site) if n is not None)
    spoilt = course.replay.dependents([o.result for o in operations])
    concerned = [p.name for p in course.parameters if any(u.change in spoilt for u in p.updates)]
    zero = f"`{shown(taken.text)}` is zero, whatever comes in"
    moved = f", and {quoted(concerned)} {'are' if len(concerned) > 1 else 'is'} not moved by it" if concerned else ""
    return Finding(
        code="SC404",
        severity="error",
        title=SECOND_NAME,
        message=f"`{naming.name}` is the very array that the other side of the difference is: what is written into "
        f"one is in both, so {zero}{moved}; keep a copy",
        location=span_of(taken),
        cause=span_of(given),
        parameters=tuple(dict.fromkeys(concerned)),
        trail=(TrailStep(span_of(written), "it is written into here"),),
    )


__all__ = ["SECOND_NAME", "second_names"]
