"""Outputs that meet one element of the targets in the backward pass, and another one in the loss: `y[t - 1]`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from shapecheck.diagnose.course import Course
from shapecheck.diagnose.targets import Result, Target
from shapecheck.gradients.matching import EXACT
from shapecheck.gradients.steps import Loss, Step
from shapecheck.trace.operations import DIFFERENCES, PRODUCTS, SUMS
from shapecheck.trace.sites import Site
from shapecheck.trace.tape import Operation, Ref

# What stands between an output and its target in a loss: `log(p) * t`, `log(1 - p) * (1 - t)`.
_MOST_STEPS_BACK = 4


def other_targets(
    course: Course, step: Step, loss: Loss, followed: Loss, *, has_a_logarithm: bool
) -> tuple[Site, Target] | None:
    """Where several outputs meet elements of an array that the loss compares with other outputs, and what they should.

    Args:
        course: Of the run.
        step: The step that follows one loss.
        loss: Another one, which the program computes.
        followed: A difference of outputs and targets.
        has_a_logarithm: Whether the other loss is a cross-entropy.

    Returns:
        (the expression that takes the wrong element, what its differences with the outputs should have been).
    """
    learned = course.replay.dependents(step.olds, step.last + 1)
    results, sites, odd = [], set(), 0
    derivatives: list[Any] = []
    differences: list[Any] = []
    for output in followed.seeds:
        met = next(_differences(course, step, output, learned), None)
        if met is None:
            return None
        operation, given = met
        taken, made = _element(course, given), course.producer(given)
        if taken is None or made is None:
            return None
        array, own = taken
        compared = _in_the_loss(course, loss, output, learned)
        meant = {index: element for (other, index), element in compared if other == array}
        if len(meant) != 1:
            return None
        ((index, element),) = meant.items()
        odd += index != own
        right = course.replay.recorded[element]
        array = np.asarray(course.replay.recorded[output], dtype=float) - np.asarray(right, dtype=float)
        sign = 1.0 if operation.arguments[0] == Ref(output) else -1.0
        results.append(Result(operation.result, (sign * array,), exact=True))
        sites.add((operation.site, made.site))
        derivatives.append(np.ravel(loss.adjoints[output]) if loss.adjoints is not None else np.zeros(0))
        differences.append(np.ravel(array))
    squares = _is_multiple(np.concatenate(derivatives), np.concatenate(differences))
    # Squares and sizes are printed for their own sake, too: only those that would be followed count.
    if odd < 2 or len(sites) != 1 or not (squares or has_a_logarithm):
        return None
    ((difference, place),) = sites
    site = course.site(place)
    return (site, Target(difference, tuple(results))) if site is not None else None


def _is_multiple(derivatives: Any, differences: Any) -> bool:
    """Whether a loss's derivatives by outputs are their differences with targets, all by one factor."""
    square = float(np.sum(differences**2))
    if derivatives.shape != differences.shape or not square:
        return False
    times = float(np.sum(derivatives * differences)) / square
    return times > 0 and np.allclose(derivatives, times * differences, rtol=EXACT, atol=EXACT * times * square**0.5)


def _differences(course: Course, step: Step, output: int, learned: set[int]) -> Iterator[tuple[Operation, int]]:
    """(difference, target) of an output in a step."""
    needed = course.replay.ancestors([change for _, _, change, _ in step.parameters])
    for operation in course.users.get(output, ()):
        given = [i for i in operation.inputs if i not in learned]
        if operation.function in DIFFERENCES and len(given) == 1 and operation.result in needed:
            yield operation, given[0]


def _element(course: Course, value: int) -> tuple[int, int] | None:
    """(array, number) of an element, or a row, that was taken from an array by its number, or by going over it."""
    made, values = course.producer(value), course.tape.values
    if made is None or not made.inputs or not values[made.inputs[0]].shape:
        return None
    array = values[made.inputs[0]]
    if made.function == "getitem" and type(made.arguments[1]) is int:
        return array.number, made.arguments[1] % array.shape[0]
    if made.function == "view" and values[value].shape == array.shape[1:] and values[value].size:
        return array.number, made.arguments[1] // (values[value].size * np.dtype(array.dtype).itemsize)
    return None


def _in_the_loss(course: Course, loss: Loss, output: int, learned: set[int]) -> Iterator[tuple[tuple[int, int], int]]:
    """(array and number of the element, the element) of all that the loss multiplies, or compares, an output with."""
    closure = loss.adjoints.closure if loss.adjoints is not None else set()
    reached, steps = {output}, [output]
    for _ in range(_MOST_STEPS_BACK):
        users = [o for v in steps for o in course.users.get(v, ()) if o.result in closure | set(loss.seeds)]
        steps = []
        for operation in users:
            given = [i for i in operation.inputs if i not in learned]
            if operation.function in PRODUCTS | DIFFERENCES and given:
                for value in (*given, *_taken_off(course, given)):
                    if (made := _element(course, value)) is not None:
                        yield made, value
            elif operation.result not in reached and len(operation.inputs) == 1:
                reached.add(operation.result)
                steps.append(operation.result)


def _taken_off(course: Course, values: list[int]) -> list[int]:
    """What values were made from by taking it off a number: `1 - t`."""
    made = [course.producer(v) for v in values]
    return [i for m in made if m is not None and m.function in SUMS and len(m.inputs) == 1 for i in m.inputs]


__all__ = ["other_targets"]
