"""The gradient for a step that is made of a number alone: `W -= rate` becomes `W -= rate * dW`."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from shapecheck.diagnose.finding import Finding
from shapecheck.diagnose.unapplied import Unapplied
from shapecheck.repair.candidate import Candidate
from shapecheck.repair.desk import Desk
from shapecheck.repair.step_texts import in_turns
from shapecheck.repair.surroundings import Module
from shapecheck.repair.terms import likeness
from shapecheck.repair.whereabouts import Lookout, Sighting
from shapecheck.trace.child import Trace

Look = Callable[[Lookout], dict[int, Sighting]]

_MOST = 6


def gradients_of_steps(trace: Trace, finding: Finding, stepped: Sequence[Unapplied], look: Look) -> Iterator[Candidate]:
    """The number times a gradient as it is called there, the likeliest first.

    Args:
        trace: Of the run.
        finding: Of steps that are made of a number.
        stepped: What they move, with the gradients.
        look: Runs the program, and says what is seen at some places.
    """
    path = finding.location.path
    if path not in trace.sources:
        return
    desk = Desk(Module.parse(trace.sources[path]), path)
    statement = desk.at(finding.location)
    number = _number_of(statement)
    arrays = [trace.head.values[one.gradient].array for one in stepped]
    if statement is None or number is None or any(array is None for array in arrays):
        return
    place = (path, statement.lineno, statement.col_offset)
    seen = look(Lookout(tuple(arrays), tuple(range(len(arrays))), (place,))).get(0)
    loop = desk.loop(statement)
    found: dict[str, None] = {}
    for position, one in enumerate(stepped):
        texts = seen.texts.get(position, ()) if seen is not None else ()
        texts = texts or tuple(_named(trace, one.gradient, finding))
        turning = in_turns(texts, loop, seen.keys) if seen is not None and isinstance(loop, ast.For) else ()
        found |= dict.fromkeys((*turning, *(texts if len(stepped) == 1 else ())))
    own = stepped[0].name
    for place_of, text in enumerate(sorted(found, key=lambda t: -likeness(t, own))[:_MOST]):
        title, cost = f"apply the gradient: `{text}`", 0.5 + 0.1 * place_of
        # What moves a plain number is known to be the rate.
        for named in _factors(number) if any(np.ndim(array) for array in arrays) else ():
            yield desk.candidate(title, "name", cost - 0.05, desk.edit(named, text))
        factor = desk.text(number)
        told = f"{factor} * {text}" if isinstance(number, _TIGHT) else f"({factor}) * {text}"
        yield desk.candidate(title, "missing factor", cost, desk.edit(number, told))


def _named(trace: Trace, gradient: int, finding: Finding) -> Iterator[str]:
    """What a number is called where it is made, in the function of its step: it is not known by what it is."""
    made, path, line = trace.head.site_of(gradient), finding.location.path, finding.location.line
    sites = (trace.head.sites[number] for number in range(len(trace.head.sites)))
    here = {s.function for s in sites if (s.path, s.line) == (path, line)}
    if made is not None and made.bound_to and (made.path, {made.function}) == (path, here):
        yield made.bound_to


_TIGHT = (ast.Name, ast.Attribute, ast.Constant, ast.Subscript, ast.Call)


def _factors(number: ast.expr) -> Iterator[ast.expr]:
    """What a number is multiplied together from and has a name: the gradient of a bias may stand for a weight's."""
    if isinstance(number, ast.BinOp) and isinstance(number.op, ast.Mult | ast.Div):
        yield from _factors(number.left)
        if isinstance(number.op, ast.Mult):
            yield from _factors(number.right)
    elif isinstance(number, ast.Name | ast.Attribute | ast.Subscript):
        yield number


def _number_of(statement: ast.stmt | None) -> ast.expr | None:
    """What a step adds or subtracts."""
    if isinstance(statement, ast.AugAssign):
        return statement.value
    value = statement.value if isinstance(statement, ast.Assign) else None
    return value.right if isinstance(value, ast.BinOp) else None


__all__ = ["gradients_of_steps"]
