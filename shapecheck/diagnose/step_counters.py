"""Adam's counter of steps, counted on by every parameter: the second one's moments are corrected by `1 - b**2`.

What corrects a moment has the number of the step as its exponent (Kingma & Ba 2015, algorithm 1): the same for all
parameters of a step.
"""

from __future__ import annotations

import ast
import itertools
from collections.abc import Iterator

from shapecheck.diagnose.course import Course
from shapecheck.diagnose.finding import Finding, Span
from shapecheck.diagnose.moments import POWERS, number_of
from shapecheck.diagnose.trail import span_of
from shapecheck.gradients.steps import Step
from shapecheck.trace.sites import Site
from shapecheck.trace.tape import Shape

COUNTED_OFTEN = "this counts the steps once for every parameter"

_STEPS = 2
_MOST_VALUES = 200


def step_counters(course: Course) -> list[Finding]:
    """A counter that corrects the moments of each parameter by another step's number, all steps through."""
    if len(course.steps) < _STEPS:
        return []
    counted = [_counted(course, step) for step in course.steps[:_STEPS]]
    last = 0
    for numbers in counted:
        if not numbers or not _counts_on(last, numbers):
            return []
        last = numbers[-1][0]
    names = [parameter.name for parameter, *_ in course.steps[0].parameters]
    first, read = counted[0][0]
    place = _where_counted(course, read)
    return [
        Finding(
            code="SC410",
            severity="error",
            title=COUNTED_OFTEN,
            message=f"in the first step the parameters' moments are corrected by the numbers {first} to "
            f"{counted[0][-1][0]}, one after the other; the number of a step is the same for all its parameters: count "
            "it on before they are stepped",
            location=span_of(read),
            cause=place or span_of(read),
            parameters=tuple(dict.fromkeys(names)),
        )
    ]


def _counted(course: Course, step: Step) -> list[tuple[int, Site]]:
    """(the greatest exponent that a change is made with, where) for each parameter, in the order of their updates."""
    found = []
    for _, old, change, _ in sorted(step.parameters, key=lambda p: p[0].updates[step.number].operation):
        corrected = list(_exponents(course, step, change, course.tape.values[old].shape))
        if corrected:
            found.append(max(corrected, key=lambda pair: pair[0]))
    return found


def _exponents(course: Course, step: Step, change: int, shape: Shape) -> Iterator[tuple[int, Site]]:
    """(t, where) for each `b**t`, with a `b` below one, that a change is made with entry by entry."""
    values = course.tape.values
    seen: set[int] = set()
    open_values = [change]
    while open_values and len(seen) < _MOST_VALUES:
        number = open_values.pop()
        made = course.producer(number)
        if number in seen or number in step.olds or made is None or made.number < step.first:
            continue
        seen.add(number)
        open_values.extend(i for i in made.inputs if values[i].shape in {shape, ()})
        base, times = (number_of(course, a) for a in made.arguments[:2]) if made.function in POWERS else (None, None)
        site = course.site(made.site)
        if base is not None and times is not None and site is not None and 0 < base < 1 and times == round(times) >= 1:
            yield round(times), site


def _counts_on(last: int, numbers: list[tuple[int, Site]]) -> bool:
    """Whether a counter goes on from a number by steps of one, and comes to more than one number."""
    counts = [number for number, _ in numbers]
    by = [later - earlier for earlier, later in itertools.pairwise([last, *counts])]
    return len(set(counts)) > 1 and by[0] == 1 and set(by) <= {0, 1}


def _where_counted(course: Course, read: Site) -> Span | None:
    """The one statement that counts on what a power has as its exponent."""
    node = read.node
    exponent = node.right if isinstance(node, ast.BinOp) else node.args[1] if isinstance(node, ast.Call) else None
    if not isinstance(exponent, ast.Name | ast.Attribute):
        return None
    source = course.trace.sources[read.path]
    found = [n for n in source.nodes() if isinstance(n, ast.AugAssign) and isinstance(n.op, ast.Add)]
    found = [n for n in found if ast.unparse(n.target) == ast.unparse(exponent)]
    return Span(read.path, *source.place(found[0]), source.of(found[0])) if len(found) == 1 else None


__all__ = ["COUNTED_OFTEN", "step_counters"]
