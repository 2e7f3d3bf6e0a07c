"""A layer's own delta, computed for nobody: the step that it was computed for is not there.

Who leaves a layer as it is has no need of the slope of its activation, behind which nothing but its weight's gradient
lies. It says so only where one statement is missing: of a layer whose weight and bias stand still, both were left.
"""

from __future__ import annotations

import numpy as np

from shapecheck.diagnose.course import Course
from shapecheck.diagnose.finding import Finding
from shapecheck.diagnose.lost import name_of
from shapecheck.diagnose.standing import is_given, uncarried, varies
from shapecheck.diagnose.trail import span_of
from shapecheck.diagnose.unread import Unread, is_read
from shapecheck.diagnose.unused import is_for_nobody, is_idle, is_of_network, standing_arrays
from shapecheck.gradients.adjoints import adjoints
from shapecheck.gradients.matching import Matching
from shapecheck.network.dependence import CARRIERS
from shapecheck.trace.operations import ADDITIONS, MATRIX_PRODUCTS
from shapecheck.trace.tape import Operation

# What a weight goes through on its way to its product.
_CARRIED = CARRIERS | {"unary-", "numpy.negative"}


def unused_deltas(course: Course) -> list[Finding]:
    """Weights that nothing moves, of layers whose deltas are computed in a line of their own, and read by nobody."""
    step = course.steps[0] if course.steps else None
    idle = [o for o in course.tape.operations[step.first : step.last + 1] if is_idle(course, o)] if step else []
    known = course.verdicts(step) if step is not None and idle else None
    if step is None or known is None or not any(v.is_right for v in known.all()):
        return []
    learned = course.replay.dependents(step.olds, step.last + 1) & known.matching.adjoints.closure
    products = {v: made for v in standing_arrays(course) if (made := _product(course, v, step.last, learned))}
    if not products:
        return []
    matching = Matching(adjoints(course.replay, known.matching.adjoints.seeds, products, check=()))
    found = []
    for value, product in products.items():
        delta = next((o for o in idle if _is_delta(course, matching, o, product)), None)
        finding = _finding(course, value, delta) if delta is not None else None
        found += [finding] if finding is not None else []
    return found


def _product(course: Course, value: int, last: int, learned: set[int]) -> Operation | None:
    """The one product of a weight in the first forward pass, where nothing else that stands still is added to it."""
    carried, products = [value], list[tuple[int, Operation]]()
    for one in carried:
        for operation in course.users.get(one, ()):
            if operation.function in _CARRIED:
                carried.append(operation.result)
            elif operation.function in MATRIX_PRODUCTS and operation.number <= last:
                products.append((one, operation))
    if len(products) != 1:
        return None
    ((factor, product),) = products
    others = [i for i, operand in enumerate(product.inputs) if operand != factor]
    given = [i for i in others if uncarried(course, product.inputs[i]) not in course.all_versions]
    if not is_of_network(course, value, learned) and not any(varies(course, product, i) for i in given):
        return None
    added = [i for o in course.users.get(product.result, ()) if o.function in ADDITIONS for i in o.inputs]
    with_bias = any(is_given(course, i) and uncarried(course, i) != product.result for i in added)
    return None if with_bias else product


def _is_delta(course: Course, matching: Matching, operation: Operation, product: Operation) -> bool:
    """Whether nobody reads the derivative by what a layer's activation is given, and it is none by what that gives."""
    array, shape = course.replay.recorded[operation.result], course.tape.values[product.result].shape
    match = matching.against(array, product.result) if np.shape(array) == shape else None
    if match is None or match.weak or not is_for_nobody(course, operation):
        return False
    behind = course.replay.dependents([product.result]) & matching.adjoints.of.keys()
    # What is read by something of another shape has left the layer.
    left = (v for v in behind if course.tape.values[v].shape == shape and _is_handed_on(course, v, behind))
    return not any(matching.against(array, v) is not None for v in left)


def _is_handed_on(course: Course, value: int, behind: set[int]) -> bool:
    shape = course.tape.values[value].shape
    readers = (o.result for o in course.users.get(value, ()) if o.result in behind)
    return any(course.tape.values[result].shape != shape for result in readers)


def _finding(course: Course, value: int, delta: Operation) -> Finding | None:
    site = course.site(delta.site)
    if site is None:
        return None
    own = (site.bound_to or "").partition("[")[0]
    if own.isidentifier() and is_read(course, Unread(site, own, delta.result, delta.number)):
        return None  # by a step that comes later
    name = name_of(course, value, site)
    course.unmoved[(name,)] = [(value, None)]
    return Finding(
        code="SC406",
        severity="warning",
        title=f"`{name}` is never updated",
        message=f"the delta of its layer is computed here{f', as `{own}`' if own else ''}, and nothing uses it",
        location=span_of(site),
        cause=span_of(site),
        layer=course.layer(value),
        parameters=(name,),
    )


__all__ = ["unused_deltas"]
