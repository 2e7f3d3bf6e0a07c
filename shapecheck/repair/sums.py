"""Sums over samples that are not kept: `=` for `+=`, zeros that are made anew in every turn, a step after its loop."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from shapecheck.diagnose.finding import Finding
from shapecheck.diagnose.only_last import ONLY_LAST
from shapecheck.repair.candidate import Candidate
from shapecheck.repair.desk import Desk
from shapecheck.repair.indents import indented_sums
from shapecheck.repair.surroundings import Module
from shapecheck.trace.child import Trace

_ZEROS = frozenset({"zeros", "zeros_like"})
_LOOPS = (ast.For, ast.While)


def kept_sums(trace: Trace, finding: Finding) -> Iterator[Candidate]:
    """Edits after which what a loop computes for sample after sample is added up, or applied one by one."""
    path = finding.cause.path
    if finding.title != ONLY_LAST or path not in trace.sources or not trace.sources[path].text.endswith("\n"):
        return
    desk = Desk(Module.parse(trace.sources[path]), path)
    statement = desk.at(finding.cause)
    if statement is None:
        return
    yield from _elements_added(desk, statement)
    for number, loop in enumerate(_loops_around(desk, statement)):
        yield from _zeros_before(desk, loop, 0.1 * number)
        yield from _added(desk, loop, 0.1 * number)
        indented = list(indented_sums(desk, loop))
        # Steps of sums that begin before the loop would take all that was added before once more.
        yield from indented or _step_within(desk, loop, 0.1 * number)


def _loops_around(desk: Desk, statement: ast.stmt) -> Iterator[ast.For | ast.While]:
    """The loops around a statement, and around the calls of the function that it stands in."""
    function = desk.module.enclosing_function(statement)
    places: list[ast.AST] = [statement]
    if function is not None:
        places += [
            n
            for n in desk.module.parents
            if isinstance(n, ast.Call) and function.name in {getattr(n.func, "id", ""), getattr(n.func, "attr", "")}
        ]
    seen = []
    for place in places:
        loop = desk.loop(place)
        while loop is not None:
            if loop not in seen:
                seen.append(loop)
                yield loop
            loop = desk.loop(loop)


def _elements_added(desk: Desk, statement: ast.stmt) -> Iterator[Candidate]:
    """`nb = [d for n, d in zip(nb, ds)]` as `[n + d for ...]`."""
    value = statement.value if isinstance(statement, ast.Assign) else None
    if not isinstance(value, ast.ListComp | ast.DictComp) or len(value.generators) != 1:
        return
    element = value.elt if isinstance(value, ast.ListComp) else value.value
    generator = value.generators[0]
    if not isinstance(generator.target, ast.Tuple) or not isinstance(generator.iter, ast.Call):
        return
    used = {n.id for n in ast.walk(element) if isinstance(n, ast.Name)}
    for target, source in zip(generator.target.elts, generator.iter.args, strict=False):
        own = isinstance(statement, ast.Assign) and desk.text(source) == desk.text(statement.targets[0])
        if own and isinstance(target, ast.Name) and target.id not in used:
            text = f"{target.id} + {desk.text(element)}"
            yield desk.candidate("add to the sum, instead of beginning anew", "sum", 0.3, desk.edit(element, text))


def _zeros_before(desk: Desk, loop: ast.For | ast.While, cost: float) -> Iterator[Candidate]:
    """Zeros that begin a sum in every turn, made once before the loop."""
    made = [s for s in loop.body if isinstance(s, ast.Assign) and _is_zeros(s.value)]
    summed = {desk.text(t) for t in _sums(loop)}
    made = [s for s in made if any(desk.text(e) in summed for e in _stored(s)) and _is_alone(desk, s)]
    if not made or len(made) == len(loop.body):
        return
    texts = [line for s in made for line in desk.lines(s).split("\n")]
    edits = [desk.before(loop, *texts), *(desk.whole(s) for s in made)]
    yield desk.candidate("begin the sum once, before the loop", "reset", 0.4 + cost, *edits)


def _added(desk: Desk, loop: ast.For | ast.While, cost: float) -> Iterator[Candidate]:
    """What was zeros before the loop, and is set in its turns, added to."""
    function = desk.module.enclosing_function(loop) or desk.module.tree
    before = [s for s in ast.walk(function) if isinstance(s, ast.Assign) and s.lineno < loop.lineno]
    zeros = {desk.text(e) for s in before if _is_zeros(s.value) for e in _stored(s)}
    found = [s for s in ast.walk(loop) if isinstance(s, ast.Assign) and len(s.targets) == 1]
    set_here = [s for s in found if _root(desk, s.targets[0]) in zeros and not _is_zeros(s.value)]
    edits = [desk.edit(s, f"{desk.text(s.targets[0])} += {desk.text(s.value)}") for s in set_here]
    if edits:
        yield desk.candidate("add to the sum, instead of setting it", "accumulate", 0.5 + cost, *edits)


def _step_within(desk: Desk, loop: ast.For | ast.While, cost: float) -> Iterator[Candidate]:
    """The steps that stand after a loop, as the end of its turns."""
    block = desk.block(loop)
    following = block[block.index(loop) + 1 :] if loop in block else []
    steps: list[ast.stmt] = []
    for statement in following:
        if not _is_step(statement) or not _is_alone(desk, statement):
            break
        steps.append(statement)
    if steps:
        texts = [line for s in steps for line in desk.lines(s).split("\n")]
        edits = [*(desk.whole(s) for s in steps), desk.after(loop.body[-1], *texts)]
        yield desk.candidate("make the step in every turn of the loop", "order", 0.8 + cost, *edits)


def _is_step(statement: ast.stmt) -> bool:
    """Whether a statement changes something, or is a loop of such, or a call that may."""
    if isinstance(statement, ast.For):
        return all(_is_step(s) for s in statement.body)
    if isinstance(statement, ast.Expr):
        called = statement.value.func if isinstance(statement.value, ast.Call) else None
        return called is not None and getattr(called, "id", "") != "print"
    return isinstance(statement, ast.AugAssign | ast.Assign)


def _is_zeros(node: ast.expr) -> bool:
    """Whether an expression makes zeros: an array, or several, or a 0 to add to."""
    if isinstance(node, ast.Constant):
        return node.value == 0
    calls = [n for n in ast.walk(node) if isinstance(n, ast.Call)]
    return any(getattr(c.func, "attr", getattr(c.func, "id", "")) in _ZEROS for c in calls)


def _sums(loop: ast.For | ast.While) -> Iterator[ast.expr]:
    """What is added to in a loop, and the arrays or containers that it is a part of."""
    for node in ast.walk(loop):
        target: ast.expr | None = node.target if isinstance(node, ast.AugAssign) else None
        if isinstance(node, ast.Assign):
            target = node.targets[0]
        while target is not None:
            yield target
            target = target.value if isinstance(target, ast.Subscript) else None


def _stored(statement: ast.Assign) -> Iterator[ast.expr]:
    for target in statement.targets:
        yield from target.elts if isinstance(target, ast.Tuple | ast.List) else [target]


def _root(desk: Desk, target: ast.expr) -> str:
    while isinstance(target, ast.Subscript):
        target = target.value
    return desk.text(target)


def _is_alone(desk: Desk, statement: ast.stmt) -> bool:
    """Whether a statement has its lines for itself."""
    first, last = statement.lineno, statement.end_lineno
    others = [s for s in desk.block(statement) if s is not statement]
    return all(s.end_lineno != first and s.lineno != last for s in others)


__all__ = ["kept_sums"]
