"""Steps that never reach their parameter: stored in a name of their own, in a copy, or not stored at all."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from shapecheck.diagnose.course import Course, quoted, shown
from shapecheck.diagnose.finding import Finding, TrailStep
from shapecheck.diagnose.trail import ALSO, span_of
from shapecheck.network.dependence import ancestors
from shapecheck.trace.operations import SUMS
from shapecheck.trace.sites import Site
from shapecheck.trace.tape import Operation, Ref

_COPIES = frozenset([".copy", "numpy.copy", "numpy.array", ".astype", "getitem", ".flatten", ".ravel", ".reshape"])


@dataclass(frozen=True, slots=True)
class _Lost:
    """A step whose result nobody reads, taken again from the same array."""

    origin: int
    operations: tuple[Operation, ...]


def lost_steps(course: Course) -> list[Finding]:
    """Steps `w - rate * g` that are made again and again from the same `w`, and whose results nobody reads."""
    by_place: dict[tuple[int, int], list[Operation]] = {}
    for operation in course.tape.operations:
        origin = _origin_of_step(course, operation)
        if origin is not None and operation.site is not None:
            by_place.setdefault((operation.site, origin), []).append(operation)
    by_site: dict[int, list[_Lost]] = {}
    for (site, origin), operations in by_place.items():
        if len(operations) > 1 and _is_learned_from(course, origin, operations):
            by_site.setdefault(site, []).append(_Lost(origin, tuple(operations)))
    found = [f for site, lost in by_site.items() if (f := _lost_finding(course, course.site(site), lost)) is not None]
    if len(found) < 2:
        return found
    # They are lost together: one finding names them all.
    names = tuple(dict.fromkeys(name for f in found for name in f.parameters))
    trail = tuple(TrailStep(f.location, ALSO) for f in found[1:8])
    return [replace(found[0], parameters=names, trail=(*found[0].trail, *trail))]


def _origin_of_step(course: Course, operation: Operation) -> int | None:
    """The array that a step starts from, if its result is never read."""
    if operation.function not in SUMS or len(operation.arguments) != 2:
        return None
    first, second = operation.arguments
    values = course.tape.values
    result = values[operation.result]
    if not isinstance(first, Ref) or not isinstance(second, Ref) or result.size < 1 or result.shape == ():
        return None
    if not result.dtype.startswith("float") or values[first.value].shape != result.shape:
        return None
    if operation.result in course.users or operation.result in course.stored:
        return None
    origin, copied = uncopied(course, first.value)
    if operation.function.endswith("=") and not copied:
        return None
    # Where the array itself has changed in the meantime, the copy was a history, not a loss.
    # What it moves by was made from it in this step: a target reaches the next output through what it has taught.
    depends = ancestors(course.tape, [second.value], until=course.all_versions)
    return origin if origin in depends and origin not in course.versions else None


def uncopied(course: Course, value: int) -> tuple[int, bool]:
    """(what an array is a copy, or a part, of, whether it is a fresh copy)."""
    copied = False
    for _ in range(4):
        operation = course.producer(value)
        if operation is None or operation.function not in _COPIES or not isinstance(operation.arguments[0], Ref):
            break
        source = operation.arguments[0].value
        copied = copied or not _shares(course, operation)
        value = source
    return value, copied


def _shares(course: Course, operation: Operation) -> bool:
    """Whether an operation hands out a view of its operand."""
    result, source = course.tape.values[operation.result].array, None
    if operation.arguments and isinstance(operation.arguments[0], Ref):
        source = course.tape.values[operation.arguments[0].value].array
    if not isinstance(result, np.ndarray) or not isinstance(source, np.ndarray):
        return False
    return operation.function in {".ravel", ".reshape"} or (
        operation.function == "getitem" and not _is_fancy(operation.arguments[1])
    )


def _is_fancy(index: object) -> bool:
    parts = index if isinstance(index, tuple) else (index,)
    return any(isinstance(part, Ref | list) for part in parts)


def _is_learned_from(course: Course, origin: int, operations: list[Operation]) -> bool:
    """Whether the array takes part in what every one of the steps is made from, and the steps do something."""
    moved = [np.asarray(course.replay.recorded[o.arguments[1].value]) for o in operations]
    return any(np.any(m) for m in moved) and not course.tape.values[origin].dtype.startswith("int")


def _lost_finding(course: Course, site: Site | None, lost: list[_Lost]) -> Finding | None:
    if site is None:
        return None
    names = [name_of(course, one.origin, site) for one in lost]
    target = site.bound_to or site.text
    call = _dropped_call(course, lost[0].operations[0])
    trail = (TrailStep(span_of(call), "the result of this call is not kept"),) if call is not None else ()
    where = f"it is stored in `{shown(target, 30)}`, which" if site.bound_to else "the result"
    return Finding(
        code="SC406",
        severity="error",
        title=f"this step never reaches {quoted(names)}",
        message=f"{where} nobody reads again: each step starts from the same numbers, and the network learns nothing "
        f"here; change the array in place, or put the result back where {quoted(names[:1])} is kept",
        location=span_of(site),
        cause=span_of(site),
        layer=course.layer(lost[0].origin),
        parameters=tuple(dict.fromkeys(names)),
        trail=trail,
    )


def name_of(course: Course, value: int, site: Site) -> str:
    """The most telling name of an array.

    Args:
        course: Of the run.
        value: The array.
        site: Of a step of it, or of its gradient, to be called by where it has no name.
    """
    names = [b.name for b in course.tape.bindings if b.value == value]
    producer = course.tape.values[value].producer
    made = course.site(course.tape.operations[producer].site) if producer is not None else None
    if made is not None and made.bound_to is not None:
        names.insert(0, made.bound_to)
    if names:
        return max(names, key=lambda n: ("[" in n) * 2 + ("." in n))
    return next(as_read(course, value), None) or site.bound_to or shown(site.text, 30)


def as_read(course: Course, value: int) -> Iterator[str]:
    """How expressions call an array that they read; what a generator hands out has no other name."""
    for operation in course.users.get(value, ()):
        site = course.site(operation.site)
        operands: list[ast.expr] = []
        if site is not None and isinstance(site.node, ast.Call):
            operands = site.node.args
        elif site is not None and isinstance(site.node, ast.BinOp):
            operands = [site.node.left, site.node.right]
        for argument, node in zip(operation.arguments, operands, strict=False):
            if argument == Ref(value) and isinstance(node, ast.Name | ast.Attribute | ast.Subscript):
                yield ast.unparse(node)


def _dropped_call(course: Course, operation: Operation) -> Site | None:
    """Where a function was called that hands the step back to nobody; None where it is not handed back."""
    returned = [site for _, site, values in course.tape.returns if operation.result in values]
    return course.site(returned[0]) if returned else None


__all__ = ["as_read", "lost_steps", "name_of", "uncopied"]
