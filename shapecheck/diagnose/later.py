"""A backward pass that reads a later version of an array than the forward pass used: proven by reading the earlier."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from shapecheck.diagnose.course import Course, quoted, shown
from shapecheck.diagnose.finding import Finding, TrailStep
from shapecheck.diagnose.trail import span_of
from shapecheck.diagnose.verdicts import Verdicts
from shapecheck.gradients.replay import ReplayError
from shapecheck.gradients.steps import Step
from shapecheck.network.dependence import ancestors
from shapecheck.trace.tape import Operation

_STORES = frozenset(["+=", "-=", "setitem", "write_back", "numpy.add.at"])
# So many expressions that read arrays which have changed meanwhile are tried.
_MOST_SITES = 8
# Relative: what rounding alone comes to, and how much nearer to its adjoint a gradient comes that was nearly right.
_NOISE, _FAR_NEARER = 1e-8, 1e-3
OVERWRITTEN = "this array was overwritten before the backward pass reads it"


@dataclass(frozen=True, slots=True)
class LaterVersion:
    """Reads of an array after it was changed that set gradients right when they read it as it was.

    Attributes:
        reads: (operation, the version that it read, the version that it should have read).
        explains: The parameters' values whose gradients become right.
        parameter: Whether the arrays are parameters that were updated; else they were overwritten.
    """

    reads: tuple[tuple[int, int, int], ...]
    explains: tuple[int, ...]
    parameter: bool


_NOTHING = LaterVersion((), (), False)


def later_versions(course: Course) -> list[Finding]:
    """Weights that are updated, and arrays that are overwritten, before the backward pass has read them."""
    for step in course.steps:
        if not _reads_later_versions(course, step):
            continue
        certain = course.verdicts(step)
        for known in [certain] if certain is not None else course.possible(step):
            verdicts = known.all()
            wrong = {v.parameter for v in verdicts if not v.is_right and not v.proves_nothing}
            right = {v.parameter for v in verdicts if v.is_right}
            if not wrong:
                continue
            found = _updated(known, wrong, right) or _overwritten(course, known, wrong, right)
            # Where nothing else speaks for the loss, setting all of several gradients right does.
            if found is not None and (certain is not None or 1 < len(wrong) == len(found.explains)):
                return _finding(course, known, found)
    return []


def _reads_later_versions(course: Course, step: Step) -> bool:
    """Whether anything that a step's changes are made from was read before and after an update, or a store into it."""
    needed = course.replay.ancestors([change for _, _, change, _ in step.parameters])
    renewed = {p.updates[step.number].new for p, _, _, _ in step.parameters}
    seen: dict[int, int] = {}
    for operation in course.tape.operations[: step.last + 1]:
        if operation.result not in needed:
            continue
        for read in operation.inputs:
            if read in renewed and operation.result not in renewed:
                return True
            value, made = course.tape.values[read], course.tape.values[operation.result]
            if value.size < 2 or value.identity == made.identity or not value.dtype.startswith("float"):
                continue
            if value.version > 0 and (seen.get(value.identity, read) != read or not _is_stored_into(course, read)):
                return True
            seen[value.identity] = read
    return False


def _is_stored_into(course: Course, value: int) -> bool:
    """Whether an array was changed by adding or storing, as sums and buffers are, and not by a function's `out=`."""
    producer = course.producer(value)
    return producer is None or producer.function in _STORES


# -- another reading of the tape ------------------------------------------------------------------------------------


class _Instead:
    """The values of a replay, some of them read as others."""

    def __init__(self, get: Callable[[int], Any], instead: Mapping[int, int]) -> None:
        self._get = get
        self._instead = instead

    def __getitem__(self, number: int) -> Any:
        return self._get(self._instead.get(number, number))


def _rule(step: Callable[[Any], Any], instead: Mapping[int, int]) -> Callable[[Callable[[int], Any]], Any]:
    return lambda get: step(_Instead(get, instead))


def explained(
    known: Verdicts, reads: Iterable[tuple[int, int, int]], wrong: set[int], right: set[int]
) -> tuple[int, ...]:
    """The wrong gradients that become right with other reads; none where one that is right would not stay so."""
    reads = list(reads)
    arrays = evaluated(known, reads)
    if arrays is None:
        return ()
    repaired = []
    for parameter in _touched(known, reads):
        factor = next((f for q in known.probes[parameter] if (f := known.factor(parameter, arrays[q])[0])), None)
        if factor is None and parameter in right:
            return ()
        if factor is not None and parameter in wrong:
            repaired.append(parameter)
    return tuple(repaired)


def _touched(known: Verdicts, reads: Iterable[tuple[int, int, int]]) -> list[int]:
    """The parameters whose gradients depend on what some operations read."""
    operations = known.replay.tape.operations
    return sorted({p for number, *_ in reads for p in known.reached(operations[number].result)})


def evaluated(known: Verdicts, reads: Iterable[tuple[int, int, int]]) -> dict[int, Any] | None:
    """What the gradients are made from, with other reads; None where that cannot be told."""
    reads, replay = list(reads), known.replay
    instead: dict[int, dict[int, int]] = {}
    for operation, read, earlier in reads:
        instead.setdefault(operation, {})[read] = earlier
    rules = {}
    for number, exchange in instead.items():
        step = replay.step(replay.tape.operations[number])
        if step is None:
            return None
        rules[number] = _rule(step, exchange)
    probes = [probe for p in _touched(known, reads) for probe in known.probes[p]]
    try:
        return replay.evaluate({}, probes, rules)
    except (ReplayError, ValueError):
        return None


def readers(known: Verdicts, wrong: set[int]) -> list[Operation]:
    """The operations of the backward pass that the wrong gradients were computed by."""
    made = (known.producer(v) for v in known.chain(wrong))
    return [o for o in made if o is not None]


# -- parameters -----------------------------------------------------------------------------------------------------


def _updated(known: Verdicts, wrong: set[int], right: set[int]) -> LaterVersion | None:
    reads = _reads_of_renewed(known, wrong)
    if not reads:
        return None
    explains = explained(known, reads, wrong, right)
    return LaterVersion(tuple(reads), explains, True) if explains else None


def _reads_of_renewed(known: Verdicts, parameters: set[int]) -> list[tuple[int, int, int]]:
    """What the steps of some parameters read of others that were updated already: as in `LaterVersion.reads`."""
    number = known.step.number
    renewed = {p.updates[number].new: p.updates[number].old for p, _, _, _ in known.step.parameters}
    return [
        (operation.number, read, renewed[read])
        for operation in readers(known, parameters)
        for read in operation.inputs
        if read in renewed and operation.result not in renewed
    ]


def hardly_updated(course: Course) -> list[Finding]:
    """Weights that are updated before the backward pass has read them, by steps so small that it hardly shows.

    The gradients are then right to four or five digits, and to all that a float has with the weights as they were.
    """
    for step in course.steps:
        known = course.verdicts(step)
        if known is None or not (reads := _reads_of_renewed(known, set(step.olds))):
            continue
        arrays = evaluated(known, reads)
        if arrays is None:
            continue
        recorded = known.replay.recorded
        before = {p: _apart(known, p, recorded) for p in step.olds if any(q in arrays for q in known.probes[p])}
        after = {p: _apart(known, p, arrays) for p in before}
        nearer = [p for p in before if before[p] > _NOISE and after[p] < _FAR_NEARER * before[p]]
        if nearer and all(after[p] <= max(before[p], _NOISE) for p in before):
            return _finding(course, known, LaterVersion(tuple(reads), tuple(nearer), True))
    return []


def _apart(known: Verdicts, parameter: int, arrays: Any) -> float:
    """How far what a step is made from is from a multiple of the parameter's adjoint, relative to its size."""
    adjoint = np.asarray(known.matching.adjoints[parameter], dtype=float).reshape(-1)
    found = [1.0]
    for probe in known.probes[parameter]:
        array = np.asarray(arrays[probe], dtype=float).reshape(-1)
        if array.shape == adjoint.shape and np.any(array) and np.any(adjoint):
            rest = array - float(array @ adjoint) / float(adjoint @ adjoint) * adjoint
            found.append(float(np.linalg.norm(rest) / np.linalg.norm(array)))
    return min(found)


# -- other arrays ---------------------------------------------------------------------------------------------------


def _overwritten(course: Course, known: Verdicts, wrong: set[int], right: set[int]) -> LaterVersion | None:
    versions = _versions(course, known)
    by_site: dict[int, list[tuple[int, int]]] = {}
    by_line: dict[tuple[str, int, int], list[tuple[int, int]]] = {}
    for operation in readers(known, wrong):
        site = course.tape.sites[operation.site] if operation.site is not None else None
        for read in operation.inputs:
            if read in versions and site is not None and len(versions[read]) > 1:
                by_site.setdefault(site.number, []).append((operation.number, read))
                line = site.path, site.line, course.tape.values[read].identity
                by_line.setdefault(line, []).append((operation.number, read))
    # What a line reads twice, as `1 - h[t] * h[t]` does, is right only if both are.
    twice = (reads for reads in by_line.values() if reads not in by_site.values())
    options = [list(_earlier(reads, versions)) for reads in (*by_site.values(), *twice)][:_MOST_SITES]
    best: LaterVersion | None = None
    # One expression after another: with one of them right, another may set more gradients right.
    while options:
        step: tuple[int, LaterVersion] | None = None
        for place, ways in enumerate(options):
            for way in ways:
                reads = (*(best.reads if best is not None else ()), *way)
                explains = explained(known, reads, wrong, right)
                if len(explains) > len((step[1] if step is not None else best or _NOTHING).explains):
                    step = place, LaterVersion(reads, explains, False)
        if step is None:
            break
        options.pop(step[0])
        best = step[1]
    return best


def _versions(course: Course, known: Verdicts) -> dict[int, list[int]]:
    """Value -> all versions of its array up to it, for arrays that are changed in place within the step."""
    by_identity: dict[int, list[int]] = {}
    for value in course.tape.values:
        made = value.producer if value.producer is not None else -1
        if value.size > 1 and value.dtype.startswith("float") and made <= known.step.last:
            versions = by_identity.setdefault(value.identity, [])
            if value.version == 0:
                versions.clear()
            versions.append(value.number)
    # Only what the forward pass has used can have been overwritten for the backward pass.
    # What the parameters themselves were made from in the steps before, an optimizer's memory, is no part of it.
    forward = ancestors(course.tape, known.matching.adjoints.seeds, until=frozenset(known.step.olds))
    found: dict[int, list[int]] = {}
    for versions in by_identity.values():
        if len(versions) > 1 and course.versions.isdisjoint(versions):
            found.update({v: [w for w in versions[:i] if w in forward] + [v] for i, v in enumerate(versions)})
    return found


def _earlier(reads: list[tuple[int, int]], versions: dict[int, list[int]]) -> Iterator[list[tuple[int, int, int]]]:
    """Ways in which the reads of one expression may have been meant: of another version each."""
    longest = max(len(versions[read]) for _, read in reads)
    for back in range(1, min(longest, 8)):
        yield [(o, read, versions[read][-1 - back]) for o, read in reads if len(versions[read]) > back]
    yield [(o, read, versions[read][0]) for o, read in reads]
    if len({read for _, read in reads}) < len(reads):
        # One array stands for a whole series: the backward pass reads it from the last state to the first.
        for skipped in (0, 1, 2):
            for every in (1, 2):
                series = []
                for position, (o, read) in enumerate(reads):
                    place = len(versions[read]) - 1 - skipped - every * position
                    if place >= 0:
                        series.append((o, read, versions[read][place]))
                if len(series) > 1:
                    yield series


# -- findings -------------------------------------------------------------------------------------------------------


def _finding(course: Course, known: Verdicts, found: LaterVersion) -> list[Finding]:
    tape = course.tape
    reader = course.site(tape.operations[found.reads[0][0]].site)
    changes = _changes(course, found)
    change = course.site(tape.operations[changes[0]].site) if changes else None
    names = {old: p.name for p, old, _, _ in known.step.parameters}
    spoiled = [names[p] for p in found.explains if p in names]
    layer = max((course.layer(p) or 0 for p in found.explains), default=0) or None
    if reader is None and change is None:
        return []
    place = reader or change
    assert place is not None
    trail = (TrailStep(span_of(change), "changed here"),) if change is not None and change is not place else ()
    if found.parameter:
        updated = [names[old] for _, _, old in found.reads if old in names]
        title = (
            f"{quoted(updated)} {'is' if len(set(updated)) == 1 else 'are'} updated before the backward pass uses it"
        )
        message = (
            f"`{shown(place.text)}` needs the values that the forward pass used; with those, the gradients of "
            f"{quoted(spoiled)} are right: compute all gradients first, then update"
        )
        return [
            Finding(
                "SC401",
                "error",
                title,
                message,
                span_of(place),
                span_of(change or place),
                layer,
                tuple(spoiled),
                (),
                trail,
            )
        ]
    message = (
        f"`{shown(place.text)}` needs what the array held in the forward pass; with that, the gradients of "
        f"{quoted(spoiled)} are right: keep a copy, or write the result into an array of its own"
    )
    cause = change or place
    where = span_of(place), span_of(cause)
    return [Finding("SC404", "error", OVERWRITTEN, message, *where, layer, tuple(spoiled), (), trail)]


def _changes(course: Course, found: LaterVersion) -> list[int]:
    """The operations that made the later versions, the most frequent site first."""
    counts: dict[int | None, list[int]] = {}
    for _, read, earlier in found.reads:
        made = course.tape.values[read].producer
        if not found.parameter:
            made = _first_change(course, read, earlier)
        if made is not None:
            counts.setdefault(course.tape.operations[made].site, []).append(made)
    ordered = sorted((numbers for site, numbers in counts.items() if site is not None), key=lambda n: -len(n))
    return [numbers[0] for numbers in ordered]


def _first_change(course: Course, read: int, earlier: int) -> int | None:
    """The first operation that changed the version that is wanted."""
    identity = course.tape.values[read].identity
    for value in course.tape.values[earlier + 1 :]:
        if value.identity == identity:
            return value.producer
    return None


__all__ = ["OVERWRITTEN", "LaterVersion", "explained", "hardly_updated", "later_versions", "readers"]
