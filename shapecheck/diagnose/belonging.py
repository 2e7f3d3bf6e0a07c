"""Whether an array that stands still belongs to the network, as a weight, or to the samples, as what it is given."""

from __future__ import annotations

from collections.abc import Iterator

from shapecheck.diagnose.course import Course
from shapecheck.diagnose.standing import uncarried
from shapecheck.network.dependence import CARRIERS
from shapecheck.network.layers import is_turned
from shapecheck.trace.operations import MATRIX_PRODUCTS
from shapecheck.trace.tape import Operation

_SUMS = frozenset(["+", "numpy.add"])
_PRODUCTS = MATRIX_PRODUCTS | frozenset(
    "* numpy.multiply numpy.einsum numpy.inner numpy.tensordot numpy.correlate numpy.convolve".split()
)


def is_weight(course: Course, value: int) -> bool:
    """Whether an array belongs to the network and not to the samples: it is shared by all of them."""
    values = course.tape.values
    batch_first = course.layers.layout == "batch-first"
    for operation in course.users.get(value, []):
        if operation.function in CARRIERS:
            continue
        result = values[operation.result].shape
        if operation.function in _SUMS and values[value].size < values[operation.result].size:
            return True
        if operation.function in MATRIX_PRODUCTS and len(result) == 2 and course.layers.layout != "single-sample":
            left = operation.inputs[0] == value
            if is_turned(course.tape, value):
                return False
            return left != batch_first
    return False


def is_made_with_moved(course: Course, value: int) -> bool:
    """Whether the expression that made an array made one that is moved, too: `[rng.normal(size=s) for s in sizes]`."""
    made = _birth_site(course, value)
    return made is not None and any(_birth_site(course, p.birth) == made for p in course.parameters)


def is_kept_with_moved(course: Course, value: int) -> bool:
    """Whether an array was made for an object, or a container, that holds one that is moved, too."""
    site = course.site_of(value)
    # A tuple that is unpacked at once is gone, and its place is taken by others.
    lasting = [b for b in course.tape.bindings if b.owner is not None and not b.name.isidentifier()]
    kept = {(b.owner, b.name) for b in lasting if b.value == value}
    # `parameters["W" + str(l)]` names what is kept as `parameters["W2"]`.
    computed = site is not None and site.bound_to is not None and site.bound_to.endswith("]")
    named = {course.tape.sites[b.site].line for b in lasting if b.value == value} if computed else set()
    if site is None or (site.bound_to not in {None, *(name for _, name in kept)} and site.line not in named):
        return False
    births = {p.birth for p in course.parameters}
    return any(b.value in births and b.owner in {owner for owner, _ in kept} for b in lasting)


def meets_what_is_learned(course: Course, value: int, learned: set[int]) -> bool:
    """Whether an array multiplies what was computed from parameters: a sample meets the parameters themselves.

    Args:
        course: Of the run.
        value: The array.
        learned: What the forward pass computed from parameters.
    """
    return any(
        operation.function in _PRODUCTS
        and operation.result in learned
        and any(i in learned and uncarried(course, i) not in course.versions for i in operation.inputs if i != carried)
        for carried, operation in _readers(course, value)
    )


def owners(course: Course, value: int) -> set[int]:
    """The objects of which a value is an attribute."""
    kept = (b for b in course.tape.bindings if b.value == value and "." in b.name)
    return {b.owner for b in kept if b.owner is not None and isinstance(b.key, str)}


def _birth_site(course: Course, value: int) -> int | None:
    producer = course.tape.values[value].producer
    return course.tape.operations[producer].site if producer is not None else None


def _readers(course: Course, value: int) -> Iterator[tuple[int, Operation]]:
    """(the array or a view of it, what reads that)."""
    open_values = [value]
    for carried in open_values:
        for operation in course.users.get(carried, ()):
            if operation.function in CARRIERS:
                open_values.append(operation.result)
            else:
                yield carried, operation


__all__ = [
    "is_kept_with_moved",
    "is_made_with_moved",
    "is_weight",
    "meets_what_is_learned",
    "owners",
]
