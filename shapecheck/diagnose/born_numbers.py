"""Biases that begin as a number and become one for each sample: they were summed over another axis, or not at all.

A bias that is written down as `b = 0` may take any shape at its first step. It is shared by all samples, so along their
axis it has one entry; which axis that is shows in the product that it is added to.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from shapecheck.diagnose.course import Course, quoted
from shapecheck.diagnose.crash import show
from shapecheck.diagnose.finding import Finding
from shapecheck.diagnose.targets import Result, Target
from shapecheck.diagnose.trail import span_of
from shapecheck.network.dependence import CARRIERS, ancestors
from shapecheck.network.parameters import Update
from shapecheck.trace.operations import ADDITIONS, MATRIX_PRODUCTS, SUMS
from shapecheck.trace.tape import Operation, Ref, Shape

_SCALING = frozenset({"*", "/", "numpy.multiply", "numpy.divide", "unary-"})
# Between what a layer is given and the gradient of its weights there are so many operations that keep its entries.
_MOST_KEPT = 6


@dataclass(frozen=True, slots=True)
class _Bias:
    """What is added to a layer's product.

    Attributes:
        added: The sum that it is first read in as an array, and `place` among its operands.
        samples: The axis of the product that runs along the samples.
        first: The step that made an array of the number.
        change: What that step applies.
    """

    added: Operation
    place: int
    samples: int
    first: Operation
    change: int


def biases_of_samples(course: Course) -> list[Finding]:
    """Biases that were numbers, and have an entry for each sample after their first step."""
    found: dict[int, Finding] = {}
    for parameter in course.parameters:
        if not parameter.updates:
            continue
        for bias in _grown(course, [u.old for u in parameter.updates]):
            if bias.first.number in found:
                continue
            if (finding := _finding(course, bias, parameter.updates[0])) is not None:
                found[bias.first.number] = finding
    return list(found.values())


def _grown(course: Course, versions: list[int]) -> Iterator[_Bias]:
    for version in versions:
        weights = [version, *(o.result for o in course.users.get(version, []) if o.function in CARRIERS)]
        for weight in weights:
            for product in course.users.get(weight, []):
                samples = _axis_of_samples(course, product, weight)
                if samples is None:
                    continue
                for added in course.users.get(product.result, []):
                    if (bias := _bias(course, added, product.result, samples)) is not None:
                        yield bias


def _axis_of_samples(course: Course, product: Operation, weight: int) -> int | None:
    """The axis of a layer's product along which what the layer was given has its samples."""
    if product.function not in MATRIX_PRODUCTS or len(product.arguments) != 2:
        return None
    first, second = product.arguments
    if not isinstance(first, Ref) or not isinstance(second, Ref) or first.value == second.value:
        return None
    before = second.value == weight
    given, values = (first if before else second).value, course.tape.values
    if len(values[given].shape) != 2 or len(values[weight].shape) not in {1, 2} or given in course.versions:
        return None
    return 0 if before or len(values[weight].shape) == 1 else 1


def _bias(course: Course, added: Operation, product: int, samples: int) -> _Bias | None:
    if added.function not in ADDITIONS or len(added.arguments) != 2:
        return None
    place = 1 if added.arguments[0] == Ref(product) else 0
    operand = added.arguments[place]
    if not isinstance(operand, Ref) or operand.value == product:
        return None
    values = course.tape.values
    if not _runs_along(values[operand.value].shape, values[product].shape, samples):
        return None
    first = _step_from_number(course, operand.value)
    if first is None or not isinstance(first.arguments[1], Ref) or not _was_number(course, added, place):
        return None
    return _Bias(added, place, samples, first, first.arguments[1].value)


def _runs_along(bias: Shape, product: Shape, axis: int) -> bool:
    """Whether what is added has several entries along an axis of the product."""
    position = axis - len(product) + len(bias)
    return position >= 0 and bias[position] == product[axis] > 1


def _step_from_number(course: Course, value: int) -> Operation | None:
    """The step that made an array of a number, among those that an array has made so far."""
    for _ in range(_MOST_KEPT):
        made = course.producer(value)
        if made is None or made.function not in SUMS or len(made.arguments) != 2:
            return None
        before = made.arguments[0]
        shape = course.tape.values[before.value].shape if isinstance(before, Ref) else np.shape(before)
        if shape == ():
            return made
        if not isinstance(before, Ref):
            return None
        value = before.value
    return None


def _was_number(course: Course, added: Operation, place: int) -> bool:
    """Whether the same expression has added a number before."""
    for operation in course.tape.made_at(added.site) if added.site is not None else ():
        if operation.number < added.number and len(operation.arguments) == 2:
            operand = operation.arguments[place]
            shape = course.tape.values[operand.value].shape if isinstance(operand, Ref) else np.shape(operand)
            if shape == ():
                return True
    return False


def _finding(course: Course, bias: _Bias, update: Update) -> Finding | None:
    delta = _error_of_layer(course, bias, update)
    site = course.site(bias.first.site)
    if delta is None or site is None:
        return None
    target = _target(course, bias, delta)
    surfaced = course.site(target.site) if target is not None else None
    shape = course.tape.values[bias.first.result].shape
    name = course.names.get(bias.first.result) or site.bound_to or site.text.partition("=")[0].strip()
    if target is not None:
        course.aimed[(name,)] = (target,)
    return Finding(
        code="SC202",
        severity="error",
        title=f"{quoted([name])} was a number, and becomes {show(shape)}: one for each sample",
        message="all samples share a bias, so its gradient is the sum of their errors, with one entry for each unit of "
        "the layer",
        location=span_of(site),
        cause=span_of(surfaced or site),
        layer=course.layer(update.old),
        parameters=(name,),
    )


def _error_of_layer(course: Course, bias: _Bias, update: Update) -> int | None:
    """What is multiplied with the layer's input for its weights' gradient, if the bias's step is made from it, too."""
    history = ancestors(course.tape, [update.change])
    entered = ancestors(course.tape, [bias.change])
    sizes = course.tape.values
    product = bias.added.arguments[1 - bias.place]
    assert isinstance(product, Ref)
    made = course.producer(product.value)
    given = {sizes[i].shape for i in made.inputs} if made is not None else set()
    for operation in course.tape.operations[: update.operation]:
        if operation.result not in history or operation.function not in MATRIX_PRODUCTS:
            continue
        for n, argument in enumerate(operation.arguments[:2]):
            other = operation.arguments[1 - n] if len(operation.arguments) == 2 else None
            if not isinstance(argument, Ref) or not isinstance(other, Ref):
                continue
            deltas = entered.intersection(_unturned(course, other.value, sizes[product.value].shape))
            if deltas and sizes[_kept_from(course, argument.value)].shape in given:
                return max(deltas)
    return None


def _unturned(course: Course, value: int, shape: Shape) -> Iterator[int]:
    """The arrays of the shape of the layer's product that an operand is, or was turned round or scaled from."""
    for _ in range(_MOST_KEPT):
        if course.tape.values[value].shape == shape:
            yield value
        source = _kept_from(course, value, most=1)
        if source == value:
            return
        value = source


def _kept_from(course: Course, value: int, most: int = _MOST_KEPT) -> int:
    """What an array was turned round or scaled from."""
    for _ in range(most):
        made = course.producer(value)
        large = [i for i in made.inputs if course.tape.values[i].size > 1] if made is not None else []
        if made is None or made.function not in CARRIERS | _SCALING or len(large) != 1:
            break
        value = large[0]
    return value


def _target(course: Course, bias: _Bias, delta: int) -> Target | None:
    """The expression that was to sum the layer's errors, and what it should have given."""
    history = ancestors(course.tape, [bias.change])
    readers = [o for o in course.users.get(delta, []) if o.result in history and o.site is not None]
    readers = [o for o in readers if course.tape.sites[o.site or 0].path in course.trace.sources]
    if not readers:
        return None
    reader = readers[-1]
    errors = np.asarray(course.replay.recorded[delta], dtype=float)
    kept = len(course.tape.values[reader.result].shape) == errors.ndim > 1
    sums = [errors.sum(axis=bias.samples, keepdims=keep) for keep in (kept, not kept)]
    return Target(reader.site, (Result(reader.result, tuple(sums)),))


__all__ = ["biases_of_samples"]
