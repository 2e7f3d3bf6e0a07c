"""The trail of a value: the sites it went through, from where it was born to where it surfaced."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence

from shapecheck.diagnose.finding import Span, TrailStep
from shapecheck.network.broadcasts import outer_broadcasts
from shapecheck.trace.sites import Site, SourceText
from shapecheck.trace.tape import Operation, Ref, Tape


def span_of(source: SourceText, site: Site) -> Span:
    """A site as a span."""
    return Span(site.path, site.line, site.column, site.end_line, site.end_column, site.text)


def path_between(tape: Tape, values: Sequence[int], path: str, line: int) -> list[Operation]:
    """The shortest chain of operations from one made at a source line to any of some values, the first made first."""
    queue = deque(values)
    came_from: dict[int, int | None] = dict.fromkeys(values)
    while queue and len(came_from) < 5000:
        number = queue.popleft()
        producer = tape.values[number].producer
        if producer is None:
            continue
        operation = tape.operations[producer]
        site = tape.sites[operation.site] if operation.site is not None else None
        if site is not None and site.path == path and site.line <= line <= site.end_line:
            chain = []
            current: int | None = number
            while current is not None:
                made = tape.values[current].producer
                if made is not None:
                    chain.append(tape.operations[made])
                current = came_from[current]
            return chain
        for source in operation.inputs:
            if source not in came_from:
                came_from[source] = number
                queue.append(source)
    return []


def steps(
    tape: Tape, sources: Mapping[str, SourceText], chain: Sequence[Operation], *, skip: tuple[str, int], most: int = 4
) -> tuple[TrailStep, ...]:
    """One step for each line of a chain, with the shape that the line gave; the failing line itself is left out."""
    silent = {b.operation: b for b in outer_broadcasts(tape, each_site_once=False) if not b.deliberate}
    by_line: dict[tuple[str, int], tuple[Operation, Site]] = {}
    for operation in chain:
        if operation.site is None:
            continue
        site = tape.sites[operation.site]
        place = (site.path, site.line)
        if place != skip and (place not in by_line or by_line[place][0].number not in silent):
            by_line[place] = (operation, site)
    found = []
    for operation, site in by_line.values():
        if site.path not in sources:
            continue
        found.append(TrailStep(span_of(sources[site.path], site), _note(tape, operation, site, operation.number in silent)))
    if len(found) > most:
        important = [s for s in found if "broadcast" in s.note]
        found = [found[0], *[s for s in important if s is not found[0]], *found[-(most - 1) :]]
        found = list(dict.fromkeys(found))
    return tuple(found)


def _note(tape: Tape, operation: Operation, site: Site, silent: bool) -> str:
    shape = tape.values[operation.result].shape
    written = "(" + ", ".join(map(str, shape)) + ("," if len(shape) == 1 else "") + ")"
    name = site.bound_to
    if silent:
        left, right = (tape.values[a.value].shape for a in operation.arguments[:2] if isinstance(a, Ref))
        return f"{_written(left)} against {_written(right)} is broadcast to {written} without a word"
    return f"`{name}` is {written}" if name else f"this is {written}"


def _written(shape: tuple[int, ...]) -> str:
    return "(" + ", ".join(map(str, shape)) + ("," if len(shape) == 1 else "") + ")"
