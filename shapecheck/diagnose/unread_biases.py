"""Biases that are stepped by the gradient of what a layer would add, and that no forward pass of the training adds.

All gradients are right then, that of the bias included, had it been read: the mistake is in the forward pass, where
`X @ W` is to be `X @ W + b`. What a bias of a product would have for its derivative is the sum of the product's own
adjoint over the samples, and no other array is moved by that at the learning rate of its neighbours.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from shapecheck.diagnose.course import Course, quoted, shown
from shapecheck.diagnose.finding import Finding, TrailStep
from shapecheck.diagnose.standing import uncarried
from shapecheck.diagnose.targets import Result, Target
from shapecheck.diagnose.trail import span_of
from shapecheck.diagnose.verdicts import Verdicts
from shapecheck.gradients.matching import EXACT
from shapecheck.network.parameters import Parameter, Update
from shapecheck.network.strays import find_strays
from shapecheck.trace.operations import ADDITIONS, DIFFERENCES, MATRIX_PRODUCTS
from shapecheck.trace.sites import Site
from shapecheck.trace.tape import Operation, Shape

UNREAD_BIAS = "stepped, and never added to anything"

# What a bias is added to, the likeliest first: a layer's product, or what stands for it.
_LAYERS = MATRIX_PRODUCTS | {"numpy.einsum", "numpy.inner", "numpy.tensordot"}


@dataclass(frozen=True, slots=True)
class _Unread:
    """A bias in one step.

    Attributes:
        stray: What is stepped.
        update: Its step.
        site: The expression whose result it should be added to.
        products: The values that this gave in the step's forward pass.
        cancelled: What each of them has in the bias's place, and is taken off again: `(a @ W + t) - t`.
    """

    stray: Parameter
    update: Update
    site: int
    products: tuple[int, ...]
    cancelled: tuple[int, ...] = ()


def unread_biases(course: Course) -> list[Finding]:
    """Arrays that the steps move as the biases of layers that do not add them."""
    strays = find_strays(course.tape, numbers=True)
    if not strays or not course.steps or course.verdict.verdict != "right":
        return []
    told: dict[int, list[_Unread]] = defaultdict(list)
    open_steps: dict[int, int] = defaultdict(int)
    for step in course.steps:
        known = course.verdicts(step)
        for stray in strays if known is not None else ():
            if known is None or len(stray.updates) <= step.number:
                continue
            open_steps[stray.birth] += 1
            others = [s.updates[step.number].change for s in strays if s is not stray and len(s.updates) > step.number]
            found = _unread(course, known, stray, stray.updates[step.number], others)
            told[stray.birth] += [found] if found is not None else []
    # A single number is met by chance, but not in two steps, and at the same place.
    sure = [
        found
        for birth, found in told.items()
        if len(found) == open_steps[birth]
        and len({one.site for one in found}) == 1
        and (len(found) > 1 or course.tape.values[birth].size > 1)
    ]
    groups: dict[int, list[list[_Unread]]] = defaultdict(list)
    for one in sure:
        groups[one[0].site].append(one)
    return [_finding(course, site, group) for site, group in groups.items() if course.site(site) is not None]


def _unread(course: Course, known: Verdicts, stray: Parameter, update: Update, others: list[int]) -> _Unread | None:
    """Where a step's bias belongs; None for what is read, by other steps too, or is stepped by something else."""
    replay, adjoints = known.replay, known.matching.adjoints
    verdicts = known.all()
    right = [v for v in verdicts if v.is_right and v.factor is not None]
    if not right or len(right) < len([v for v in verdicts if not v.proves_nothing]):
        return None
    signs = {sign for _, old, _, sign in known.step.parameters}
    changes = [*others, *(change for _, _, change, _ in known.step.parameters)]
    if update.sign not in signs or not {update.old, update.new}.isdisjoint(
        replay.ancestors(changes) | adjoints.closure
    ):
        return None
    if is_a_velocity(course, known, update):
        return None
    factors = {v.factor.number for v in right if v.factor is not None}
    # An optimizer stands between gradients and steps where the changes themselves are no multiples.
    applied = [update.change] if all(v.at_change for v in right) else course.applied(update.change)
    shape = course.tape.values[update.old].shape
    for operation, values in _places(course, known, shape):
        wanted = sum(_summed(np.asarray(adjoints[value], dtype=float), shape) for value in values)
        size = float(np.linalg.norm(wanted))
        for value in applied:
            array = np.asarray(replay.recorded[value], dtype=float)
            if not size or array.size != np.size(wanted):
                continue
            array = array.reshape(shape)
            if any(np.linalg.norm(array - f * wanted) <= EXACT * abs(f) * size for f in factors):
                site, products = _whole(course, known, operation, values)
                return _with_cancelled(course, _Unread(stray, update, site, products))
    return None


def is_a_velocity(course: Course, known: Verdicts, update: Update) -> bool:
    """Whether a part of something is kept, and the gradient that enters it moves another array, too."""
    if update.old in course.tape.operations[update.operation].inputs:
        return False
    taken = set(course.applied(update.change))
    return any(not taken.isdisjoint(course.applied(change)) for _, _, change, _ in known.step.parameters)


def _with_cancelled(course: Course, one: _Unread) -> _Unread:
    """A bias whose place something given has that is taken off again at once, so that it has no effect at all."""
    sums, others = [], []
    for value in one.products:
        for operation in course.users.get(value, ()):
            other = next((n for n in operation.inputs if n != value), None)
            taken = (o.inputs for o in course.users.get(operation.result, ()) if o.function in DIFFERENCES)
            given = operation.function in ADDITIONS and other is not None and other not in course.learned
            if given and other is not None and any(i == (operation.result, other) for i in taken):
                sums.append(operation)
                others.append(other)
                break
    sites = {o.site for o in sums}
    if len(sums) < len(one.products) or len(sites) != 1 or None in sites:
        return one
    return replace(one, site=sums[0].site or 0, products=tuple(o.result for o in sums), cancelled=tuple(others))


def _whole(
    course: Course, known: Verdicts, operation: Operation, values: tuple[int, ...]
) -> tuple[int, tuple[int, ...]]:
    """The sum of several layers' products, where what is missing belongs to one of these: `X @ U + h @ W`."""
    while True:
        sums = [next((o for o in course.users.get(v, ()) if _adds_up(course, known, o)), None) for v in values]
        sites = {o.site for o in sums if o is not None}
        if None in sums or len(sites) != 1 or None in sites:
            return operation.site or 0, values
        operation, values = sums[0] or operation, tuple(o.result for o in sums if o is not None)


def _adds_up(course: Course, known: Verdicts, operation: Operation) -> bool:
    """Whether an operation of the forward pass adds two of its results of one shape."""
    values, adjoints = course.tape.values, known.matching.adjoints
    shapes = {values[n].shape for n in (*operation.inputs, operation.result)}
    if operation.function not in ADDITIONS or operation.result not in adjoints.closure or len(shapes) > 1:
        return False
    return operation.result in adjoints.of and all(n in course.learned for n in operation.inputs)


def _places(course: Course, known: Verdicts, shape: Shape) -> Iterator[tuple[Operation, tuple[int, ...]]]:
    """What a bias of some shape may be added to: layers' products first, all turns of a loop together after each."""
    adjoints, tape, step = known.matching.adjoints, course.tape, known.step
    own = [o for o in tape.operations[: step.last + 1] if o.result in adjoints.of and o.site is not None]
    own = [o for o in own if o.result not in step.olds and _takes(tape.values[o.result].shape, shape)]
    own = [o for o in own if not _has_another(course, o.result, shape)]
    own.sort(key=lambda o: (o.function not in _LAYERS, -o.number if o.function in _LAYERS else o.number))
    turns: dict[int | None, list[Operation]] = defaultdict(list)
    for operation in own:
        turns[operation.site].append(operation)
    for operation in own:
        yield operation, (operation.result,)
        if len(turns[operation.site]) > 1 and turns[operation.site][0] is operation:
            yield operation, tuple(o.result for o in turns[operation.site])


def _takes(shape: Shape, bias: Shape) -> bool:
    """Whether a bias can be added without making more of what it is added to."""
    try:
        return np.broadcast_shapes(shape, bias) == shape
    except ValueError:
        return False


def _has_another(course: Course, value: int, shape: Shape) -> bool:
    """Whether something that nobody moves is added there: then the steps move another array than is read."""
    moved = {u.new for p in course.strays for u in p.updates} | course.learned
    for operation in course.users.get(value, ()):
        others = [n for n in operation.inputs if n != value]
        if operation.function in ADDITIONS and others and others[0] not in moved:
            if course.tape.values[others[0]].shape == shape:
                return True
    return False


def _summed(adjoint: np.ndarray, shape: Shape) -> np.ndarray:
    """The derivative by what was spread over an array, from that by the array."""
    before = tuple(range(adjoint.ndim - len(shape)))
    summed = adjoint.sum(axis=before)
    spread = tuple(axis for axis, n in enumerate(shape) if n == 1 and summed.shape[axis] > 1)
    return np.asarray(summed.sum(axis=spread, keepdims=True))


def _finding(course: Course, number: int, group: list[list[_Unread]]) -> Finding:
    site = course.tape.sites[number]
    names = tuple(dict.fromkeys(found[0].stray.name for found in group))
    results: dict[int, Result] = {}
    for one in (one for found in group for one in found):
        bias = np.asarray(course.tape.values[one.update.old].array, dtype=float)
        for position, value in enumerate(one.products):
            wanted = np.asarray(course.replay.recorded[value], dtype=float) + bias
            if one.cancelled:
                wanted = wanted - np.asarray(course.replay.recorded[one.cancelled[position]], dtype=float)
            results[value] = Result(value, (wanted,), exact=True)
    ordered = sorted(results.values(), key=lambda result: result.value)
    course.aimed[names] = (Target(number, tuple(ordered)),)
    course.settled.add(names)
    stepped = course.site(course.tape.operations[group[0][0].update.operation].site)
    several = len(names) > 1
    lost = next((place for found in group for one in found if (place := _kept_nowhere(course, one)) is not None), None)
    trail = [TrailStep(span_of(lost), "what this gives is kept nowhere")] if lost is not None else []
    trail += [TrailStep(span_of(stepped), "it is stepped here")] if stepped is not None else []
    where = f"what is added to `{shown(site.text)}`, and nothing is added there"
    if group[0][0].cancelled:
        where = f"what `{shown(site.text)}` adds up, and something else stands in their place, which is taken off again"
    return Finding(
        code="SC411",
        severity="error",
        title=f"{quoted(list(names))} {'are' if several else 'is'} {UNREAD_BIAS}",
        message=f"the steps move {quoted(list(names))} by the derivative of {where}: the forward pass of the training "
        "leaves it out",
        location=span_of(site),
        cause=span_of(site),
        layer=course.layer(group[0][0].stray.birth),
        parameters=names,
        trail=tuple(trail),
    )


def _kept_nowhere(course: Course, one: _Unread) -> Site | None:
    """Where a bias is added to a part of what it belongs to, for nobody: `for row in z: row = row + b`."""
    for operation in course.users.get(one.update.old, ()):
        if operation.function not in ADDITIONS or operation.result in course.users:
            continue
        if any(uncarried(course, n) in one.products for n in operation.inputs):
            return course.site(operation.site)
    return None


__all__ = ["UNREAD_BIAS", "is_a_velocity", "unread_biases"]
