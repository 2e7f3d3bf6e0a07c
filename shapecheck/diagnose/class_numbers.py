"""Class numbers that are taken for targets: all outputs of a sample are held against the number of its class.

A single number is spread over the outputs without a word. What an output cannot reach, and what counts from nought up
to the number of outputs, says which class it is, and no more (Bishop 2006, section 4.1: 1-of-K coding).
"""

from __future__ import annotations

import ast
from typing import Any

import numpy as np

from shapecheck.diagnose.course import Course, shown
from shapecheck.diagnose.finding import Finding, Operand, TrailStep
from shapecheck.diagnose.start import REACH, UNREACHED
from shapecheck.diagnose.trail import in_one_function, outside_of, span_of
from shapecheck.network.layers import Layer
from shapecheck.trace.operations import DIFFERENCES
from shapecheck.trace.sites import Site
from shapecheck.trace.tape import Operation, Ref

CLASS_NUMBERS = "all outputs are held against the number of the class"
# Two outputs may be two numbers by themselves.
_FEWEST_CLASSES = 3
# So many operations may be made of a difference before it is handed back.
_LONGEST_FORMULA = 4


def class_numbers(course: Course) -> list[Finding]:
    """Differences of the outputs for several classes and one whole number for each sample."""
    for step in course.steps[:1]:
        needed = course.replay.ancestors([change for _, _, change, _ in step.parameters])
        learned = course.replay.dependents(step.olds, step.last + 1)
        for operation in course.tape.operations[step.first : step.last + 1]:
            if operation.function in DIFFERENCES and operation.result in needed:
                for place, other in ((0, 1), (1, 0)):
                    found = _finding(course, operation, place, other, learned)
                    if found is not None:
                        return [found]
    return []


def _finding(course: Course, operation: Operation, place: int, other: int, learned: set[int]) -> Finding | None:
    output, site = operation.arguments[place], course.site(operation.site)
    if not isinstance(output, Ref) or output.value not in learned or site is None:
        return None
    classes = _spread_over(course, operation, place, other)
    layer = _layer_of(course, output.value)
    if classes is None or layer is None or len(site.slots) < 2:
        return None
    _, high = REACH[(layer.activation or "").partition(" ")[0]]
    met = [o for o in course.tape.made_at(operation.site or 0) if _spread_over(course, o, place, other) == classes]
    given = [_number(course, o.arguments[other]) for o in met]
    if any(array is None for array in given):
        return None
    numbers = np.concatenate([np.ravel(array) for array in given])
    whole = np.all(numbers == np.round(numbers)) and numbers.min() >= 0 and numbers.max() < classes
    if not whole or np.mean(numbers > high) < UNREACHED or np.ptp(numbers) == 0:
        return None
    text = shown(ast.unparse(site.slots[other].node))
    around = _around(course, operation)
    return Finding(
        code="SC505",
        severity="warning",
        title=CLASS_NUMBERS,
        message=f"`{text}` is one number from {numbers.min():g} to {numbers.max():g} for each sample, and each of the "
        f"{classes} outputs, a {layer.activation}, is to become that: 1 belongs to the output of the class and 0 to "
        f"the others, as in a row of `np.eye({classes})`",
        location=span_of(site),
        cause=span_of(around or site),
        layer=layer.index,
        operands=(Operand(text, np.shape(given[0]), (classes,)),),
        trail=(TrailStep(span_of(site), "here output and targets meet"),) if around is not None else (),
    )


def _layer_of(course: Course, output: int) -> Layer | None:
    """The layer whose activation is an output, be it of another sample than the one that the layer is known by."""
    array = course.tape.values[output].array
    for layer in course.layers.layers.values():
        kind = (layer.activation or "").partition(" ")[0]
        if kind not in REACH or layer.weighted is None or course.layers.depth[output] != layer.index or array is None:
            continue
        low, high = REACH[kind]
        made, weighted = course.site_of(output), course.site_of(layer.weighted)
        if made is not weighted and np.min(array) >= low and np.max(array) <= high < np.inf:
            return layer
    return None


def _around(course: Course, operation: Operation) -> Site | None:
    """The call of the function in which a difference is made, be it handed back as it is or as a part of a formula."""
    home, made = course.site(operation.site), operation
    for _ in range(_LONGEST_FORMULA):
        around = outside_of(course.tape, made, made.result)
        users = [(o, site) for o in course.users.get(made.result, ()) if (site := course.site(o.site)) is not None]
        inside = next((o for o, site in users if home is not None and in_one_function(site, home)), None)
        calls = [slot.node for _, site in users for slot in site.slots if isinstance(slot.node, ast.Call)]
        if around is not None or (inside is None and users):
            return around or next((s for s in course.tape.sites.sites if any(s.node is call for call in calls)), None)
        if inside is None:
            return None
        made = inside
    return None


def _spread_over(course: Course, operation: Operation, place: int, other: int) -> int | None:
    """Over how many outputs of one sample a number is spread; None where it is another difference."""
    if len(operation.arguments) != 2 or not isinstance(operation.arguments[place], Ref):
        return None
    output = course.tape.values[operation.arguments[place].value].shape
    target = operation.arguments[other]
    shape = course.tape.values[target.value].shape if isinstance(target, Ref) else ()
    if isinstance(target, Ref) and target.value in course.learned:
        return None
    if np.prod(shape, dtype=int) == 1:
        spread = [n for n in output if n > 1]
    else:
        padded = (1,) * (len(output) - len(shape)) + shape
        spread = [n for n, m in zip(output, padded, strict=True) if m == 1 < n] if len(padded) == len(output) else []
    return spread[0] if len(spread) == 1 and spread[0] >= _FEWEST_CLASSES else None


def _number(course: Course, target: Any) -> Any:
    """What a difference was taken with, as an array; None where that was not kept, or is no number."""
    array = course.tape.values[target.value].array if isinstance(target, Ref) else target
    found = np.asarray(array)
    return found if found.dtype.kind in "iuf" and found.size else None


__all__ = ["CLASS_NUMBERS", "class_numbers"]
