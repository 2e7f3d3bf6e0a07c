"""Inputs and targets that no longer belong together, and shuffles that lose rows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from shapecheck.diagnose.course import Course, meetings, shown
from shapecheck.diagnose.finding import Finding, TrailStep
from shapecheck.diagnose.trail import span_of
from shapecheck.trace.sites import Site
from shapecheck.trace.tape import Operation, Ref

# Larger data than this are not compared row by row.
_MOST_ENTRIES = 4_000_000
# So many rearrangements of the data are looked at.
_MOST_PICKS = 400
# So many samples for each number of the inputs say how much they tell of the targets; by so much less afterwards.
_SAMPLES = 5
_PLAINLY_MORE = 0.15
UNREAD_TWIN = "the targets in that order are here, and nobody reads them"

_SHUFFLES = frozenset(["shuffle", "permutation", "permuted"])
_DRAWN = frozenset("permutation permuted choice randint integers random_integers argsort sample".split())


@dataclass(frozen=True, slots=True)
class _Pick:
    """Rows of an array taken in another order, or some of them.

    Attributes:
        axis: Of the samples.
        index: The value that says which; None for a shuffle.
    """

    operation: Operation
    source: int
    result: int
    axis: int
    index: int | None

    @property
    def in_place(self) -> bool:
        """Whether the array itself was shuffled."""
        return self.index is None


def lost_rows(course: Course) -> list[Finding]:
    """Shuffles after which some rows are there twice and others not at all: `random.shuffle` exchanges views."""
    found: dict[int, Finding] = {}
    for operation in course.tape.operations:
        site = course.site(operation.site)
        if site is None or site.number in found or operation.label != "changed" or site.operator != "shuffle":
            continue
        before, after = (course.tape.values[v].array for v in (operation.inputs[0], operation.result))
        if not _comparable(before) or not _comparable(after) or np.ndim(before) < 2:
            continue
        kept = np.unique(np.concatenate([_rows(after, 0), _rows(before, 0)]), axis=0)
        old, new = np.unique(_rows(before, 0), axis=0), np.unique(_rows(after, 0), axis=0)
        if len(new) < len(old) == len(kept):
            found[site.number] = Finding(
                code="SC409",
                severity="error",
                title="this shuffle loses rows",
                message=f"{len(old) - len(new)} of {len(old)} rows are gone afterwards, and others are there several "
                "times: rows of an array are views, and exchanging two of them copies one over the other; "
                "np.random.shuffle, or indexing with np.random.permutation, keeps all",
                location=span_of(site),
                cause=span_of(site),
            )
    return list(found.values())


def parted(course: Course) -> list[Finding]:
    """Inputs and targets of one loss that were shuffled, or drawn, each in an order of its own."""
    picks = list(_picks(course))[:_MOST_PICKS]
    if not picks:
        return []
    for outputs, targets in origins_of_meetings(course):
        used = [p for p in picks if p.result in outputs]
        aimed = [p for p in picks if p.result in targets]
        # What feeds both is no part of either.
        used = [p for p in used if p.result not in targets]
        aimed = [p for p in aimed if p.result not in outputs]
        if used and aimed:
            finding = _two_orders(course, used[-1], aimed[-1])
        elif used and not aimed:
            finding = _one_order(course, used, targets, outputs)
        else:
            finding = None
        if finding is not None:
            return [finding]
    return []


# -- rearrangements -------------------------------------------------------------------------------------------------


def _picks(course: Course) -> Iterator[_Pick]:
    values = course.tape.values
    learned = course.learned
    for operation in course.tape.operations:
        if operation.function == "getitem" and isinstance(operation.arguments[0], Ref):
            index, axis = operation.arguments[1], 0
            if isinstance(index, tuple) and len(index) == 2 and index[0] == slice(None):
                index, axis = index[1], 1
            elif isinstance(index, tuple) and index and all(i == slice(None) for i in index[1:]):
                index = index[0]
            source = operation.arguments[0].value
            if not isinstance(index, Ref) or len(values[index.value].shape) != 1 or source in learned:
                continue
            if _is_drawn(course, index.value) and not _is_identity(values[source].array):
                yield _Pick(operation, source, operation.result, axis, index.value)
        elif operation.inputs and operation.function == "leaf" and operation.inputs[0] not in learned:
            site = course.site(operation.site)
            name = operation.label if operation.label != "changed" else site.operator if site is not None else ""
            source, result = operation.inputs[0], operation.result
            if name in _SHUFFLES and values[source].shape == values[result].shape and values[source].shape:
                yield _Pick(operation, source, result, 0, None)


def _is_drawn(course: Course, index: int) -> bool:
    """Whether an index is an order, or a selection, that chance has given; labels and edges of a graph are not."""
    array = course.tape.values[index].array
    if not isinstance(array, np.ndarray) or array.dtype.kind not in "iu" or array.size < 3:
        return False
    if np.array_equal(array, np.arange(array[0], array[0] + array.size)):
        return False
    number: int | None = index
    for _ in range(8):
        producer = course.tape.values[number].producer if number is not None else None
        if producer is None:
            break
        operation = course.tape.operations[producer]
        if operation.function == "leaf":
            return operation.label in _DRAWN or (operation.label == "changed" and _is_all_different(array))
        parts = operation.arguments[1:2]
        if operation.function not in {"getitem", "view", ".copy"} or any(isinstance(p, Ref) for p in parts):
            return False
        number = operation.inputs[0] if operation.inputs else None
    return _is_all_different(array)


def _is_all_different(array: Any) -> bool:
    return bool(len(np.unique(array)) == len(array))


def _is_identity(array: Any) -> bool:
    """Whether rows of an array are one-hot codes: the index is a label."""
    return isinstance(array, np.ndarray) and array.ndim == 2 and np.array_equal(array, np.eye(*array.shape))


# -- where outputs meet targets -------------------------------------------------------------------------------------


def origins_of_meetings(course: Course) -> Iterator[tuple[set[int], set[int]]]:
    """(what the outputs were made from, what the targets were made from), wherever in a step the two may meet."""
    for _, output, targets in meetings(course):
        yield _made_from(course, [output]), _made_from(course, targets)


def _made_from(course: Course, values: list[int]) -> set[int]:
    """What values were made from, through shuffles as well; parameters are not followed."""
    found: set[int] = set()
    open_values = list(values)
    while open_values:
        number = open_values.pop()
        if number in found or number in course.versions:
            continue
        found.add(number)
        producer = course.tape.values[number].producer
        if producer is None:
            continue
        operation = course.tape.operations[producer]
        if operation.function == "getitem" and isinstance(operation.arguments[0], Ref):
            open_values.append(operation.arguments[0].value)  # which rows is no part of what is in them
        elif operation.function != "leaf" or operation.label in {*_SHUFFLES, "changed"}:
            open_values.extend(operation.inputs)
    return found


# -- judging --------------------------------------------------------------------------------------------------------


def _comparable(array: Any) -> bool:
    return isinstance(array, np.ndarray) and array.ndim >= 1 and 1 < array.size <= _MOST_ENTRIES


def _rows(array: Any, axis: int) -> np.ndarray[Any, Any]:
    """The samples of an array as rows of numbers."""
    moved = np.moveaxis(np.asarray(array, dtype=float), axis, 0)
    return moved.reshape(len(moved), -1)


def _pairs(left: Any, left_axis: int, right: Any, right_axis: int) -> set[bytes] | None:
    first, second = _rows(left, left_axis), _rows(right, right_axis)
    if len(first) != len(second):
        return None
    joined = np.ascontiguousarray(np.hstack([first, second]) + 0.0)
    return {row.tobytes() for row in joined}


def _two_orders(course: Course, inputs: _Pick, targets: _Pick) -> Finding | None:
    if inputs.index is not None and inputs.index == targets.index:
        return None
    if inputs.source == targets.source and inputs.operation.site == targets.operation.site:
        return None  # two batches of the same records, of which a row is input and target in one
    arrays = [course.tape.values[v].array for v in (inputs.source, targets.source, inputs.result, targets.result)]
    if not all(_comparable(a) for a in arrays):
        return None
    before = _pairs(arrays[0], inputs.axis, arrays[1], targets.axis)
    after = _pairs(arrays[2], inputs.axis, arrays[3], targets.axis)
    if before is None or after is None or after <= before:
        return None
    first, second = course.site(inputs.operation.site), course.site(targets.operation.site)
    if first is None or second is None:
        return None
    later = second if targets.operation.number > inputs.operation.number else first
    earlier = first if later is second else second
    strangers = len(after - before)
    return Finding(
        code="SC407",
        severity="error",
        title="inputs and targets are put into different orders",
        message=f"`{shown(first.text)}` and `{shown(second.text)}` draw an order each: {strangers} of {len(after)} "
        "samples get the target of another; draw one order and use it for both",
        location=span_of(later),
        cause=span_of(later),
        trail=(TrailStep(span_of(earlier), "the other order"),),
    )


def _drawn_at(course: Course, pick: _Pick) -> int:
    """The operation that shuffled, or that drew the order; parts of an order were drawn with it."""
    number = pick.operation.number
    value = pick.index
    while value is not None:
        producer = course.tape.values[value].producer
        if producer is None:
            return -1
        operation = course.tape.operations[producer]
        number = operation.number
        value = operation.inputs[0] if operation.inputs and operation.function != "leaf" else None
    return number


def _whole(course: Course, value: int) -> int:
    """What a value is a row, or a slice, of."""
    operation = course.producer(value)
    while operation is not None and operation.function in {"getitem", "view"} and len(operation.inputs) == 1:
        value = operation.inputs[0]
        operation = course.producer(value)
    return value


def _one_order(course: Course, picks: list[_Pick], aimed: set[int], outputs: set[int]) -> Finding | None:
    """Inputs that are shuffled again and again beside targets that stay as they are."""
    targets = aimed - outputs
    site = course.site(picks[-1].operation.site)
    last = course.tape.values[picks[-1].result]
    shuffles = [p for p in picks if p.operation.site == picks[-1].operation.site]
    shuffles += [p for p in _picks(course) if p.operation.site == picks[-1].operation.site and p not in shuffles]
    if site is None or not _comparable(last.array):
        return None
    if len(shuffles) < 2:
        # Inputs may have been made from their targets, as those of an exercise are.
        return _once_parted(course, picks[-1], site, aimed)
    count = last.shape[picks[-1].axis]
    # A mask that was drawn after the order is no target that stays as it was; neither is the order itself, nor
    # what is drawn anew for every step.
    began = min(_drawn_at(course, p) for p in shuffles)
    for number in sorted(targets, reverse=True):
        value = course.tape.values[number]
        whole = course.tape.values[_whole(course, number)]
        # Some rows of what is as long as the data are as old as all of them.
        samples = course.tape.values[picks[-1].source].shape[picks[-1].axis]
        producer = (whole if samples in whole.shape[:1] else value).producer
        if not _comparable(value.array) or count not in value.shape[:2]:
            continue
        if producer is not None and (producer >= began or _is_made_again(course, producer, began)):
            continue
        axis = value.shape.index(count)
        rows = _rows(value.array, axis)
        if np.all(rows == rows[0]):
            return None  # every sample has the same target
        pairs = [_pairs(course.tape.values[p.result].array, p.axis, value.array, axis) for p in shuffles[:2]]
        if pairs[0] is None or pairs[1] is None or pairs[0] == pairs[1]:
            return None
        unread = _unread_twin(course, picks, number, targets)
        if unread is not None:
            return unread
        return Finding(
            code="SC407",
            severity="error",
            title="the inputs are shuffled, and their targets are not",
            message=f"`{shown(site.text)}` puts the samples into a new order each time, and the targets stay in "
            "theirs: draw one order and use it for both",
            location=span_of(site),
            cause=span_of(site),
        )
    return None


def _once_parted(course: Course, pick: _Pick, site: Site, targets: set[int]) -> Finding | None:
    """Inputs that are shuffled once, where their targets went with them before: the data themselves say so."""
    values = course.tape.values
    before, after = values[pick.source].array, values[pick.result].array
    if not _comparable(before) or np.shape(before) != np.shape(after):
        return None
    for number in sorted(targets, reverse=True):
        value = values[number]
        if not _comparable(value.array) or np.shape(before)[pick.axis] not in value.shape[:2]:
            continue
        aims = _rows(value.array, value.shape.index(np.shape(before)[pick.axis]))
        if (value.producer or 0) < pick.operation.number or _is_of_older(course, number, pick.operation.number):
            went, goes = (_told(_rows(array, pick.axis), aims) for array in (before, after))
            if went is None or goes is None or went < goes + _PLAINLY_MORE:
                return None
            return Finding(
                code="SC407",
                severity="error",
                title="the inputs are shuffled, and their targets are not",
                message=f"`{shown(site.text)}` puts the inputs into another order, and the targets stay in theirs: as "
                f"they were, the inputs told {went:.0%} of how the targets differ (by least squares), and now "
                f"{max(goes, 0.0):.0%}; draw one order and use it for both",
                location=span_of(site),
                cause=span_of(site),
            )
    return None


def _is_of_older(course: Course, number: int, time: int) -> bool:
    """Whether all data that targets are made from were there before."""
    made = (course.tape.values[v].producer for v in course.replay.ancestors([number]))
    starts = (n for n in made if n is not None and not course.tape.operations[n].inputs)
    data = [n for n in starts if course.tape.values[course.tape.operations[n].result].size > 1]
    return bool(data) and min(data) < time


def _told(inputs: Any, aims: Any) -> float | None:
    """The share of the targets' variance that a linear fit of the inputs explains, adjusted for their number.

    None where there are too few samples, or numbers that are not finite.
    """
    count, numbers = inputs.shape
    if count < _SAMPLES * (numbers + 1) or not np.all(np.isfinite(inputs)) or not np.all(np.isfinite(aims)):
        return None
    design = np.hstack([inputs, np.ones((count, 1))])
    fitted = design @ np.linalg.lstsq(design, aims, rcond=None)[0]
    whole = float(np.sum((aims - aims.mean(axis=0)) ** 2))
    if not whole:
        return None
    left = float(np.sum((aims - fitted) ** 2))
    return float(1 - left / whole * (count - 1) / (count - numbers - 1))


def _is_made_again(course: Course, number: int, time: int) -> bool:
    """Whether the expression of an operation is evaluated once more after some other operation."""
    site = course.tape.operations[number].site
    return site is not None and any(o.number > time for o in course.tape.made_at(site))


def _unread_twin(course: Course, picks: list[_Pick], unordered: int, targets: set[int]) -> Finding | None:
    """Targets that are taken from their old order though they were put into the inputs' order, too.

    Args:
        course: Of the run.
        picks: What put the inputs into their order.
        unordered: The targets, or some rows of them, in the order in which they stay.
        targets: What the loss's targets were made from.
    """
    orders = {p.index for p in picks}
    whole: int | None = unordered
    while whole is not None:
        rows = [o for o in course.users.get(whole, ()) if o.function == "getitem" and o.arguments[0] == Ref(whole)]
        twins = [o for o in rows if isinstance(o.arguments[1], Ref) and o.arguments[1].value in orders]
        twin = next((course.site(o.site) for o in twins if o.result not in course.users), None)
        taken = next((course.site(o.site) for o in rows if o.result in targets and o not in twins), None)
        if twin is not None and taken is not None:
            return _read_from_before(taken, twin)
        made = course.producer(whole)
        is_part = made is not None and made.function in {"getitem", "view"} and len(made.inputs) == 1
        whole = made.inputs[0] if made is not None and is_part else None
    return None


def _read_from_before(taken: Site, twin: Site) -> Finding:
    return Finding(
        code="SC407",
        severity="error",
        title="the inputs are shuffled, and these targets are not",
        message=f"`{shown(taken.text)}` takes the targets from where they are in their old order; "
        f"`{shown(twin.text)}` puts them into the order of the inputs, and nobody reads that",
        location=span_of(taken),
        cause=span_of(taken),
        trail=(TrailStep(span_of(twin), UNREAD_TWIN),),
    )


def two_orders_at(course: Course) -> tuple[Site, Site] | None:
    """The two expressions that put inputs and targets into orders of their own."""
    found = parted(course)
    if not found or not found[0].trail:
        return None
    places = {(s.path, s.line, s.column): s for s in course.tape.sites.sites}
    spans = (found[0].cause, found[0].trail[0].span)
    sites = [places.get((s.path, s.line, s.column)) for s in spans]
    return (sites[0], sites[1]) if sites[0] is not None and sites[1] is not None else None


__all__ = ["UNREAD_TWIN", "lost_rows", "parted", "two_orders_at"]
