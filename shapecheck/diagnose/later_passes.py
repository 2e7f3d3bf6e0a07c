"""A backward pass that finds another forward pass in the layers' caches than the one that its error belongs to."""

from __future__ import annotations

from collections.abc import Iterator

from shapecheck.diagnose.course import Course, quoted, shown
from shapecheck.diagnose.finding import Finding, TrailStep
from shapecheck.diagnose.later import explained, readers
from shapecheck.diagnose.trail import span_of
from shapecheck.diagnose.verdicts import Verdicts
from shapecheck.gradients.adjoints import adjoints
from shapecheck.gradients.matching import Matching
from shapecheck.gradients.replay import ReplayError
from shapecheck.gradients.steps import Step
from shapecheck.trace.sites import Site
from shapecheck.trace.tape import Binding

LATER_PASS = "a later forward pass has replaced what the backward pass reads"

# So many forward passes of a step are taken to be the one that the error belongs to.
_MOST_PASSES = 4

# (operation, what it read, what the first forward pass had kept in the same place)
_Read = tuple[int, int, int]


def later_passes(course: Course) -> list[Finding]:
    """Attributes and items that two forward passes set before one backward pass, which needs those of the first."""
    for step in course.steps:
        if not any(_replaced(course, step.first, step.last)):
            continue
        for known in _possible(course, step):
            wrong = {v.parameter for v in known.all() if not v.is_right and not v.proves_nothing}
            right = {v.parameter for v in known.all() if v.is_right}
            reads = list(_reads(course, known, wrong)) if len(wrong) > 1 else []
            try:
                mended = explained(known, reads, wrong, right) if reads else ()
            except ReplayError:
                continue
            # No loss is known for certain while its gradients are wrong; setting all of several right speaks for it.
            if len(mended) == len(wrong) > 1:
                finding = _finding(course, known, reads, mended)
                return [finding] if finding is not None else []
    return []


def _key(binding: Binding) -> tuple[int, object] | None:
    return (binding.owner, binding.key) if binding.owner is not None and binding.key is not None else None


def _replaced(course: Course, first: int, last: int) -> Iterator[Binding]:
    """What is kept in a place in which something else of the same shape was kept by the same statement before."""
    held: dict[tuple[int, object], Binding] = {}
    for binding in course.tape.bindings:
        key = _key(binding)
        if key is None or not first <= binding.time <= last + 1:
            continue
        before = held.get(key)
        held[key] = binding
        if before is not None and before.site == binding.site and _is_another(course, before.value, binding.value):
            yield binding


def _is_another(course: Course, one: int, other: int) -> bool:
    first, second = course.tape.values[one], course.tape.values[other]
    return one != other and first.shape == second.shape and first.size > 1 and first.identity != second.identity


def _possible(course: Course, step: Step) -> Iterator[Verdicts]:
    """The gradients of a step held against the losses of one forward pass each: of those of two, the first's."""
    tried: list[set[int]] = []
    for known in course.possible(step):
        seeds = known.matching.adjoints.seeds
        ways = [{value: seeds[value]} for value in sorted(seeds)] if len(seeds) > 1 else [seeds]
        for value in seeds if len(seeds) == 1 else ():
            made = course.producer(value)
            again = course.tape.made_at(made.site) if made is not None and made.site is not None else ()
            same = (o.result for o in again if step.first <= o.number < made.number) if made is not None else ()
            shape = course.tape.values[value].shape
            ways += [{v: seeds[value]} for v in same if course.tape.values[v].shape == shape == ()]
        for way in ways[:_MOST_PASSES]:
            if set(way) not in tried:
                tried.append(set(way))
                active = list(step.olds)
                found = adjoints(course.replay, way, active, check=(), held=step.held)
                yield Verdicts(Matching(found), step)


def _reads(course: Course, known: Verdicts, wrong: set[int]) -> Iterator[_Read]:
    """The reads of the backward pass that find what a later pass has kept, with what was there before."""
    closure = known.matching.adjoints.closure
    made = [o for value in closure if (o := course.producer(value)) is not None]
    forward = closure | {number for operation in made for number in operation.inputs}
    kept: dict[tuple[int, object], list[Binding]] = {}
    places: dict[int, list[tuple[int, object]]] = {}
    for binding in course.tape.bindings:
        key = _key(binding)
        if key is not None and binding.time <= known.step.last + 1:
            kept.setdefault(key, []).append(binding)
            places.setdefault(binding.value, []).append(key)
    found: list[tuple[int, _Read]] = []
    reading = list(readers(known, wrong))
    served = {(operation.site, value) for operation in reading for value in operation.inputs}
    for operation in reading:
        for read in operation.inputs:
            for key in places.get(read, []) if read not in forward else ():
                held = [b for b in kept[key] if b.time <= operation.number]
                if not held or held[-1].value != read:
                    continue
                earlier = [b for b in held[:-1] if b.site == held[-1].site and b.value in forward]
                # Where each pass goes backwards before the next one, what it kept has been read already.
                if not earlier or (operation.site, earlier[-1].value) in served:
                    continue
                if _is_another(course, earlier[-1].value, read):
                    found.append((held[-1].time, (operation.number, read, earlier[-1].value)))
                    break
    # The later pass itself reads its own, as it should.
    over = max((time for time, _ in found), default=0)
    yield from (one for _, one in found if one[0] >= over)


# -- where the later pass runs --------------------------------------------------------------------------------------


def _finding(course: Course, known: Verdicts, reads: list[_Read], mended: tuple[int, ...]) -> Finding | None:
    names = {old: p.name for p, old, _, _ in known.step.parameters}
    reader = course.site(course.tape.operations[reads[0][0]].site)
    later = _later_pass(course, known, reads)
    if reader is None or later is None:
        return None
    spoiled = list(dict.fromkeys(names[p] for p in mended if p in names))
    return Finding(
        code="SC404",
        severity="error",
        title=LATER_PASS,
        message=f"`{shown(later.text)}` runs the network forwards once more before the backward pass, and each layer "
        f"keeps only its last input; with those of the pass before, the gradients of {quoted(spoiled)} are right",
        location=span_of(later),
        cause=span_of(later),
        parameters=tuple(spoiled),
        trail=(TrailStep(span_of(reader), "the backward pass reads what the later pass has left"),),
    )


def _later_pass(course: Course, known: Verdicts, reads: list[_Read]) -> Site | None:
    """The outermost statement that is made from the later pass alone; the backward pass is made from the first, too."""
    tape, replay = course.tape, known.replay
    kept = {read for _, read, _ in reads}
    reader = min(number for number, _, _ in reads)
    over = max((b.time for b in tape.bindings if b.value in kept and b.time <= reader), default=0)
    first = replay.dependents(known.forward & set(known.matching.adjoints.of), reader + 1)
    until = next((o.number for o in tape.operations[over:reader] if o.result in first), reader)
    outcome = replay.dependents(kept, until) - first
    times = [(b.time, b.site) for b in tape.bindings if b.value in outcome and b.time <= until]
    times += [(o.number, o.site) for o in tape.operations[:until] if o.result in outcome and o.site is not None]
    sites = [site for _, number in sorted(times) if (site := course.site(number)) is not None]
    return sites[-1] if sites else None


__all__ = ["LATER_PASS", "later_passes"]
