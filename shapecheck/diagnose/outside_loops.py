"""A training step that was not indented: the loop repeats the same forward pass, and the step comes once, after it."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from shapecheck.diagnose.course import Course, quoted
from shapecheck.diagnose.finding import Finding, TrailStep
from shapecheck.diagnose.standing import is_given
from shapecheck.diagnose.trail import ALSO, node_span
from shapecheck.gradients.losses import find_losses
from shapecheck.gradients.steps import Step
from shapecheck.network.parameters import Parameter, Update
from shapecheck.network.uses import value_names
from shapecheck.trace.operations import ADDITIONS
from shapecheck.trace.sites import SourceText
from shapecheck.trace.tape import Ref

OUTSIDE_LOOP = "the training step is made once, after the loop"

_STEPS = frozenset({"-", "-=", "+=", "numpy.subtract"}) | ADDITIONS
# So often at least does a loop of training turn.
_TURNS = 8
_MOST_LOOPS = 6
# When a name was given to what, turn by turn: (how many operations were made before, the value).
Turns = list[tuple[int, int]]


def outside_loops(course: Course) -> list[Finding]:
    """Steps made once of what a loop before them computed to no effect.

    Where the run was recorded as far as that, they have to follow the gradient of a loss; else a repair has to show it.
    """
    trained = any(len(p.updates) > 1 for p in course.parameters)
    for source in course.trace.sources.values() if not trained else ():
        for loop, after in list(_loops(source))[:_MOST_LOOPS]:
            repeated = _repeated(course, source, loop)
            written = _written(course, after, repeated) if repeated else {}
            if not written or not _is_followed(course, source, after, repeated):
                continue
            outside = after[: max(map(after.index, written.values())) + 1]
            found = _finding(source, outside, list(written), repeated)
            if not _is_recorded(course, source, after):
                course.unproven.add((found.title, found.parameters))
            return [found]
    return []


def _loops(source: SourceText) -> Iterator[tuple[ast.For | ast.While, list[ast.stmt]]]:
    """The loops of a file with the statements that come after them in the same block."""
    for node in source.nodes():
        block: Any = getattr(node, "body", None)
        for place, loop in enumerate(block if isinstance(block, list) else ()):
            if isinstance(loop, ast.For | ast.While) and not loop.orelse and block[place + 1 :]:
                yield loop, block[place + 1 :]


def _repeated(course: Course, source: SourceText, loop: ast.For | ast.While) -> dict[str, Turns]:
    """What every turn of a loop names, the same arrays each time, by name; empty where one of them is another."""
    found: dict[tuple[int, str], Turns] = {}
    tape = course.tape
    named = [(b.site, b.name, b.time, b.value) for b in tape.bindings]
    for operation in tape.operations:
        bound = tape.sites[operation.site].bound_to if operation.site is not None else None
        if bound is not None and operation.site is not None:
            named.append((operation.site, bound, operation.number + 1, operation.result))
    for place, name, time, value in sorted(named, key=lambda one: one[2]):
        site = course.site(place)
        inside = site is not None and site.path == source.path and _is_within(site.line, loop.body)
        if inside and tape.values[value].size > 1:
            found.setdefault((place, name), []).append((time, value))
    recorded = course.replay.recorded
    for turns in found.values():
        chosen = [recorded[turns[n][1]] for n in sorted({0, 1, len(turns) // 2, len(turns) - 1}) if n < len(turns)]
        if len(turns) < _TURNS or not all(np.array_equal(array, chosen[0]) for array in chosen):
            return {}
    return {name: turns for (_, name), turns in found.items()}


def _written(course: Course, after: Sequence[ast.stmt], repeated: Mapping[str, Turns]) -> dict[str, ast.stmt]:
    """The statements after a loop that move, as written, what it has read by what it has left; by what they move."""
    spelled = value_names(course.tape)
    read = course.replay.ancestors([turns[-1][1] for turns in repeated.values()])
    given = {name for v in read if (name := spelled.get(v)) is not None and is_given(course, v)}
    left = set(repeated)
    found: dict[str, ast.stmt] = {}
    for statement in after:
        targets = statement.targets if isinstance(statement, ast.Assign) else [getattr(statement, "target", None)]
        value = getattr(statement, "value", None)
        if not isinstance(statement, ast.Assign | ast.AugAssign) or not isinstance(value, ast.expr):
            continue
        texts = {ast.unparse(n) for n in ast.walk(value) if isinstance(n, ast.Name | ast.Attribute | ast.Subscript)}
        if not texts & left:
            continue
        for name in (ast.unparse(t) for t in targets if t is not None):
            stepped = isinstance(statement, ast.AugAssign) and isinstance(statement.op, ast.Add | ast.Sub)
            stepped = stepped or (isinstance(value, ast.BinOp) and ast.unparse(value.left) == name)
            if name in given and stepped:
                found[name] = statement
            elif isinstance(statement, ast.Assign):
                left.add(name)
    return found


def _is_followed(course: Course, source: SourceText, after: Sequence[ast.stmt], repeated: Mapping[str, Turns]) -> bool:
    """Whether the steps follow a loss; of what was not recorded nobody knows."""
    if not _is_recorded(course, source, after):
        return True
    step = _step(course, source, after, repeated)
    return step is not None and any(loss.right >= step.olds for loss in find_losses(course.replay, step))


def _is_recorded(course: Course, source: SourceText, after: Sequence[ast.stmt]) -> bool:
    sites = (course.site(o.site) for o in course.tape.operations)
    return any(site is not None and site.path == source.path and _is_within(site.line, after) for site in sites)


def _is_within(line: int, statements: Sequence[ast.stmt]) -> bool:
    return any(s.lineno <= line <= (s.end_lineno or s.lineno) for s in statements)


def _step(course: Course, source: SourceText, after: Sequence[ast.stmt], repeated: Mapping[str, Turns]) -> Step | None:
    """What the statements after a loop move, by something made from what its last turn left, as a training step."""
    begins = max(turns[-2][0] for turns in repeated.values())
    reached = course.replay.dependents(b[-1][1] for b in repeated.values())
    made = Counter(o.site for o in course.tape.operations)
    parameters = []
    for operation in course.tape.operations:
        site = course.site(operation.site)
        moved = [a.value for a in operation.arguments[:2] if isinstance(a, Ref)]
        if operation.function not in _STEPS or len(moved) < 2 or site is None or site.path != source.path:
            continue
        old, change = moved
        shapes = {course.tape.values[v].shape for v in (old, change, operation.result)}
        once = made[operation.site] == 1 and _is_within(site.line, after)
        if once and is_given(course, old) and change in reached and old not in reached and len(shapes) == 1:
            sign = 1 if operation.function in {"+", "+=", "numpy.add"} else -1
            update = Update(operation.number, old, operation.result, change, sign)
            parameters.append((Parameter("", old, [update]), old, change, sign))
    last = max((p.updates[0].operation for p, *_ in parameters), default=0)
    return Step(0, tuple(parameters), begins, last) if parameters else None


def _finding(
    source: SourceText, outside: Sequence[ast.stmt], moved: list[str], repeated: Mapping[str, Turns]
) -> Finding:
    return Finding(
        code="SC406",
        severity="error",
        title=OUTSIDE_LOOP,
        message=f"every turn of the loop computes the same {quoted(list(repeated))}, for nothing changes in between; "
        f"{quoted(moved)} {'are' if len(moved) > 1 else 'is'} moved once, after its last turn: what belongs into "
        "every turn has to be indented as the rest of the loop is",
        location=node_span(source, outside[0]),
        cause=node_span(source, outside[0]),
        parameters=tuple(dict.fromkeys(moved)),
        trail=tuple(TrailStep(node_span(source, s), ALSO) for s in outside[-1:] if s is not outside[0]),
    )


__all__ = ["OUTSIDE_LOOP", "outside_loops"]
