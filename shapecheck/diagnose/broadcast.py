"""Silent broadcasts: an output against a target of another rank, a parameter that grew, an accuracy over all pairs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from shapecheck.diagnose.crash import show
from shapecheck.diagnose.finding import Finding, Operand, Span
from shapecheck.diagnose.missing import Missing
from shapecheck.diagnose.targets import Target
from shapecheck.network.broadcasts import OuterBroadcast, outer_broadcasts
from shapecheck.network.dependence import Dependence
from shapecheck.network.layers import Layers
from shapecheck.network.parameters import Parameter, find_parameters
from shapecheck.trace.child import Trace
from shapecheck.trace.failure import Failure, FrameShot, Seen
from shapecheck.trace.sites import Site
from shapecheck.trace.tape import Ref, Shape, Tape, Value

_COMPARISONS = frozenset({"==", "!=", "<", ">", "<=", ">=", "numpy.equal", "numpy.not_equal"})


@dataclass(frozen=True)
class SilentMistake:
    """A finding of something that did not stop the program, and the place as if it had.

    Attributes:
        targets: What expressions should have given, where the adjoints tell.
        kept: Numbers of the values that no edit may change which mends this: what the loss of the first step is, or is
            made from.
        missing: The statement that is not there, if that is what is wrong.
        bound: Whether only an edit that reaches a target can be right: after others too some loss is followed.
        reason: What is wrong with the place, as a suspect's is: `exchanged`, `last`.
    """

    finding: Finding
    failure: Failure
    targets: tuple[Target, ...] = ()
    kept: tuple[int, ...] = ()
    missing: Missing | None = None
    bound: bool = False
    reason: str = ""


def silent_mistakes(trace: Trace, layers: Layers) -> list[SilentMistake]:
    """What was broadcast without being meant to be, the earliest first; one for each expression."""
    found: dict[tuple[str, int, int], SilentMistake] = {}
    for tape in (trace.head, trace.tail):
        if tape is None:
            continue
        parameters = find_parameters(tape)
        for mistake in (*_broadcasts(trace, tape, parameters, layers), *_grown(trace, tape, parameters, layers)):
            place = mistake.finding.location
            found.setdefault((place.path, place.line, place.column), mistake)
    return list(found.values())


def _broadcasts(trace: Trace, tape: Tape, parameters: list[Parameter], layers: Layers) -> Iterator[SilentMistake]:
    candidates = [b for b in outer_broadcasts(tape) if not b.deliberate]
    if tape is not trace.head:
        # The end of a run may begin in the middle of a step: what was there before it then is nobody's result. The
        # beginning has told of the same expressions what their operands are.
        judged = {trace.head.operations[b.operation].site for b in outer_broadcasts(trace.head)}
        candidates = [b for b in candidates if tape.operations[b.operation].site not in judged]
    if not candidates:
        return
    learned = _Learned(tape, parameters, trace.head)
    for broadcast in candidates:
        operation = tape.operations[broadcast.operation]
        left, right = (a.value for a in operation.arguments[:2] if isinstance(a, Ref))
        if not _alike(broadcast.left, broadcast.right) or learned.of(left) == learned.of(right):
            continue
        site = tape.sites[operation.site] if operation.site is not None else None
        if site is None or site.path not in trace.sources:
            continue
        yield _broadcast_finding(trace, tape, site, broadcast, (left, right), layers)


def _alike(left: Shape, right: Shape) -> bool:
    """Whether two shapes list the same things along different axes: (n,) and (n, 1), or (1, n) and (n, 1)."""
    longest = [max(shape, default=1) for shape in (left, right)]
    entries = [_entries(shape) for shape in (left, right)]
    return longest[0] == longest[1] == entries[0] == entries[1] > 1


def _entries(shape: Shape) -> int:
    size = 1
    for length in shape:
        size *= length
    return size


class _Learned:
    """Which values of a tape depend on the parameters."""

    def __init__(self, tape: Tape, parameters: list[Parameter], head: Tape) -> None:
        self.dependence = Dependence(tape)
        versions = {u.old for p in parameters for u in p.updates} | {
            u.new for u in (u for p in parameters for u in p.updates)
        }
        identities: set[int] = set()
        if tape is not head:
            identities = {head.values[u.new].identity for p in find_parameters(head) for u in p.updates}
        self.mask = 0
        for value in tape.values:
            if value.producer is None and (value.number in versions or value.identity in identities):
                self.mask |= self.dependence.cut(value.number)
        for operation in tape.operations:
            self.dependence.advance(operation)
            if operation.result in versions or tape.values[operation.result].identity in identities:
                self.mask |= self.dependence.cut(operation.result)

    def of(self, value: int) -> bool:
        """Whether a value depends on a parameter."""
        return self.dependence.depends(value, self.mask)


def _broadcast_finding(
    trace: Trace, tape: Tape, site: Site, broadcast: OuterBroadcast, values: tuple[int, int], layers: Layers
) -> SilentMistake:
    compares = tape.operations[broadcast.operation].function in _COMPARISONS
    span = Span(site.path, site.line, site.column, site.end_line, site.end_column, site.text)
    operands = _operands(trace, site, (broadcast.left, broadcast.right))
    shown = " and ".join(f"`{o.source}` {show(o.shape)}" for o in operands)
    what = "comparison" if compares else "difference" if site.operator == "-" else "result"
    layer = None
    if tape is layers.tape:
        layer = max((layers.depth[v] for v in values), default=0) or None
    finding = Finding(
        code="SC203" if compares else "SC201",
        severity="warning" if compares else "error",
        title=f"this {what} is silently broadcast to {show(broadcast.result)}",
        message=f"{shown} hold one number for each sample, along different axes: every one meets every other, and the "
        f"result is {show(broadcast.result)}",
        location=span,
        cause=span,
        layer=layer,
        operands=operands,
    )
    return SilentMistake(finding, pseudo_failure(trace, tape, site, values))


def _operands(trace: Trace, site: Site, shapes: tuple[Shape, ...]) -> tuple[Operand, ...]:
    source = trace.sources[site.path]
    roles = {"left", "right", "0", "1", "receiver", "target", "value"}
    nodes = [slot.node for slot in site.slots if slot.role in roles and hasattr(slot.node, "lineno")]
    found = []
    for node, shape in zip(nodes[-len(shapes) :], shapes, strict=False):
        place = source.place(node)
        text = source.of(node)
        found.append(Operand(" ".join(text.split()), shape, None, Span(site.path, *place, text)))
    return tuple(found)


def _grown(trace: Trace, tape: Tape, parameters: list[Parameter], layers: Layers) -> Iterator[SilentMistake]:
    for parameter in parameters:
        update = parameter.grew(tape)
        if update is None:
            continue
        operation = tape.operations[update.operation]
        site = tape.sites[operation.site] if operation.site is not None else None
        before, after = tape.values[update.old].shape, tape.values[update.new].shape
        if site is None or site.path not in trace.sources or before == ():
            continue
        span = Span(site.path, site.line, site.column, site.end_line, site.end_column, site.text)
        change = tape.values[update.change].shape
        layer = layers.layer_of.get(layers.root[update.old]) if tape is layers.tape else None
        finding = Finding(
            code="SC202",
            severity="error",
            title=f"`{parameter.name}` grows from {show(before)} to {show(after)} at its update",
            message=f"the update is {show(change)}, the parameter {show(before)}: it is broadcast, and the parameter "
            "takes the larger shape",
            location=span,
            cause=span,
            layer=layer,
            parameters=(parameter.name,),
            operands=_operands(trace, site, (before, change)),
        )
        yield SilentMistake(finding, pseudo_failure(trace, tape, site, (update.old, update.change)))


def pseudo_failure(trace: Trace, tape: Tape, site: Site, values: tuple[int, ...]) -> Failure:
    """The place of a silent mistake in the form of an exception's, so that one search serves both."""
    roles = [slot.role for slot in site.slots]
    operands = [(role, seen_of(tape.values[value])) for role, value in zip(roles, values, strict=False)]
    names = dict(trace.scopes.get((site.path, "<module>"), {}))
    frames = [FrameShot(site.path, "<module>", (site.line, site.column, site.end_line, site.end_column), names)]
    if site.function != "<module>":
        own = {**names, **trace.scopes.get((site.path, site.function), {})}
        frames = [replace(frames[0], function=site.function, names=own)]
    return Failure("", "", frames, site.number, operands)


def seen_of(value: Value) -> Seen:
    """A value of the tape as the search for repairs sees an operand."""
    return Seen("ndarray", value.shape, value.dtype, value.identity)
