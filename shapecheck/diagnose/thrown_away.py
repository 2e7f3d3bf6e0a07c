"""Results that are thrown away: a call that only computes stands as a statement of its own, and its argument stays.

It says so only where training reads the argument afterwards, as it was; what is shown by a notebook's cell has its use.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from shapecheck.diagnose.course import Course, shown
from shapecheck.diagnose.dropped import dropped_sums
from shapecheck.diagnose.finding import Finding, Span, TrailStep
from shapecheck.diagnose.pure_calls import PureCalls
from shapecheck.diagnose.trail import ALSO
from shapecheck.trace.sites import SourceText
from shapecheck.trace.tape import Operation

# Lines that part a script into cells, of which the last expression is shown.
_CELL_MARKS = ("# In[", "# %%", "#%%")
# What gives its argument's rows in another order, drawn anew.
_REORDERED = frozenset(["permutation"])


@dataclass(frozen=True, slots=True)
class _Bare:
    """A statement that only computes.

    Attributes:
        source, node: The expression, which is all of the statement.
        bodies: The lines, with their file, of the user's functions that it may call.
    """

    source: SourceText
    node: ast.Call | ast.BinOp
    bodies: tuple[tuple[str, int, int], ...]

    @property
    def place(self) -> tuple[str, int, int]:
        line, column, *_ = self.source.place(self.node)
        return self.source.path, line, column

    @property
    def span(self) -> Span:
        return Span(self.source.path, *self.source.place(self.node), self.source.of(self.node))

    def names(self) -> list[str]:
        """What could have been changed, as the statement calls it; arguments before what a method is of."""
        return [self.source.of(node) for node in named_operands(self.node)]


@dataclass(frozen=True, slots=True)
class _Thrown:
    """A result that nobody keeps.

    Attributes:
        bare: The statement.
        time: How many operations had been made when it was done.
        operand: The array that the result is a changed copy of.
        name: What the statement calls that.
    """

    bare: _Bare
    time: int
    operand: int
    name: str


def thrown_away(course: Course) -> list[Finding]:
    """Statements that give a new array for nobody, where training reads the old one afterwards."""
    bare = list(_bare_statements(course))
    if not bare or not course.parameters:
        return []
    # Of a sum of gradients that is said already, and better.
    said = {(f.cause.path, f.cause.line) for f in dropped_sums(course)}
    thrown: dict[tuple[str, int, int], _Thrown] = {}
    for one in _thrown(course, [b for b in bare if b.place[:2] not in said]):
        thrown.setdefault(one.bare.place, one)
    needed = course.replay.ancestors([u.change for p in course.parameters for u in p.updates])
    missed = [one for one in thrown.values() if _is_missed(course, one, needed)]
    if not missed:
        return []
    first = missed[0]
    alike = [t for t in thrown.values() if t is not first and (t in missed or _calls_the_same(t, first))]
    finding = _finding(first)
    return [replace(finding, trail=tuple(TrailStep(t.bare.span, ALSO) for t in alike[:8]))]


def _bare_statements(course: Course) -> Iterator[_Bare]:
    """The statements that are nothing but a calculation."""
    trees = {path: source.tree for path, source in course.trace.sources.items() if source.tree is not None}
    calls = PureCalls(trees)
    for path, tree in trees.items():
        source = course.trace.sources[path]
        shows = any(line.startswith(_CELL_MARKS) for line in source.lines)
        for node in ast.walk(tree):
            if not isinstance(node, ast.Expr) or (shows and not node.col_offset):
                continue
            value = node.value
            if isinstance(value, ast.BinOp) and all(calls.only_computes(n) for n in _calls(value)):
                yield _Bare(source, value, ())
            elif isinstance(value, ast.Call) and (_reorders(value, calls) or calls.only_computes(value)):
                yield _Bare(source, value, tuple(calls.bodies(value)))


def named_operands(node: ast.expr) -> list[ast.expr]:
    """The names, attributes and items that an expression computes with, those that it begins with first."""
    if isinstance(node, ast.Name | ast.Attribute | ast.Subscript):
        return [node]
    if isinstance(node, ast.BinOp):
        return [*named_operands(node.left), *named_operands(node.right)]
    if isinstance(node, ast.Call):
        given = [*node.args, *(k.value for k in node.keywords)]
        receiver = [node.func.value] if isinstance(node.func, ast.Attribute) else []
        return [n for operand in [*given, *receiver] for n in named_operands(operand)]
    return []


def _calls(node: ast.AST) -> Iterator[ast.Call]:
    return (n for n in ast.walk(node) if isinstance(n, ast.Call))


def _reorders(call: ast.Call, calls: PureCalls) -> bool:
    return isinstance(call.func, ast.Attribute) and call.func.attr in _REORDERED and not calls.functions(call)


def _thrown(course: Course, bare: list[_Bare]) -> Iterator[_Thrown]:
    """The results of such statements that nobody reads and nobody keeps."""
    at = {one.place: one for one in bare if not one.bodies}
    for operation in course.tape.operations:
        site = course.site(operation.site)
        one = at.get((site.path, site.line, site.column)) if site is not None else None
        if one is None or site is None or site.text != one.source.of(one.node):
            continue
        if not _is_kept(course, operation.result, operation.number + 1):
            operands = list(_from_outside(course, operation.result, one))
            yield from _of_one_operand(course, one, operation.number + 1, operation.result, operands)
    called = [one for one in bare if one.bodies]
    for time, number, results in course.tape.returns if called else ():
        site = course.site(number)
        if site is None or len(results) != 1 or _is_kept(course, results[0], time):
            continue
        own = [one for one in called if any(p == site.path and a <= site.line <= b for p, a, b in one.bodies)]
        for one in own:
            operands = list(_from_outside(course, results[0], one))
            yield from _of_one_operand(course, one, time, results[0], operands)


def _is_kept(course: Course, value: int, time: int) -> bool:
    """Whether anybody reads a value from some time on, or puts it somewhere."""
    tape = course.tape
    return (
        any(o.number >= time for o in course.users.get(value, ()))
        or any(b.value == value and b.time >= time for b in tape.bindings)
        or any(a.value == value and a.time >= time for a in tape.accesses)
    )


def _from_outside(course: Course, result: int, one: _Bare) -> Iterator[int]:
    """What a statement's result was made from, and not within it or the functions that it ran through."""
    open_values, seen = [result], {result}
    while open_values:
        producer = course.tape.values[open_values.pop()].producer
        for value in course.tape.operations[producer].inputs if producer is not None else ():
            if value in seen:
                continue
            seen.add(value)
            made = course.producer(value)
            if made is not None and _is_within(course, made, one):
                open_values.append(value)
            else:
                yield value


def _of_one_operand(course: Course, one: _Bare, time: int, result: int, operands: list[int]) -> Iterator[_Thrown]:
    """The result as a changed copy of the one operand that has its shape, and is called so in the statement."""
    values = course.tape.values
    new = values[result]
    alike = [v for v in dict.fromkeys(operands) if values[v].shape == new.shape and new.shape and new.size > 1]
    names = one.names()
    if len(alike) != 1 or not names or values[alike[0]].identity == new.identity:
        return
    called = {b.name for b in course.tape.bindings if b.value == alike[0]} | {course.names.get(alike[0])}
    name = next((n for n in names if n in called), names[0])
    before = values[alike[0]].array
    if not isinstance(before, np.ndarray) or not isinstance(new.array, np.ndarray):
        return
    if not np.array_equal(before, new.array) and not _is_made_again(course, one, new.array):
        yield _Thrown(one, time, alike[0], name)


def _is_made_again(course: Course, one: _Bare, array: np.ndarray[Any, Any]) -> bool:
    """Whether somebody else has the same numbers, and reads them: then the statement was a try."""
    for value in course.tape.values:
        if value.shape != array.shape or not isinstance(value.array, np.ndarray):
            continue
        read = any(not _is_within(course, o, one) for o in course.users.get(value.number, ()))
        if read and np.array_equal(value.array, array):
            return True
    return False


def _is_missed(course: Course, one: _Thrown, needed: frozenset[int] | set[int]) -> bool:
    """Whether training reads the old array afterwards; what the network gives for data is no data."""
    learned = course.learned
    readers = [o for o in course.users.get(one.operand, ()) if o.number >= one.time and o.result in needed]
    if not any(not _is_within(course, o, one.bare) for o in readers):
        return False
    births = {p.birth for p in course.parameters}
    return one.operand in learned or not _meets(course, one, births | course.versions)


def _meets(course: Course, one: _Thrown, parameters: set[int]) -> bool:
    """Whether a statement's own operations read a parameter."""
    before = course.tape.operations[: one.time]
    own = (o for o in reversed(before) if _is_within(course, o, one.bare))
    return any(parameters & set(o.inputs) for o in own)


def _is_within(course: Course, operation: Operation, one: _Bare) -> bool:
    site = course.site(operation.site)
    if site is None:
        return False
    line, _, end_line, _ = one.source.place(one.node)
    own = site.path == one.source.path and line <= site.line <= end_line
    return own or any(p == site.path and a <= site.line <= b for p, a, b in one.bodies)


def _calls_the_same(first: _Thrown, second: _Thrown) -> bool:
    nodes = first.bare.node, second.bare.node
    return all(isinstance(n, ast.Call) for n in nodes) and len({ast.unparse(n.func) for n in nodes}) == 1  # type: ignore[union-attr]


def _finding(one: _Thrown) -> Finding:
    text, name = shown(one.bare.span.source), shown(one.name, 30)
    return Finding(
        code="SC411",
        severity="error",
        title=f"the result of this is thrown away, and `{name}` stays as it was",
        message=f"`{text}` gives a new array and changes nothing; what the training reads afterwards is the old "
        f"`{name}`: keep the result, as in `{name} = {text}`",
        location=one.bare.span,
        cause=one.bare.span,
    )


__all__ = ["named_operands", "thrown_away"]
