"""Edits for what an optimizer keeps: stored where the next step reads it, kept uncorrected, in an array of its own."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from shapecheck.diagnose.finding import Edit, Finding, Span
from shapecheck.diagnose.idle_velocities import IDLE_VELOCITY, WITH_RATE
from shapecheck.diagnose.moments import (
    KEPT_CORRECTED,
    LEFT_UNCORRECTED,
    NEVER_KEPT,
    ONE_ARRAY,
    OTHER_FACTOR,
    RENEWED,
)
from shapecheck.diagnose.overwritten_squares import OVERWRITTEN
from shapecheck.diagnose.squared_means import ROOT_OF_MEAN, SQUARED_MEAN
from shapecheck.diagnose.step_counters import COUNTED_OFTEN
from shapecheck.repair.candidate import Candidate
from shapecheck.repair.desk import Desk
from shapecheck.repair.surroundings import Module
from shapecheck.trace.child import Trace

_PLACES = (ast.Name, ast.Attribute, ast.Subscript)


def kept_moments(trace: Trace, finding: Finding) -> Iterator[Candidate]:
    """Edits for moments that are lost, corrupted or mixed."""
    generate = {
        NEVER_KEPT: _stored,
        RENEWED: _begun_once,
        KEPT_CORRECTED: _apart,
        ONE_ARRAY: _two_arrays,
        COUNTED_OFTEN: _counted_before,
        OVERWRITTEN: _added_up,
    }.get(finding.title)
    path = finding.cause.path
    if path not in trace.sources or not trace.sources[path].text.endswith("\n"):
        return
    desk = Desk(Module.parse(trace.sources[path]), path)
    if finding.title == OTHER_FACTOR:
        yield from _own_factor(desk, finding)
    if finding.title == SQUARED_MEAN:
        yield from _squares_of_gradients(desk, finding)
    if finding.title == ROOT_OF_MEAN:
        yield from _squared_there(desk, finding)
    if finding.title == LEFT_UNCORRECTED:
        yield from _corrected(desk, finding)
    if finding.title == IDLE_VELOCITY:
        yield from _applied(desk, finding)
    if generate is not None:
        spans = (finding.cause, *(t.span for t in finding.trail))
        statements = {s.lineno: s for span in spans if (s := desk.at(span))}
        yield from generate(desk, list(statements.values()))


def _squares_of_gradients(desk: Desk, finding: Finding) -> Iterator[Candidate]:
    """In the place of the mean, what the statement that makes it takes in."""
    square = desk.expression(finding.cause)
    made = desk.at(finding.trail[0].span) if finding.trail else None
    targets = made.targets if isinstance(made, ast.Assign) else [made.target] if isinstance(made, ast.AugAssign) else []
    if square is None or not isinstance(made, ast.Assign | ast.AugAssign):
        return
    mean = {desk.text(t) for t in targets}
    read = [n for n in ast.walk(square) if isinstance(n, _PLACES) and desk.text(n) in mean]
    taken = [n for n in ast.walk(made.value) if isinstance(n, _PLACES) and isinstance(n.ctx, ast.Load)]
    texts = dict.fromkeys(desk.text(n) for n in sorted(taken, key=lambda n: (-n.lineno, -n.col_offset)))
    for number, text in enumerate(t for t in texts if t not in mean):
        edits = [desk.edit(n, text) for n in read]
        if edits:
            yield desk.candidate(f"square `{text}`", "name", 0.4 + 0.05 * number, *edits)


def _squared_there(desk: Desk, finding: Finding) -> Iterator[Candidate]:
    """What the statement takes in besides the moment itself, squared; the last that it names first."""
    made = desk.at(finding.cause)
    if not isinstance(made, ast.Assign | ast.AugAssign):
        return
    kept = {desk.text(t) for t in (made.targets if isinstance(made, ast.Assign) else [made.target])}
    taken = [n for n in ast.walk(made.value) if isinstance(n, _PLACES) and desk.text(n) not in kept]
    taken = [n for n in taken if isinstance(n.ctx, ast.Load) and not isinstance(desk.module.parents.get(n), _PLACES)]
    for number, node in enumerate(sorted(taken, key=lambda n: (-n.lineno, -n.col_offset))):
        text = desk.text(node)
        yield desk.candidate(f"square `{text}`", "square", 0.4 + 0.05 * number, desk.edit(node, f"{text}**2"))


def own_arrays(desk: Desk) -> Iterator[Candidate]:
    """`m = v = [zeros]` as two statements, and `v = m` as a copy."""
    for statement in [n for n in desk.module.parents if isinstance(n, ast.Assign)]:
        if len(statement.targets) > 1 and isinstance(
            statement.value, ast.ListComp | ast.DictComp | ast.Call | ast.List
        ):
            value = desk.text(statement.value)
            texts = [f"{desk.text(t)} = {value}" for t in statement.targets]
            text = f"\n{desk.indent(statement)}".join(texts)
            yield desk.candidate("make an array of its own for each", "copy", 0.4, desk.edit(statement, text))


def _stored(desk: Desk, statements: list[ast.stmt]) -> Iterator[Candidate]:
    """`cache = b * cache + ...`, where `cache` is what a loop hands out, or `v = b * self.v[k] - ...`."""
    ways = [list(_ways_to_store(desk, statement)) for statement in statements]
    for number in range(max(map(len, ways), default=0)):
        chosen = [way[min(number, len(way) - 1)] for way in ways if way]
        title = " and ".join(dict.fromkeys(title for title, _ in chosen))
        yield desk.candidate(title, "in place", 0.3 + 0.1 * number, *(edit for _, edit in chosen))


def _ways_to_store(desk: Desk, statement: ast.stmt) -> Iterator[tuple[str, Edit]]:
    """(what an edit does, the edit) that stores what a statement computes where it reads what it goes on from."""
    if not isinstance(statement, ast.Assign) or len(statement.targets) != 1:
        return
    target, value = statement.targets[0], statement.value
    if not isinstance(target, ast.Name):
        return
    products = [n for n in ast.walk(value) if isinstance(n, ast.BinOp) and isinstance(n.op, ast.Mult)]
    read = [side for n in products for side in (n.left, n.right) if isinstance(side, _PLACES)]
    for place in dict.fromkeys(map(desk.text, read)):
        if place == target.id:
            yield from _into_the_container(desk, statement, target.id)
            yield "change the array itself", desk.edit(statement, f"{place}[...] = {desk.text(value)}")
        elif not place.isidentifier():
            text = f"{target.id} = {place} = {desk.text(value)}"
            yield f"keep it in `{place}`", desk.edit(statement, text)


def _into_the_container(desk: Desk, statement: ast.stmt, name: str) -> Iterator[tuple[str, Edit]]:
    """`for key, m in means.items()`: `means[key] = m` after the statement."""
    loop = desk.loop(statement)
    if not isinstance(loop, ast.For) or not isinstance(loop.target, ast.Tuple) or len(loop.target.elts) != 2:
        return
    key, item = map(desk.text, loop.target.elts)
    call = loop.iter
    if item != name or not isinstance(call, ast.Call):
        return
    if isinstance(call.func, ast.Attribute) and call.func.attr == "items":
        container = desk.text(call.func.value)
    elif isinstance(call.func, ast.Name) and call.func.id == "enumerate" and len(call.args) == 1:
        container = desk.text(call.args[0])
    else:
        return
    yield f"keep it in `{container}`", desk.after(statement, f"{container}[{key}] = {name}")


def _begun_once(desk: Desk, statements: list[ast.stmt]) -> Iterator[Candidate]:
    """The zeros made before the loop; before the outermost one, as the weights are, if that goes."""
    loops: list[ast.For | ast.While] = []
    loop = desk.loop(statements[0]) if statements else None
    while loop is not None:
        loops.insert(0, loop)
        loop = desk.loop(loop)
    for number, around in enumerate(loops):
        inside = [s for s in statements if any(s is n for n in ast.walk(around))]
        texts = [line for s in inside for line in desk.lines(s).split("\n")]
        edits = [desk.before(around, *texts), *(desk.whole(s) for s in inside)]
        yield desk.candidate("begin once, before the loop", "order", 0.3 + 0.1 * number, *edits)


def _corrected(desk: Desk, finding: Finding) -> Iterator[Candidate]:
    """The corrected moment in the place of the moment, by the name that it was given."""
    given = desk.at(finding.trail[0].span) if finding.trail else None
    reader = desk.expression(finding.cause)
    if not isinstance(given, ast.Assign) or not isinstance(given.value, ast.BinOp) or reader is None:
        return
    moment, name = desk.text(given.value.left), desk.text(given.targets[0])
    edits = [desk.edit(n, name) for n in ast.walk(reader) if isinstance(n, _PLACES) and desk.text(n) == moment]
    if edits:
        yield desk.candidate(f"use `{name}` instead of `{moment}`", "name", 0.3, *edits)


def _applied(desk: Desk, finding: Finding) -> Iterator[Candidate]:
    """The velocity in the place of the gradient, in every step; of one with the rate in it, for all of the step."""
    places = [finding.cause, *(t.span for t in finding.trail)]
    rated = any(t.note == WITH_RATE for t in finding.trail)
    edits: dict[tuple[int, int], Edit] = {}
    names: dict[str, None] = {}
    for step, velocity in zip(map(desk.at, places[::2]), map(desk.at, places[1::2]), strict=True):
        if not isinstance(step, ast.Assign | ast.AugAssign) or not isinstance(velocity, ast.Assign | ast.AugAssign):
            return
        kept = desk.text(velocity.targets[0] if isinstance(velocity, ast.Assign) else velocity.target)
        found = list(_steps_by(desk, step, velocity, kept) if rated else _in_its_place(desk, step, velocity, kept))
        if not found:
            return
        names[kept] = None
        edits |= {(e.line, e.column): e for e in found}
    shown = " and ".join(f"`{name}`" for name in names)
    yield desk.candidate(f"step by {shown}", "name", 0.3, *edits.values())


def _in_its_place(
    desk: Desk, step: ast.Assign | ast.AugAssign, velocity: ast.Assign | ast.AugAssign, kept: str
) -> Iterator[Edit]:
    """A step with its velocity for what the velocity takes in."""

    def read(statement: ast.Assign | ast.AugAssign) -> list[ast.expr]:
        nodes = (n for n in ast.walk(statement.value) if isinstance(n, _PLACES) and desk.text(n) != kept)
        return [n for n in nodes if not isinstance(desk.module.parents.get(n), (*_PLACES, ast.Slice))]

    taken = {desk.text(n) for n in read(velocity)}
    common = [n for n in read(step) if desk.text(n) in taken]
    if len({desk.text(n) for n in common}) == 1:
        yield from (desk.edit(n, kept) for n in common)


def _steps_by(
    desk: Desk, step: ast.Assign | ast.AugAssign, velocity: ast.Assign | ast.AugAssign, kept: str
) -> Iterator[Edit]:
    """A step by its velocity as it is, added where the velocity goes downhill itself."""
    sign = "+" if isinstance(getattr(velocity.value, "op", getattr(velocity, "op", None)), ast.Sub) else "-"
    if isinstance(step, ast.AugAssign):
        yield desk.edit(step, f"{desk.text(step.target)} {sign}= {kept}")
    elif isinstance(step.value, ast.BinOp) and len(step.targets) == 1:
        yield desk.edit(step.value, f"{desk.text(step.value.left)} {sign} {kept}")


def _apart(desk: Desk, statements: list[ast.stmt]) -> Iterator[Candidate]:
    """What is corrected under a name of its own, and the moment left as it is."""
    edits: list[Edit] = []
    for statement in statements:
        if isinstance(statement, ast.AugAssign) and isinstance(statement.op, ast.Div):
            moment: ast.expr = statement.target
            value = f"{desk.text(statement.target)} / ({desk.text(statement.value)})"
        elif isinstance(statement, ast.Assign):
            moment, value = statement.targets[0], desk.text(statement.value)
        else:
            return
        if isinstance(statement, ast.Assign) and len(statement.targets) > 1:
            read = {desk.text(n) for n in ast.walk(statement.value) if isinstance(n, _PLACES)}
            kept = [t for t in statement.targets if desk.text(t) not in read]
            if not kept:
                return
            edits.append(desk.edit(statement, f"{' = '.join(map(desk.text, kept))} = {value}"))
            continue
        edits += _renamed(desk, statement, moment, value)
    if edits:
        title = "keep the moment as it is, and correct what is applied"
        yield desk.candidate(title, "in place", 0.4, *sorted(edits, key=lambda e: (e.line, e.column)))


def _renamed(desk: Desk, statement: ast.stmt, moment: ast.expr, value: str) -> Iterator[Edit]:
    """A statement that stores into a moment, and those after it that read it, with another name for it."""
    own = desk.text(moment)
    used = {n.id for n in ast.walk(desk.module.tree) if isinstance(n, ast.Name)}
    words = [w for w in re.findall(r"[A-Za-z_]\w*", own) if w != "self"]
    name = next(
        n for n in (f"{words[0]}_hat", f"{words[0]}_corrected", f"{words[0]}_{statement.lineno}") if n not in used
    )
    yield desk.edit(statement, f"{name} = {value}")
    block = desk.block(statement)
    for later in block[block.index(statement) + 1 :] if statement in block else ():
        for node in ast.walk(later):
            if isinstance(node, _PLACES) and isinstance(node.ctx, ast.Load) and desk.text(node) == own:
                yield desk.edit(node, name)


def _two_arrays(desk: Desk, statements: list[ast.stmt]) -> Iterator[Candidate]:
    """Arrays of its own for each of two moments."""
    yield from own_arrays(desk)
    texts = {desk.text(n) for s in statements for n in ast.walk(s) if isinstance(n, _PLACES)}
    for statement in [n for n in desk.module.parents if isinstance(n, ast.Assign)]:
        target, value = statement.targets[0], statement.value
        alias = isinstance(value, _PLACES) and isinstance(target, ast.Name | ast.Attribute)
        if alias and any(text.startswith((desk.text(target), desk.text(value))) for text in texts):
            name = desk.text(value)
            for number, text in enumerate((f"[item.copy() for item in {name}]", f"{name}.copy()")):
                edit = desk.edit(value, text)
                yield desk.candidate(f"keep a copy of `{name}`", "copy", 0.6 + 0.1 * number, edit)


def _counted_before(desk: Desk, statements: list[ast.stmt]) -> Iterator[Candidate]:
    """`t += 1` moved out of the loop over the parameters, to before it."""
    count = statements[0]
    loop = desk.loop(count) if len(desk.block(count)) > 1 else None
    number = 0
    while isinstance(count, ast.AugAssign) and loop is not None:
        edits = (desk.before(loop, desk.text(count)), desk.whole(count))
        yield desk.candidate("count it on once, before the loop", "in place", 0.4 + 0.1 * number, *edits)
        loop, number = desk.loop(loop), number + 1


def _added_up(desk: Desk, statements: list[ast.stmt]) -> Iterator[Candidate]:
    """`s = g**2` as `s += g**2`."""
    edits = []
    for statement in statements:
        if isinstance(statement, ast.Assign) and len(statement.targets) == 1:
            text = f"{desk.text(statement.targets[0])} += {desk.text(statement.value)}"
            edits.append(desk.edit(statement, text))
    if edits:
        yield desk.candidate("add the squares up", "in place", 0.4, *edits)


def _own_factor(desk: Desk, finding: Finding) -> Iterator[Candidate]:
    """The factor that keeps a moment in the place of the one that keeps the other, where this is read."""
    wrong = desk.expression(finding.cause)
    if len(finding.trail) != 2 or wrong is None:
        return
    own, other = (_factors(desk, step.span) for step in finding.trail)
    for node in _with_definitions(desk, wrong):
        read = [n for n in ast.walk(node) if isinstance(n, ast.expr) and desk.text(n) in other]
        for number, text in enumerate(own if read else ()):
            edits = [desk.edit(n, text) for n in read]
            yield desk.candidate(f"use `{text}` instead of `{desk.text(read[0])}`", "name", 0.3 + 0.1 * number, *edits)


def _factors(desk: Desk, place: Span) -> list[str]:
    """The side of `b * m`, or of `m *= b`, that is not what the statement goes on from."""
    statement, product = desk.at(place), desk.expression(place)
    if isinstance(statement, ast.AugAssign) and isinstance(statement.op, ast.Mult):
        return [desk.text(statement.value)]
    if not isinstance(product, ast.BinOp):
        return []
    targets = statement.targets if isinstance(statement, ast.Assign) else []
    moments = {desk.text(t) for t in targets}
    sides = [s for s in (product.left, product.right) if desk.text(s) not in moments]
    numbers = [s for s in sides if isinstance(s, ast.Name | ast.Attribute | ast.Constant)]
    return [desk.text(s) for s in numbers or sides]


def _with_definitions(desk: Desk, node: ast.expr) -> Iterator[ast.expr]:
    """An expression, and what the names in it were defined as in its function."""
    yield node
    names = {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}
    scope = desk.module.enclosing_function(node) or desk.module.tree
    for other in ast.walk(scope):
        if isinstance(other, ast.Assign) and names & {t.id for t in other.targets if isinstance(t, ast.Name)}:
            if other.lineno < node.lineno:
                yield other.value


__all__ = ["kept_moments", "own_arrays"]
