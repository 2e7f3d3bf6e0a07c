"""Arrays of a network that are never moved: half of a layer whose other half learns, or all there is to learn."""

from __future__ import annotations

import ast
import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from shapecheck.diagnose.course import Course, quoted
from shapecheck.diagnose.finding import Finding, Span, TrailStep
from shapecheck.diagnose.lost import is_weight
from shapecheck.diagnose.missing import Missing, missing_step
from shapecheck.diagnose.trail import span_of
from shapecheck.gradients.losses import find_losses
from shapecheck.gradients.matching import Matching
from shapecheck.gradients.steps import Loss, Step
from shapecheck.network.dependence import CARRIERS
from shapecheck.network.parameters import Parameter, Update, value_names
from shapecheck.trace.sites import Site
from shapecheck.trace.tape import Operation

_PRODUCTS = frozenset("@ .dot numpy.dot numpy.matmul numpy.einsum".split())
_SUMS = frozenset(["+", "numpy.add", "+="])
NOTHING_MOVES = "nothing is ever updated"
# Which operand of a layer's product the weight is.
_SIDES = {"batch-first": 1, "features-first": 0}
# An array that was read so often at one place, always the same, is not about to be moved.
_READINGS = 3
_TELLING = 5
# More unread results than these are not held against the gradients of arrays that nothing moves.
_MOST_UNREAD = 400


@dataclass(frozen=True, slots=True)
class _Affine:
    """A weight and a bias that make one layer: `W @ a + b`.

    Attributes:
        weight, bias: The values that the layer read.
        sum: The operation that adds the bias.
    """

    weight: int
    bias: int
    sum: Operation


# -- one half of a layer --------------------------------------------------------------------------------------------


def unmoved(course: Course) -> list[Finding]:
    """A weight that never moves while its bias does, or a bias while its weight does.

    Learning nothing of a layer is a way of training; learning half of it is none, but where it is so in all layers, and
    not even the gradients of the other halves are computed.
    """
    if not course.parameters or not course.steps:
        return []
    step = course.steps[0]
    known = course.verdicts(step)
    if known is None:
        return []
    moved = course.versions | {u.old for p in course.strays for u in p.updates}
    right = {v.parameter for v in known.all() if v.is_right}
    found: dict[int, tuple[str, Operation, int]] = {}
    pairs = list(_affine(course, step))
    for pair in pairs:
        for still, mate, what in ((pair.weight, pair.bias, "weight"), (pair.bias, pair.weight, "bias")):
            if still in moved or mate not in right or not _matters(known.matching, still, pair):
                continue
            others = [p for p in pairs if {"weight": p.weight, "bias": p.bias}[what] in right]
            told = others or _is_differentiated(course, step, known.matching, still)
            if (told or _is_kept_for_nobody(course, still, mate, step, pair)) and _is_read_again(course, still):
                found.setdefault(still, (what, pair.sum, mate))
    return [_half_finding(course, step, halves) for halves in _moved_together(course, step, found)]


def missing_update(course: Course, finding: Finding) -> Missing | None:
    """The step that a finding of arrays that are never moved misses, as the steps beside it show it."""
    pairs = course.unmoved.get(finding.parameters)
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


def _is_differentiated(course: Course, step: Step, matching: Matching, value: int) -> bool:
    """Whether the gradient of an array is computed within a step, for nobody."""
    for operation in course.tape.operations[step.first : step.last + 1]:
        if operation.result not in course.users and operation.function != "leaf":
            match = matching.match(operation.result)
            if match is not None and not match.weak and value in {match.forward, *match.alike}:
                return True
    return False


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
        if operation.function not in _SUMS or len(operation.inputs) != 2:
            continue
        for product, bias in (operation.inputs, operation.inputs[::-1]):
            made = course.producer(product)
            if made is None or made.function not in _PRODUCTS or not _is_given(course, bias):
                continue
            operands = [_uncarried(course, operand) for operand in made.inputs]
            for weight, other in (operands, operands[::-1]) if len(operands) == 2 else ():
                # What mixes the samples, as the neighbours in a graph, is no weight.
                side = _side(course, bias)
                if side is not None and operands[side] != weight:
                    continue
                # Of two given arrays one is the data.
                known = other not in course.versions and (
                    not _is_given(course, other)
                    or weight in course.versions
                    or is_weight(course, weight)
                    or _varies(course, made, operands.index(other))
                )
                if known and _is_given(course, weight) and len(course.tape.values[weight].shape) > 1:
                    yield _Affine(weight, _uncarried(course, bias), operation)


def _side(course: Course, bias: int) -> int | None:
    """Which factor of a layer's product is its weight: a column of biases tells, or a row; else the layout."""
    shape = course.tape.values[bias].shape
    if len(shape) == 2 and (shape[0] == 1) != (shape[1] == 1):
        return 0 if shape[1] == 1 else 1
    return _SIDES.get(course.layers.layout)


def _uncarried(course: Course, value: int) -> int:
    """What a value is a view or a part of."""
    operation = course.producer(value)
    while operation is not None and operation.function in CARRIERS and operation.inputs:
        value = operation.inputs[0]
        operation = course.producer(value)
    return value


def _is_given(course: Course, value: int) -> bool:
    """Whether an array was there before the network ran, or is a parameter's."""
    value = _uncarried(course, value)
    kept = course.tape.values[value]
    if not kept.dtype.startswith("float") or kept.size < 1 or kept.shape == ():
        return False
    return value in course.versions or course.layers._newborn[value]


def _is_read_again(course: Course, value: int) -> bool:
    """Whether the same array, unchanged, is read at one place again and again."""
    sites = [o.site for o in course.users.get(value, ()) if o.site is not None]
    return any(sites.count(site) >= _READINGS for site in set(sites))


def _varies(course: Course, product: Operation, position: int) -> bool:
    """Whether one operand of a product is another each time, and the other operand always the same."""
    again = itertools.islice(course.tape.made_at(product.site if product.site is not None else -1), _READINGS)
    rows = [[course.tape.values[i].array for i in o.inputs] for o in again if len(o.inputs) == 2]
    same = [all(np.array_equal(row[place], rows[0][place]) for row in rows) for place in (0, 1)]
    return len(rows) == _READINGS and not same[position] and same[1 - position]


def _half_finding(course: Course, step: Step, halves: list[tuple[int, str, Operation, int]]) -> Finding:
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
    name, other = known[0], names.get(mate, "its layer's other array")
    other_half = "bias" if what == "weight" else "weight"
    return Finding(
        code="SC406",
        severity="warning",
        title=f"{quoted(list(known))} {'is' if len(known) == 1 else 'are'} never updated",
        message=f"the loss depends on the {what} `{name}`, and no step moves it, while the {other_half} `{other}` of "
        "the same layer is moved here",
        location=span_of(site),
        cause=span_of(site),
        layer=course.layer(mate),
        parameters=known,
        trail=(TrailStep(span_of(reader), f"`{name}` is used here, always with the same numbers"),) if reader else (),
    )


# -- nothing at all -------------------------------------------------------------------------------------------------


def nothing_moves(course: Course) -> list[Finding]:
    """Gradients that are computed again and again, from the same numbers, and applied to nothing."""
    if course.parameters:
        return []
    weights = [v for v in _repeated(course) if _is_given(course, v)]
    unread = _unread(course)
    last = _end_of_first_turn(course, weights, unread)
    step = _imagined(course, weights, unread, last)
    if step is None:
        return []
    for loss in find_losses(course.replay, step)[:4]:
        pairs = _computed(course, loss, weights, unread)
        # Few numbers may follow a gradient by accident.
        if any(course.tape.values[weight].size >= _TELLING for weight, _ in pairs):
            return [_nothing_finding(course, pairs)]
    return []


def _repeated(course: Course) -> list[int]:
    values = course.tape.values
    return [v for v in course.users if values[v].size > 1 and values[v].shape and _is_read_again(course, v)][:200]


def _unread(course: Course) -> list[int]:
    """Results that no operation reads, of expressions that are evaluated again and again."""
    operations = course.tape.operations
    often: dict[int | None, int] = {}
    for operation in operations:
        often[operation.site] = often.get(operation.site, 0) + 1
    results = (o for o in operations if o.function != "leaf" and often[o.site] >= _READINGS)
    found = [o.result for o in results if o.result not in course.users and course.tape.values[o.result].size > 1]
    return found[:_MOST_UNREAD]


def _end_of_first_turn(course: Course, weights: list[int], unread: list[int]) -> int:
    """The last operation before most of what could be a gradient has been made anew."""
    shapes = {course.tape.values[w].shape for w in weights}
    times: dict[int | None, list[int]] = {}
    for value in unread:
        operation = course.producer(value)
        if operation is not None and course.tape.values[value].shape in shapes:
            times.setdefault(operation.site, []).append(operation.number)
    second = sorted(found[1] for found in times.values() if len(found) > 1)
    # What is left over now and then, as where something was clipped, says nothing of the turns.
    return second[len(second) // 2] - 1 if second else 0


def _imagined(course: Course, weights: list[int], unread: list[int], last: int) -> Step | None:
    """The first turn of the training loop as the step that it would be if what nobody reads were applied."""
    tape = course.tape
    parameters = []
    free = [v for v in unread if (tape.values[v].producer or 0) <= last]
    for weight in weights:
        change = next((v for v in free if tape.values[v].shape == tape.values[weight].shape), None)
        if change is not None:
            free.remove(change)
            update = Update(last, weight, change, change, -1)
            parameters.append((Parameter("", weight, [update]), weight, change, -1))
    return Step(0, tuple(parameters), 0, last) if parameters else None


def _computed(course: Course, loss: Loss, weights: list[int], unread: list[int]) -> list[tuple[int, Operation]]:
    """The arrays whose gradients are among the results that nobody reads, with the operation that makes them."""
    found = []
    left = set(weights)
    for value in unread:
        match = loss.matching.match(value) if loss.matching is not None else None
        operation = course.producer(value)
        if match is None or match.weak or match.transposed or match.reshaped or operation is None:
            continue
        for forward in left & {match.forward, *match.alike}:
            if course.site(operation.site) is not None:
                found.append((forward, operation))
                left.discard(forward)
                break
    return found


def _nothing_finding(course: Course, pairs: list[tuple[int, Operation]]) -> Finding:
    names = value_names(course.tape)
    known = [names.get(weight, "an array") for weight, _ in pairs]
    sites = [site for _, operation in pairs if (site := _last_reading(course, operation)) is not None]
    site = sites[0]
    made = course.site(pairs[0][1].site)
    idle = _idle_place(course)
    return Finding(
        code="SC406",
        severity="error",
        title=NOTHING_MOVES,
        message=f"the gradients of {quoted(known)} are computed again and again, and no step applies them: the network "
        "stays as it was made",
        location=span_of(site),
        cause=idle or span_of(site),
        parameters=tuple(dict.fromkeys(known)),
        trail=(TrailStep(span_of(made), "one of them is computed here"),)
        if made is not None and made is not site
        else (),
    )


def idle_loops(tree: ast.Module) -> list[ast.For]:
    """The loops over several things side by side that do nothing with them: `for p, g in zip(params, grads): pass`."""
    loops = [n for n in ast.walk(tree) if isinstance(n, ast.For) and isinstance(n.target, ast.Tuple)]
    return [loop for loop in loops if any(isinstance(s, ast.Pass) for s in loop.body)]


def _idle_place(course: Course) -> Span | None:
    """The `pass` in the only loop of the program that does nothing with what it takes side by side."""
    found = []
    for path, source in course.trace.sources.items():
        try:
            loops = idle_loops(ast.parse(source.text))
        except SyntaxError:
            continue
        found += [(path, source, s) for loop in loops for s in loop.body if isinstance(s, ast.Pass)]
    if len(found) != 1:
        return None
    path, source, statement = found[0]
    return Span(path, *source.place(statement), source.of(statement))


def _last_reading(course: Course, operation: Operation) -> Site | None:
    """Where a gradient was given its last name before it was made anew; else where it is made."""
    bound = [b for b in course.tape.bindings if b.value == operation.result]
    bound = [b for b in bound if b.owner is None or b.name.isidentifier()]
    return (course.site(bound[-1].site) if bound else None) or course.site(operation.site)


__all__ = ["NOTHING_MOVES", "idle_loops", "missing_update", "nothing_moves", "unmoved"]
