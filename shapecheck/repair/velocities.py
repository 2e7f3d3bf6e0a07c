"""The gradient for a velocity that stays zero: `v = mu * v` becomes `v = mu * v - rate * dW`."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Sequence

from shapecheck.diagnose.finding import Edit, Finding
from shapecheck.diagnose.unfed import Unfed
from shapecheck.repair.candidate import Candidate
from shapecheck.repair.desk import Desk
from shapecheck.repair.insertions import idle_beside
from shapecheck.repair.rates import RATES, rates
from shapecheck.repair.step_texts import in_turns
from shapecheck.repair.surroundings import Module
from shapecheck.repair.terms import likeness
from shapecheck.repair.whereabouts import Lookout, Sighting
from shapecheck.trace.child import Trace

Look = Callable[[Lookout], dict[int, Sighting]]

_MOST_GRADIENTS = 3
_USUAL = "0.9"
# A number of this size is the share of a velocity that is kept, and no rate.
_LEAST_KEPT = 0.5


def fed_velocities(trace: Trace, finding: Finding, unfed: Sequence[Unfed], look: Look) -> Iterator[Candidate]:
    """Statements by which the gradients enter what arrays are moved by, the likeliest first.

    Args:
        trace: Of the run.
        finding: Of arrays that are moved by zeros.
        unfed: These, with their gradients.
        look: Runs the program, and says what is seen at some places.
    """
    path = finding.cause.path
    if path not in trace.sources or not unfed[0].velocity:
        return
    desk = Desk(Module.parse(trace.sources[path]), path)
    statement = desk.at(finding.cause)
    arrays = [trace.head.values[one.one.gradient].array for one in unfed]
    if statement is None or any(array is None for array in arrays):
        return
    place = (path, statement.lineno, statement.col_offset)
    seen = look(Lookout(tuple(arrays), tuple(range(len(arrays))), (place,))).get(0)
    if seen is None:
        return
    loop = desk.loop(statement)
    found: dict[str, None] = {}
    for position in range(len(arrays)):
        texts = seen.texts.get(position, ())
        turning = in_turns(texts, loop, seen.keys) if isinstance(loop, ast.For) else ()
        found |= dict.fromkeys((*turning, *(texts if len(unfed) == 1 else ())))
    kept = [text for text in rates(desk, statement, seen.numbers) if _LEAST_KEPT <= seen.numbers.get(text, 0) < 1]
    waiting = [text for text in rates(desk, statement, seen.numbers) if text not in kept[:1]]
    likely = sorted(found, key=lambda t: -likeness(t, unfed[0].one.name))[:_MOST_GRADIENTS]
    for place_of, gradient in enumerate(likely):
        for number, rate in enumerate(waiting):
            edit = _edit(desk, statement, finding, unfed[0], f"{rate} * {gradient}", (kept or [_USUAL])[0])
            begin = f", at a rate of {rate} to begin with" if rate in RATES else ""
            title = f"let the gradient into `{unfed[0].velocity}`{begin}"
            yield desk.candidate(title, "insert", 0.5 + 0.2 * place_of + 0.3 * number, edit)


def _edit(desk: Desk, statement: ast.stmt, finding: Finding, unfed: Unfed, term: str, kept: str) -> Edit:
    if finding.cause == finding.location:
        velocity, idle = unfed.velocity, idle_beside(desk.module, statement)
        told = f"{velocity} = {kept} * {velocity} {unfed.sign} {term}"
        return desk.before(statement, told) if idle is None else desk.edit(idle, told)
    if isinstance(statement, ast.Assign):
        value = statement.value
        loose = isinstance(value, ast.IfExp | ast.Compare | ast.BoolOp | ast.Lambda)
        told = f"({desk.text(value)})" if loose else desk.text(value)
        return desk.edit(value, f"{told} {unfed.sign} {term}")
    return desk.after(statement, f"{unfed.velocity} {unfed.sign}= {term}")


__all__ = ["fed_velocities"]
