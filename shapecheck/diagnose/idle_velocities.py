"""Velocities that are kept for nobody: each goes on from the one before, and the step takes the gradient as it is.

Such steps follow the gradient and are wrong in nothing but what they leave out. What a velocity is kept for may stand
in a branch that is not taken yet: it is said only of what is read nowhere else in the text, and with a repair.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from shapecheck.diagnose.course import Course, quoted, shown
from shapecheck.diagnose.finding import Finding, TrailStep
from shapecheck.diagnose.moments import share_of_before, zone_of
from shapecheck.diagnose.trail import span_of
from shapecheck.diagnose.unapplied import is_shown
from shapecheck.gradients.steps import Step
from shapecheck.trace.operations import PRODUCTS, SUMS
from shapecheck.trace.sites import Site, SourceText
from shapecheck.trace.tape import Operation

IDLE_VELOCITY = "the velocity is kept, and never applied"
WITH_RATE = "the velocity is made here, with the rate of the step in it"
# So many operations before a sum is looked for what it takes in.
_MOST_BACK = 4
_PLACES = (ast.Name, ast.Attribute, ast.Subscript)
# What hands a value on as it is; what asks whether it is there.
_HANDING_ON = (ast.Tuple, ast.List, ast.Dict, ast.Call, ast.keyword, ast.Starred)
_ASKING = (ast.Is, ast.IsNot, ast.In, ast.NotIn)


@dataclass(frozen=True, slots=True, eq=False)
class _Idle:
    """A velocity that nobody applies.

    Attributes:
        name: Of its parameter.
        velocity, kept_in: Where it is made, and what it is given to.
        step: Where the parameter is stepped instead.
        rated: Whether it takes in as much of the gradient as the step does.
    """

    name: str
    velocity: Site
    kept_in: str
    step: Site
    rated: bool


def idle_velocities(course: Course) -> list[Finding]:
    """Steps by a gradient of which a velocity is made beside them, and kept from step to step for nobody."""
    found: dict[tuple[int, int], _Idle] = {}
    for step in course.steps:
        for one in _idle_in(course, step):
            found.setdefault((one.velocity.number, one.step.number), one)
    told = list(found.values())
    if not told or any(_is_read_elsewhere(course, one) for one in told):
        return []
    names = tuple(dict.fromkeys(one.name for one in told))
    course.unproven.add((IDLE_VELOCITY, names))
    first = told[0]
    trail = [TrailStep(span_of(first.velocity), WITH_RATE if first.rated else "the velocity is made here")]
    for other in told[1:]:
        trail += [TrailStep(span_of(other.step), "and so is this"), TrailStep(span_of(other.velocity), "beside this")]
    return [
        Finding(
            code="SC406",
            severity="error",
            title=IDLE_VELOCITY,
            message=f"`{shown(first.step.text)}` takes the gradient as it is; the velocity of {quoted([*names])} that "
            "is kept beside it is read for nothing but the next one",
            location=span_of(first.step),
            cause=span_of(first.step),
            parameters=names,
            trail=tuple(trail),
        )
    ]


def _idle_in(course: Course, step: Step) -> Iterator[_Idle]:
    """The velocities that a step makes of its gradients, and that are read for nothing but the next ones."""
    known = None
    change = {p.name: value for p, _, value, _ in step.parameters}
    updates = {p.name: p.updates[step.number].operation for p, *_ in step.parameters if len(p.updates) > step.number}
    for name, old, zone in zone_of(course, step):
        for number in zone:
            for total in _sums_beside(course, number, zone):
                mean = share_of_before(course, total.result, step)
                if mean is None or total.result in zone or not _is_kept_for_itself(course, total):
                    continue
                known = known or course.verdicts(step)
                gradient = course.replay.recorded[number]
                if known is None or known.matching.against(gradient, old) is None:
                    continue
                made, applied = course.site(total.site), course.site(course.tape.operations[updates[name]].site)
                if made is not None and applied is not None and (kept := _kept_in(course, made)):
                    rated = _has_the_rate(course, total, mean, number, change[name])
                    yield _Idle(name, made, kept, applied, rated)


def _sums_beside(course: Course, gradient: int, zone: set[int]) -> Iterator[Operation]:
    """The sums that a gradient enters, times numbers, on ways that do not lead to the step."""
    values = course.tape.values
    open_values = [gradient]
    for _ in range(_MOST_BACK):
        made = [u for v in open_values for u in course.users.get(v, ()) if u.result not in zone]
        made = [u for u in made if values[u.result].shape == values[gradient].shape]
        yield from (u for u in made if u.function in SUMS)
        open_values = [u.result for u in made if u.function in PRODUCTS and len(_arrays(course, u)) == 1]


def _kept_in(course: Course, velocity: Site) -> str:
    """What a velocity is given to, as the text has it."""
    source, place = course.trace.sources[velocity.path], (velocity.line, velocity.column)
    if isinstance(velocity.node, ast.AugAssign):
        return source.of(velocity.node.target)
    made = (n for n in source.nodes() if isinstance(n, ast.Assign) and source.place(n.value)[:2] == place)
    return next((source.of(n.targets[0]) for n in made), "")


def _has_the_rate(course: Course, total: Operation, mean: tuple[Operation, float], gradient: int, change: int) -> bool:
    """Whether a velocity takes in as much of the gradient as the step does."""
    recorded = course.replay.recorded
    taken = np.abs(np.asarray(recorded[total.result]) - np.asarray(recorded[mean[0].result]))
    sizes = [float(np.linalg.norm(array)) for array in (taken, recorded[change], recorded[gradient])]
    return bool(np.isclose(sizes[0], sizes[1], rtol=1e-6)) and not np.isclose(sizes[0], sizes[2], rtol=1e-6)


def _arrays(course: Course, operation: Operation) -> list[int]:
    return [i for i in operation.inputs if course.tape.values[i].shape]


def _is_kept_for_itself(course: Course, total: Operation) -> bool:
    """Whether what a sum came to is multiplied by a number for the sum that the same expression makes next, only."""
    products = course.users.get(total.result, ())
    for product in products:
        if product.function not in PRODUCTS or len(_arrays(course, product)) != 1:
            return False
        if any(later.site != total.site for later in course.users.get(product.result, ())):
            return False
    return bool(products) and not is_shown(course, total.result)


def _is_read_elsewhere(course: Course, one: _Idle) -> bool:
    """Whether the text reads a velocity where none is made, and not only to hand it on."""
    return any(_is_read_in(source, one) for source in course.trace.sources.values())


def _is_read_in(source: SourceText, one: _Idle) -> bool:
    own = _functions_of(source)
    above = {child: node for node in source.nodes() for child in ast.iter_child_nodes(node)}
    container = one.kept_in.rpartition("[")[0]
    for node in source.nodes():
        if not isinstance(node, _PLACES) or not isinstance(node.ctx, ast.Load):
            continue
        if not _is_called(source, node, one.kept_in) and not (container and _is_called(source, node, container)):
            continue
        parent = above[node]
        if isinstance(parent, ast.Subscript) and isinstance(parent.ctx, ast.Store):
            continue
        parent = above[parent] if isinstance(parent, ast.Subscript) else parent
        while isinstance(parent, _HANDING_ON):
            if isinstance(parent, ast.Call) and _called(parent) not in own:
                return True
            parent = above[parent]
        statement = parent
        while not isinstance(statement, ast.stmt):
            statement = above[statement]
        asked = isinstance(parent, ast.Compare) and isinstance(parent.ops[0], _ASKING)
        if not (isinstance(parent, ast.stmt) or asked or _makes(source, statement, one.kept_in)):
            return True
    return False


def _is_called(source: SourceText, node: ast.expr, name: str) -> bool:
    """Whether something is read by a name; an attribute by that of any object."""
    text = source.of(node)
    return text == name or (isinstance(node, ast.Attribute) and "." in name and name.rpartition(".")[2] == node.attr)


def _makes(source: SourceText, statement: ast.stmt, name: str) -> bool:
    """Whether a statement gives a velocity its next value."""
    targets = statement.targets if isinstance(statement, ast.Assign) else [getattr(statement, "target", None)]
    return any(target is not None and source.of(target) == name for target in targets)


def _called(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def _functions_of(source: SourceText) -> set[str]:
    """The names of a file's own functions and classes."""
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    return {node.name for node in source.nodes() if isinstance(node, kinds)}


__all__ = ["IDLE_VELOCITY", "WITH_RATE", "idle_velocities"]
