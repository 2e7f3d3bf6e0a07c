"""The trail of a value: the sites it went through, from where it was born to where it surfaced."""

from __future__ import annotations

import ast
from collections import deque
from collections.abc import Mapping, Sequence

from shapecheck.diagnose.finding import Span, TrailStep
from shapecheck.network.broadcasts import ELEMENTWISE, outer_broadcasts
from shapecheck.trace.sites import Site, SourceText
from shapecheck.trace.tape import Operation, Ref, Tape


def span_of(site: Site) -> Span:
    """A site as a span."""
    return Span(site.path, site.line, site.column, site.end_line, site.end_column, site.text)


def path_between(tape: Tape, values: Sequence[int], path: str, line: int) -> list[Operation]:
    """The shortest chain of operations from one made at a source line to any of some values, the first made first."""
    queue = deque(values)
    came_from: dict[int, int | None] = dict.fromkeys(values)
    passed = _passed_on(tape, path, line)
    while queue and len(came_from) < 5000:
        number = queue.popleft()
        producer = tape.values[number].producer
        operation = tape.operations[producer] if producer is not None else None
        site = tape.sites[operation.site] if operation is not None and operation.site is not None else None
        made_here = site is not None and site.path == path and site.line <= line <= site.end_line
        if made_here or number in passed:
            chain = []
            current: int | None = number if made_here else came_from[number]
            while current is not None:
                made = tape.values[current].producer
                if made is not None:
                    chain.append(tape.operations[made])
                current = came_from[current]
            return chain
        for source in operation.inputs if operation is not None else ():
            if source not in came_from:
                came_from[source] = number
                queue.append(source)
    return []


def _passed_on(tape: Tape, path: str, line: int) -> set[int]:
    """The values that a line named or handed back without making them."""
    found: set[int] = set()
    for binding in tape.bindings:
        site = tape.sites[binding.site]
        if site.path == path and site.line == line:
            found.add(binding.value)
    for _, number, values in tape.returns:
        site = tape.sites[number]
        if site.path == path and site.line <= line <= site.end_line:
            found.update(values)
    return found


def steps(
    tape: Tape, sources: Mapping[str, SourceText], chain: Sequence[Operation], *, skip: tuple[str, int], most: int = 4
) -> tuple[TrailStep, ...]:
    """One step for each line of a chain, with the shape that the line gave; the failing line itself is left out."""
    silent = {b.operation for b in outer_broadcasts(tape, each_site_once=False) if not b.deliberate}
    by_line: dict[tuple[str, int], TrailStep] = {}
    for operation in chain:
        if operation.site is None:
            continue
        site = tape.sites[operation.site]
        place = (site.path, site.line)
        if place == skip or site.path not in sources:
            continue
        step = TrailStep(span_of(site), _note(tape, operation, site, operation.number in silent))
        if place not in by_line or "broadcast" not in by_line[place].note:
            by_line[place] = step
    found = list(by_line.values())
    if len(found) > most:
        important = [s for s in found if "broadcast" in s.note]
        found = [found[0], *[s for s in important if s is not found[0]], *found[-(most - 1) :]]
        found = list(dict.fromkeys(found))
    return tuple(found)


def _note(tape: Tape, operation: Operation, site: Site, silent: bool) -> str:
    shape = tape.values[operation.result].shape
    written = "(" + ", ".join(map(str, shape)) + ("," if len(shape) == 1 else "") + ")"
    name = site.bound_to
    refs = [a.value for a in operation.arguments[:2] if isinstance(a, Ref)]
    if len(refs) == 2 and operation.function in ELEMENTWISE:
        left, right = (tape.values[number].shape for number in refs)
        if silent or (len(left) == len(right) > 0 and left != right and shape in {left, right}):
            texts = [f"`{text}` " for text in _operand_texts(site)] or ["", ""]
            how = " without a word" if silent else ""
            return f"{texts[0]}{_written(left)} against {texts[1]}{_written(right)} is broadcast to {written}{how}"
    return f"`{name}` is {written}" if name else f"this is {written}"


def _operand_texts(site: Site) -> list[str]:
    texts = [" ".join(ast.unparse(slot.node).split()) for slot in site.slots if slot.role in {"left", "right"}]
    return texts if len(texts) == 2 and all(len(text) <= 24 for text in texts) else []


def _written(shape: tuple[int, ...]) -> str:
    return "(" + ", ".join(map(str, shape)) + ("," if len(shape) == 1 else "") + ")"
