"""Sums that nobody keeps: `total + g` stands by itself as a statement, and `total` stays what it was."""

from __future__ import annotations

import ast

from shapecheck.diagnose.course import Course, quoted, shown
from shapecheck.diagnose.finding import Finding
from shapecheck.diagnose.trail import span_of
from shapecheck.trace.sites import Site
from shapecheck.trace.tape import Operation, Ref

_SUMS = frozenset(["+", "-", "*", "/"])


def dropped_sums(course: Course) -> list[Finding]:
    """Statements that compute a sum of gradients and keep it nowhere, where it should have gone is read later on.

    A step of a parameter that is not kept is found as a lost step.
    """
    learned = course.learned
    statements = _bare_statements(course)
    found: dict[int, Finding] = {}
    for operation in course.tape.operations:
        site = course.site(operation.site)
        if site is None or site.number in found or operation.function not in _SUMS:
            continue
        if (site.path, site.line, site.column) not in statements or not _is_dropped(course, operation):
            continue
        first, second = operation.arguments
        assert isinstance(first, Ref)
        if not isinstance(second, Ref) or second.value not in learned or first.value in course.versions:
            continue
        if any(o.number > operation.number for o in course.users.get(first.value, ())):
            found[site.number] = _finding(course, site, _served(course, first.value))
    return list(found.values())


def _bare_statements(course: Course) -> set[tuple[str, int, int]]:
    """Where a calculation is all of a statement, within a loop or a function: a notebook shows what ends a cell."""
    found = set()
    for path, source in course.trace.sources.items():
        for node in source.nodes():
            if isinstance(node, ast.Expr) and isinstance(node.value, ast.BinOp) and node.col_offset:
                line, column, *_ = source.place(node.value)
                found.add((path, line, column))
    return found


def _is_dropped(course: Course, operation: Operation) -> bool:
    """Whether nobody reads what an operation gave, and it could have taken its first operand's place."""
    values = course.tape.values
    if len(operation.arguments) != 2 or not isinstance(operation.arguments[0], Ref):
        return False
    if operation.result in course.users or operation.result in course.stored:
        return False
    before, result = values[operation.arguments[0].value], values[operation.result]
    return before.shape == result.shape and result.size > 0 and before.dtype.startswith("float")


def _served(course: Course, value: int) -> tuple[str, ...]:
    """The parameters whose first steps are made from a value."""
    steps = [(p.name, p.updates[0].change) for p in [*course.parameters, *course.strays]]
    return tuple(name for name, change in steps if value in course.replay.ancestors([change]))


def _finding(course: Course, site: Site, names: tuple[str, ...]) -> Finding:
    assert isinstance(site.node, ast.BinOp)
    source = course.trace.sources[site.path]
    left = shown(source.of(site.node.left), 30)
    use = f"; the step of {quoted([*names])} is made from that" if names else ", which is read later on"
    return Finding(
        code="SC406",
        severity="error",
        title="what is computed here is kept nowhere",
        message=f"`{shown(site.text)}` gives a new array and leaves `{left}` as it was{use}: an equals sign is missing",
        location=span_of(site),
        cause=span_of(site),
        parameters=names,
    )


__all__ = ["dropped_sums"]
