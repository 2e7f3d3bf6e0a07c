"""Half of a layer that is never moved, while its other half learns."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from shapecheck.diagnose.belonging import is_weight
from shapecheck.diagnose.course import Course, quoted
from shapecheck.diagnose.finding import Finding, TrailStep
from shapecheck.diagnose.missing import Missing, missing_step
from shapecheck.diagnose.short_lists import short_list, spellings
from shapecheck.diagnose.standing import READINGS, is_given, is_read_again, uncarried, varies
from shapecheck.diagnose.trail import node_span, span_of
from shapecheck.diagnose.unapplied import Unapplied
from shapecheck.gradients.adjoints import adjoints
from shapecheck.gradients.matching import Matching
from shapecheck.gradients.steps import Step
from shapecheck.network.dependence import CARRIERS
from shapecheck.network.uses import value_names
from shapecheck.trace.operations import ADDITIONS, PRODUCTS
from shapecheck.trace.tape import Operation

_PRODUCTS = frozenset("@ .dot numpy.dot numpy.matmul numpy.einsum".split())
# What makes an array of its own, as the one that is drawn is kept.
_COPIES = frozenset({"numpy.array", "numpy.copy", ".copy", ".astype"})
# So many numbers show whether they were drawn: then some are far closer to one another than others.
_TELLING, _UNEVEN = 4, 2.0
# So many readers of an array tell whether it is an input.
_MOST_READERS = 30
# Which operand of a layer's product the weight is.
_SIDES = {"batch-first": 1, "features-first": 0}


@dataclass(frozen=True, slots=True)
class _Affine:
    """A weight and a bias that make one layer: `W @ a + b`.

    Attributes:
        weight, bias: The values that the layer read.
        product, sum: The operations that multiply by the one and add the other.
    """

    weight: int
    bias: int
    product: Operation
    sum: Operation


def unmoved(course: Course) -> list[Finding]:
    """A weight that never moves while its bias does, or a bias while its weight does.

    Learning nothing of a layer is a way of training; learning half of it is none, but where biases that somebody has
    chosen, none of them zero, are fixed in all layers, and not even their gradients are computed.
    """
    if not course.parameters or not course.steps:
        return []
    step = course.steps[0]
    known = course.verdicts(step)
    if known is None:
        return []
    moved = course.all_versions | {u.old for p in course.strays for u in p.updates}
    right = {v.parameter for v in known.all() if v.is_right}
    found: dict[int, tuple[str, Operation, int]] = {}
    gradients: dict[int, Unapplied] = {}
    pairs = list(_affine(course, step))
    # Weights that stay as they were drawn, in all layers, while their biases learn, are nobody's way of training.
    biases_only = len({p.weight for p in pairs}) > 1 and all(p.weight not in moved and p.bias in right for p in pairs)
    # Fixed offsets may be meant; but whoever adds zeros in every layer, or draws them, meant them to be learned.
    weights_only = all(p.bias not in moved and p.weight in right for p in pairs)
    weights_only = weights_only and (all(_is_zero(course, p) for p in pairs) or _are_drawn(course, pairs))
    # What a sum begins with is as large as the sum; of several layers none begins so.
    weights_only = weights_only and (len({p.bias for p in pairs}) > 1 or all(_is_spread(course, p) for p in pairs))
    for pair in pairs:
        for still, mate, what in ((pair.weight, pair.bias, "weight"), (pair.bias, pair.weight, "bias")):
            if still in moved or mate not in right or not _matters(known.matching, still, pair):
                continue
            if _is_made_anew(course, still, moved):
                continue
            others = [p for p in pairs if {"weight": p.weight, "bias": p.bias}[what] in right]
            computed = _gradient_for_nobody(course, step, known.matching, still)
            told = others or computed is not None or (biases_only and what == "weight")
            told = told or (weights_only and what == "bias") or (what == "weight" and _is_of_zeros(course, still))
            told = told or _is_kept_for_nobody(course, still, mate, step, pair)
            if told and is_read_again(course, still, {pair.product.site, pair.sum.site}):
                found.setdefault(still, (what, pair.sum, mate))
                gradients |= {still: computed} if computed is not None else {}
    return [_half_finding(course, step, halves, gradients) for halves in _moved_together(course, step, found)]


def _is_made_anew(course: Course, still: int, moved: Collection[int]) -> bool:
    """Whether an array is put together of what steps move, again after each step: `W = np.hstack((Wh, Wx))`."""
    made = course.producer(still)
    again = course.tape.made_at(made.site) if made is not None and made.site is not None else ()
    return any(o.result != still and any(uncarried(course, i) in moved for i in o.inputs) for o in again)


def _is_zero(course: Course, pair: _Affine) -> bool:
    """Whether a layer's bias is of zeros, as biases are made."""
    bias = course.tape.values[pair.bias]
    of_one_sample = len([n for n in bias.shape if n != 1]) < 2 and course.layers.layout == "single-sample"
    return (_is_spread(course, pair) or of_one_sample) and isinstance(bias.array, np.ndarray) and not np.any(bias.array)


def _is_of_zeros(course: Course, value: int) -> bool:
    """Whether an array is nothing but zeros: no data, and no weights that were meant to stay as they are."""
    array = course.tape.values[value].array
    return isinstance(array, np.ndarray) and array.size > 0 and not np.any(array)


def _are_drawn(course: Course, pairs: Sequence[_Affine]) -> bool:
    """Whether the biases of several layers are numbers without any order, as a generator draws them."""
    arrays = {p.bias: np.ravel(course.tape.values[p.bias].array) for p in pairs}
    telling = [a for a in arrays.values() if a.size >= _TELLING]
    steps = (np.diff(np.sort(a)) for a in telling)
    return len(arrays) > 1 and bool(telling) and all(s.min() > 0 and s.max() > _UNEVEN * s.min() for s in steps)


def _is_spread(course: Course, pair: _Affine) -> bool:
    """Whether a bias is given to every sample, or has the one axis that biases have."""
    bias, total = course.tape.values[pair.bias], course.tape.values[pair.sum.result]
    return bias.size < total.size or (len(bias.shape) < 2 and course.layers.layout == "single-sample")


def missing_update(course: Course, finding: Finding) -> Missing | None:
    """The step that a finding of arrays that are never moved misses, as the steps beside it show it."""
    pairs = course.unmoved.get(finding.parameters)
    readers = [o for still, _ in pairs or () for o in course.users.get(still, ())]
    if all(course.tape.values[o.result].shape == () for o in readers):
        return None  # of what is read entry by entry no expression gives the whole gradient
    judged = [known for step in course.steps[:2] if (known := course.verdicts(step)) is not None]
    return missing_step(judged, pairs) if pairs and judged else None


def _moved_together(
    course: Course, step: Step, found: dict[int, tuple[str, Operation, int]]
) -> list[list[tuple[int, str, Operation, int]]]:
    """The halves whose other halves one statement moves: they are left out together."""
    groups: dict[int | None, list[tuple[int, str, Operation, int]]] = {}
    updates = {old: p.updates[step.number].operation for p, old, _, _ in step.parameters}
    for still, (what, used, mate) in found.items():
        site = course.tape.operations[updates[mate]].site
        groups.setdefault(site, []).append((still, what, used, mate))
    return list(groups.values())


def _matters(matching: Matching, still: int, pair: _Affine) -> bool:
    """Whether the loss changes with an array of a layer; of what meets only data the layer's sum tells it."""
    return bool(np.any(matching.adjoints[still if still in matching.adjoints.of else pair.sum.result]))


def _gradient_for_nobody(course: Course, step: Step, matching: Matching, value: int) -> Unapplied | None:
    """The gradient of an array that a step computes for nobody."""
    seeds = matching.adjoints.seeds
    own = Matching(adjoints(course.replay, seeds, [value], check=()))
    shape = course.tape.values[value].shape
    for operation in course.tape.operations[step.first : step.last + 1]:
        if operation.result in course.users or operation.function == "leaf":
            continue
        if course.tape.values[operation.result].shape == shape:
            found = own.against(course.replay.recorded[operation.result], value)
            if found is not None and not found.weak:
                return Unapplied(value, operation.result, found.factor.number, course.names.get(value, ""))
    return None


def _is_kept_for_nobody(course: Course, still: int, mate: int, step: Step, pair: _Affine) -> bool:
    """Whether a gradient of an array is put into a list of its own that nobody reads, beside that of its other half."""
    if still != pair.bias:
        return False
    changes = {old: change for _, old, change, _ in step.parameters}
    applied = set(course.applied(changes[mate]))
    kept = [b for b in course.tape.bindings if b.owner is not None and isinstance(b.key, int)]
    read = {a.container for a in course.tape.accesses}
    lists = {b.owner for b in kept if b.value in applied and b.owner in read}
    if not lists:
        return False
    shape = course.tape.values[still].shape
    known = course.verdicts(step)
    for binding in kept:
        if binding.owner in read | lists or course.tape.values[binding.value].shape != shape or known is None:
            continue
        factor = known.matching.against(course.replay.recorded[binding.value], still)
        if factor is not None and not factor.weak and step.first <= binding.time <= step.last + 1:
            return True
    return False


def _affine(course: Course, step: Step) -> Iterator[_Affine]:
    """The layers that a step runs through."""
    for operation in course.tape.operations[: step.last + 1]:
        if operation.function not in ADDITIONS or len(operation.inputs) != 2:
            continue
        if course.tape.values[operation.result].shape == ():
            yield from _of_numbers(course, operation)
            continue
        for product, bias in (operation.inputs, operation.inputs[::-1]):
            made = course.producer(product)
            if made is None or made.function not in _PRODUCTS or not is_given(course, bias):
                continue
            if _is_multiplied(course, uncarried(course, bias)):
                continue  # the input of a residual block, which goes round it
            operands = [_kept_as(course, operand) for operand in made.inputs]
            for weight, other in (operands, operands[::-1]) if len(operands) == 2 else ():
                # What mixes the samples, as the neighbours in a graph, is no weight.
                side = _side(course, operation, bias)
                if side is not None and operands[side] != weight:
                    continue
                if weight not in course.versions and is_given(course, other) and _is_of_zeros(course, other):
                    continue
                # Of two given arrays one is the data.
                known = other not in course.versions and (
                    not is_given(course, other)
                    or weight in course.versions
                    or is_weight(course, weight)
                    or varies(course, made, operands.index(other))
                    or _spread_side(course, bias) == operands.index(weight)
                    or _is_of_zeros(course, weight)
                )
                if known and is_given(course, weight) and len(course.tape.values[weight].shape) > 1:
                    yield _Affine(weight, _kept_as(course, bias), made, operation)


def _kept_as(course: Course, value: int) -> int:
    """The array of the network that a value is a view of; what was copied on its way there is the copy."""
    chain = [value]
    while (made := course.producer(chain[-1])) is not None and made.function in CARRIERS and made.inputs:
        chain.append(made.inputs[0])
    learned = (v for v in chain if v in course.all_versions)
    named = (v for v in chain if v in course.names and (made := course.producer(v)) and made.function in _COPIES)
    return next(learned, next(named, chain[-1]))


def _is_multiplied(course: Course, value: int) -> bool:
    """Whether an array, or a view of it, meets a weight in a product, as data do and no bias does."""
    open_values = [value]
    for carried in open_values:
        for operation in course.users.get(carried, ())[:_MOST_READERS]:
            if operation.function in CARRIERS:
                open_values.append(operation.result)
            elif operation.function in _PRODUCTS and any(
                i in course.versions for i in operation.inputs if i != carried
            ):
                return True
    return False


def _of_numbers(course: Course, operation: Operation) -> Iterator[_Affine]:
    """A layer that is computed unit by unit, where a sum of numbers begins or ends with an entry of its biases."""
    for total, entry in (operation.inputs, operation.inputs[::-1]):
        made = course.producer(total)
        while made is not None and made.function in ADDITIONS and len(made.inputs) == 2:
            made = course.producer(made.inputs[1])
        bias = uncarried(course, entry)
        if made is None or made.function not in PRODUCTS or bias == entry or not is_given(course, bias):
            continue
        for weight in (uncarried(course, factor) for factor in made.inputs):
            if weight in course.versions and len(course.tape.values[weight].shape) > 1:
                yield _Affine(weight, bias, made, operation)


def _side(course: Course, operation: Operation, bias: int) -> int | None:
    """Which factor of a layer's product is its weight: a column of biases tells, or a row; else the layout.

    The one bias of a single unit says nothing, but those of other layers do that are added at the same place. A flat
    list of biases is added along the last axis.
    """
    total, own = course.tape.values[operation.result].shape, course.tape.values[bias].shape
    if len(own) == 1 and len(total) == 2 and own[0] == total[1] > 1:
        return 1
    beside = (o.inputs for o in course.tape.made_at(operation.site if operation.site is not None else -1))
    alike = (inputs[operation.inputs.index(bias)] for inputs in itertools.islice(beside, READINGS) if len(inputs) == 2)
    for value in (bias, *alike):
        side = _spread_side(course, value)
        if side is not None:
            return side
    # Where no weight is moved, nobody knows how the data lie.
    return _SIDES.get(course.layers.layout) if course.layers.weights else None


def _spread_side(course: Course, bias: int) -> int | None:
    """Which factor is the weight of a layer whose bias is a column, or a row; None where that does not show."""
    shape = course.tape.values[bias].shape
    return (0 if shape[1] == 1 else 1) if len(shape) == 2 and (shape[0] == 1) != (shape[1] == 1) else None


def _half_finding(
    course: Course, step: Step, halves: list[tuple[int, str, Operation, int]], gradients: Mapping[int, Unapplied]
) -> Finding:
    names = value_names(course.tape)
    _, what, used, mate = halves[0]
    births = {old: p.birth for p, old, _, _ in step.parameters}
    updates = {old: p.updates[step.number] for p, old, _, _ in step.parameters}
    stepped = course.site(course.tape.operations[updates[mate].operation].site)
    reader = course.site(used.site)
    site = stepped or reader
    assert site is not None
    known = tuple(dict.fromkeys(names.get(value, kind) for value, kind, _, _ in halves))
    course.unmoved[known] = [(value, births[other]) for value, _, _, other in halves]
    if all(value in gradients for value, _, _, _ in halves):
        course.unapplied[known] = [gradients[value] for value, _, _, _ in halves]
    computed = course.site_of(gradients[halves[0][0]].gradient) if halves[0][0] in gradients else None
    name, other = known[0], names.get(mate, "its layer's other array")
    other_half = "bias" if what == "weight" else "weight"
    listed = short_list(course.trace.sources[site.path], site.line, spellings(course.tape, births[mate]))
    return Finding(
        code="SC406",
        severity="warning",
        title=f"{quoted(list(known))} {'is' if len(known) == 1 else 'are'} never updated",
        message=f"the loss depends on the {what} `{name}`, and no step moves it, while the {other_half} `{other}` of "
        "the same layer is moved here",
        location=span_of(site),
        cause=node_span(course.trace.sources[site.path], listed.node) if listed is not None else span_of(site),
        layer=course.layer(mate),
        parameters=known,
        trail=(
            *((TrailStep(span_of(reader), f"`{name}` is used here, always with the same numbers"),) if reader else ()),
            *((TrailStep(span_of(computed), "its gradient is computed here, for nobody"),) if computed else ()),
        ),
    )


__all__ = ["missing_update", "unmoved"]
