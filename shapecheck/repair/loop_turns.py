"""Loops that leave out a layer, or a sample: bounds one further, slices one longer, a `return` after the last turn.

Or loops that find nothing in their second pass.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator

from shapecheck.diagnose.finding import Edit, Finding
from shapecheck.repair.candidate import Candidate
from shapecheck.repair.desk import Desk
from shapecheck.repair.surroundings import Module
from shapecheck.repair.terms import likeness
from shapecheck.trace.child import Trace
from shapecheck.trace.tape import Tape

# So many loops are looked at, the innermost first.
_MOST_LOOPS = 8
_MOST_COUNTERS = 4
# The kinds of these edits.
REACH = "turns"
LEAVE = "return"


def longer_loops(trace: Trace) -> Iterator[Candidate]:
    """Edits after which a loop of the program does one turn more, or is not left in its first."""
    for path, source in trace.sources.items():
        if not source.text.endswith("\n"):
            continue
        desk = Desk(Module.parse(source), path)
        lines = _lines_run(trace.head, path)
        loops = [n for n in desk.module.parents if isinstance(n, ast.For) and _is_come_to(desk, n, lines)]
        depth = {n: sum(other in _around(desk, n) for other in loops) for n in loops}
        for number, loop in enumerate(sorted(loops, key=lambda n: (-depth[n], n.lineno))[:_MOST_LOOPS]):
            yield from after_the_loop(desk, loop)
            for text, cost, node in _longer(desk, loop.iter):
                title = f"let the loop run over `{_whole(desk, loop.iter, node, text)}`"
                yield desk.candidate(title, REACH, 0.3 + cost + 0.02 * number, desk.edit(node, text))


def _lines_run(tape: Tape, path: str) -> set[int]:
    """The lines of a file whose operations are on the tape."""
    sites = (tape.sites[o.site] for o in tape.operations if o.site is not None)
    return {site.line for site in sites if site.path == path}


def _is_come_to(desk: Desk, loop: ast.For, lines: set[int]) -> bool:
    """Whether something of the function that a loop stands in has run; the loop itself may do nothing but call."""
    function = desk.module.enclosing_function(loop)
    first, last = (function.lineno, function.end_lineno) if function is not None else (1, None)
    calls = any(isinstance(n, ast.Call) for statement in loop.body for n in ast.walk(statement))
    return calls or any(first <= line <= (last or line) for line in lines)


def _around(desk: Desk, node: ast.AST) -> list[ast.AST]:
    found = []
    current = desk.module.parents.get(node)
    while current is not None:
        found.append(current)
        current = desk.module.parents.get(current)
    return found


# -- leaving a loop -------------------------------------------------------------------------------------------------


def after_the_loop(desk: Desk, loop: ast.For) -> Iterator[Candidate]:
    """A `return` that ends the body of a loop, and hence the loop in its first turn, put after it."""
    last = loop.body[-1]
    if not isinstance(last, ast.Return) or len(loop.body) < 2 or loop.orelse:
        return
    if last.lineno == loop.body[-2].lineno or loop.end_lineno != last.end_lineno:
        return
    source = desk.source.lines[last.lineno - 1]
    margin = source[: len(source) - len(source.lstrip())]
    if margin.strip() or not margin.startswith(desk.indent(loop)):
        return
    moved = [Edit(desk.path, last.lineno, 1, last.lineno, len(margin) + 1, desk.indent(loop))]
    if last.end_lineno != last.lineno:
        moved = [desk.whole(last), desk.after(loop, *desk.lines(last).split("\n"))]
    yield desk.candidate("leave the loop after its last turn", LEAVE, 0.2, *moved)


def unbroken(desk: Desk, statement: ast.stmt, steps: Collection[int]) -> Iterator[Candidate]:
    """Another counter where the loops that fill an array end early, `if s2 > rows: break`, or no such end at all.

    Args:
        desk: The file.
        statement: What fills the array, entry by entry or part by part.
        steps: The lines of the parameters' steps: training that ends sooner shows fewer mistakes, and has no fewer.
    """
    changed = [statement.target] if isinstance(statement, ast.AugAssign) else getattr(statement, "targets", [])
    if not any(isinstance(target, ast.Subscript) for target in changed):
        return
    loops = [n for n in _around(desk, statement) if isinstance(n, ast.For | ast.While)]
    loops = [n for n in loops if not any(n.lineno <= line <= (n.end_lineno or n.lineno) for line in steps)]
    stored = (n for loop in loops for n in ast.walk(loop) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store))
    counters = dict.fromkeys(n.id for n in stored)
    ends = [s for loop in loops for s in loop.body if isinstance(s, ast.If) and not s.orelse]
    for end in [s for s in ends if len(s.body) == 1 and isinstance(s.body[0], ast.Break)]:
        for node in ast.walk(end.test):
            others = [c for c in counters if isinstance(node, ast.Name) and node.id in counters and c != node.id]
            for number, other in enumerate(
                sorted(others, key=lambda c: -likeness(desk.text(node), c))[:_MOST_COUNTERS]
            ):
                title = f"end the loop by `{other}`, and not by `{desk.text(node)}`"
                yield desk.candidate(title, "loop end", 0.3 + 0.05 * number, desk.edit(node, other))
        if end.end_lineno != end.lineno:
            yield desk.candidate("let the loop run to its end", "loop end", 0.5, desk.whole(end))


# -- what is gone through again ---------------------------------------------------------------------------------------


def anew_in_each_turn(desk: Desk, finding: Finding) -> Iterator[Candidate]:
    """An iterator that one pass uses up, made before each pass instead of once, or kept as a list.

    What is made anew may be in an order of its own each time, as batches are.
    """
    loop = desk.at(finding.cause)
    made = desk.expression(finding.trail[0].span) if finding.trail else None
    statement = desk.at(finding.trail[0].span) if finding.trail else None
    if not isinstance(loop, ast.For) or made is None:
        return
    assigned = isinstance(statement, ast.Assign) and statement.value is made
    if statement is not None and assigned and made.lineno == made.end_lineno:
        edits = (desk.whole(statement), desk.before(loop, desk.text(statement)))
        yield desk.candidate("make it anew in each turn", "move", 0.3, *edits)
    text = desk.text(made)
    whole = f"list({text})"
    if isinstance(made, ast.GeneratorExp):
        whole = f"[{text[1:-1]}]"
        whole = f"({whole})" if isinstance(desk.module.parents.get(made), ast.Call) else whole
    yield desk.candidate("keep its items in a list", "list", 0.5, desk.edit(made, whole))


# -- one turn more --------------------------------------------------------------------------------------------------


def _whole(desk: Desk, whole: ast.expr, node: ast.AST, text: str) -> str:
    """The text of an expression with that of one of its nodes exchanged."""
    before, own = desk.text(whole), desk.text(node)
    start = (node.lineno, node.col_offset) if isinstance(node, ast.expr) else (0, 0)
    offset = start[1] - whole.col_offset if start[0] == whole.lineno else before.find(own)
    return before[:offset] + text + before[offset + len(own) :]


def _longer(desk: Desk, iterable: ast.expr) -> Iterator[tuple[str, float, ast.AST]]:
    """(text, cost, what it replaces) for ways in which what a loop runs over gets one longer."""
    for node in ast.walk(iterable):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "range":
            yield from _longer_range(desk, node)
        elif isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Slice):
            yield from _longer_slice(desk, node)


def _longer_range(desk: Desk, node: ast.Call) -> Iterator[tuple[str, float, ast.AST]]:
    arguments = node.args
    if not 1 <= len(arguments) <= 3 or node.keywords:
        return
    step = _number(arguments[2]) if len(arguments) == 3 else 1
    if step not in {1, -1}:
        return
    stop = arguments[0] if len(arguments) == 1 else arguments[1]
    yield plus(desk, stop, step), 0.0, stop
    if len(arguments) > 1:
        yield plus(desk, arguments[0], -step), 0.05, arguments[0]


def _longer_slice(desk: Desk, node: ast.Subscript) -> Iterator[tuple[str, float, ast.AST]]:
    """`layers[1:]` is one longer from its beginning, `layers[:-1]` to its end."""
    inner = node.slice
    if not isinstance(inner, ast.Slice) or (inner.step is not None and _number(inner.step) not in {1, -1}):
        return
    first, last = _number(inner.lower), _number(inner.upper)
    step = "" if inner.step is None else f":{desk.text(inner.step)}"
    lower = "" if inner.lower is None else desk.text(inner.lower)
    upper = "" if inner.upper is None else desk.text(inner.upper)
    if first is not None and first > 0 and not step:
        start = "" if first == 1 else str(first - 1)
        rest = f"[{start}:{upper}]" if start or upper else ""
        yield f"{desk.text(node.value)}{rest}", 0.1, node
    if last is not None and last < 0 and not step:
        end = "" if last == -1 else str(last + 1)
        rest = f"[{lower}:{end}]" if lower or end else ""
        yield f"{desk.text(node.value)}{rest}", 0.1, node
    if first is not None and first < -1 and step:
        yield f"{desk.text(node.value)}[{first + 1}:{upper}{step}]", 0.1, node


def _number(node: ast.expr | None) -> int | None:
    """A whole number that is written out."""
    sign = -1 if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub) else 1
    if isinstance(node, ast.UnaryOp):
        node = node.operand
    return sign * node.value if isinstance(node, ast.Constant) and type(node.value) is int else None


def plus(desk: Desk, node: ast.expr, change: int) -> str:
    """An expression and one more, or one less: `n - 1` and 1 is `n`."""
    known = _number(node)
    if known is not None:
        return str(known + change)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Sub):
        number = _number(node.right)
        if number is not None:
            total = (number if isinstance(node.op, ast.Add) else -number) + change
            left = desk.text(node.left)
            return left if total == 0 else f"{left} {'+' if total > 0 else '-'} {abs(total)}"
    return f"{desk.text(node)} {'+' if change > 0 else '-'} {abs(change)}"


__all__ = ["LEAVE", "REACH", "after_the_loop", "anew_in_each_turn", "longer_loops", "unbroken"]
