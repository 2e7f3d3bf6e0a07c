"""The trail of a value: the sites it went through, from where it was born to where it surfaced."""

from __future__ import annotations

import ast
from collections import deque
from collections.abc import Mapping, Sequence

from shapecheck.diagnose.finding import Shape, Span, TrailStep
from shapecheck.network.broadcasts import ELEMENTWISE, outer_broadcasts
from shapecheck.trace.sites import Site, SourceText
from shapecheck.trace.tape import Operation, Ref, Tape

# What is said of other steps that a finding is about.
ALSO = "this step too"


def span_of(site: Site) -> Span:
    """A site as a span."""
    return Span(site.path, site.line, site.column, site.end_line, site.end_column, site.text)


def node_span(source: SourceText, node: ast.AST) -> Span:
    """A node of a syntax tree as a span."""
    return Span(source.path, *source.place(node), source.of(node))


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


def outside_of(tape: Tape, made: Operation, value: int) -> Site | None:
    """Where what a function made is first named, or handed back, outside of that function.

    Args:
        tape: The tape.
        made: The operation of the function.
        value: What it made, as it is or as the function handed it on.

    Returns:
        The call that a target is given (`delta = slope(z)`), or the target where it is given none.
    """
    if made.site is None:
        return None
    home = tape.sites[made.site]
    named = [(b.time, b.site) for b in tape.bindings if b.value == value]
    named += [(time, site) for time, site, values in tape.returns if value in values]
    outside = [n for time, n in sorted(named) if made.number < time and not in_one_function(tape.sites[n], home)]
    return _called(tape, tape.sites[outside[0]]) if outside else None


def in_one_function(one: Site, other: Site) -> bool:
    """Whether two places are in the same function, or both at the top level of one file."""
    return (one.path, one.function) == (other.path, other.function)


def _called(tape: Tape, named: Site) -> Site:
    """The call whose result a target is given: `delta = slope(z)`; the target where it is none."""
    line = [s for s in tape.sites.sites if (s.path, s.line) == (named.path, named.line)]
    calls = [s for s in line if isinstance(s.node, ast.Call) and s.column >= named.end_column]
    return min(calls, key=lambda s: (s.column, -s.end_line, -s.end_column), default=named)


def _note(tape: Tape, operation: Operation, site: Site, silent: bool) -> str:
    shape = tape.values[operation.result].shape
    refs = [a.value for a in operation.arguments[:2] if isinstance(a, Ref)]
    if len(refs) == 2 and operation.function in ELEMENTWISE:
        left, right = (tape.values[number].shape for number in refs)
        note = broadcast_note(_operand_texts(site), left, right, shape, silent=silent)
        if note:
            return note
    return shape_note(site.bound_to, shape)


def broadcast_note(texts: Sequence[str], left: Shape, right: Shape, result: Shape, *, silent: bool = False) -> str:
    """Say that one operand was spread over the other; empty where none was.

    Args:
        texts: The operands' source, left out where it is long.
        left: The first operand's shape.
        right: The second one's.
        result: That of what came out.
        silent: Whether it is said that it happened unseen, also where both operands grew.
    """
    if not silent and not (len(left) == len(right) > 0 and left != right and result in {left, right}):
        return ""
    short = [" ".join(text.split()) for text in texts]
    named = [f"`{text}` " for text in short] if len(short) == 2 and all(len(t) <= 24 for t in short) else ["", ""]
    how = " without a word" if silent else ""
    return f"{named[0]}{_written(left)} against {named[1]}{_written(right)} is broadcast to {_written(result)}{how}"


def shape_note(name: str | None, shape: Shape) -> str:
    """Say which shape a place gave, and what it was called."""
    return f"`{name}` is {_written(shape)}" if name else f"this is {_written(shape)}"


def _operand_texts(site: Site) -> list[str]:
    return [ast.unparse(slot.node) for slot in site.slots if slot.role in {"left", "right"}]


def _written(shape: Shape) -> str:
    return "(" + ", ".join(map(str, shape)) + ("," if len(shape) == 1 else "") + ")"
