"""Steps for a program that has none: gradients that are computed in every turn and applied to nothing."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from shapecheck.diagnose.finding import Finding
from shapecheck.diagnose.unmoved import NOTHING_MOVES, idle_loops
from shapecheck.repair.candidate import Candidate
from shapecheck.repair.desk import Desk
from shapecheck.repair.surroundings import Module
from shapecheck.trace.child import Trace

# Where the program has no number that waits to be the rate: so large at first, as long as the loss falls.
_RATES = ("0.1", "0.01", "0.001")
_MOST_RATES = 5


def first_steps(trace: Trace, finding: Finding) -> Iterator[Candidate]:
    """Statements that apply the gradients of a finding that nothing is ever updated."""
    path = finding.cause.path
    if finding.title != NOTHING_MOVES or path not in trace.sources:
        return
    desk = Desk(Module.parse(trace.sources[path]), path)
    for loop in idle_loops(desk.module.tree):
        idle = next((s for s in loop.body if isinstance(s, ast.Pass)), None)
        names = [desk.text(e) for e in loop.target.elts] if isinstance(loop.target, ast.Tuple) else []
        for one, other in ((0, 1), (1, 0)) if len(names) == 2 and idle is not None else ():
            for number, rate in enumerate(_rates(desk, loop)):
                edit = desk.edit(idle or loop, f"{names[one]} -= {rate} * {names[other]}")
                yield desk.candidate(_title(rate), "insert", 0.5 + 0.3 * number + 0.1 * one, edit)
    yield from _named(desk, finding)


def _named(desk: Desk, finding: Finding) -> Iterator[Candidate]:
    """A step for each array, after the statement that gave its gradient a name."""
    statement = desk.at(finding.cause)
    if not isinstance(statement, ast.Assign):
        return
    given = [e for t in statement.targets for e in (t.elts if isinstance(t, ast.Tuple | ast.List) else [t])]
    gradients = [desk.text(e) for e in given if isinstance(e, ast.Name)]
    pairs = [(name, _gradient_of(name, gradients)) for name in finding.parameters]
    if not all(name.isidentifier() and gradient for name, gradient in pairs):
        return
    for number, rate in enumerate(_rates(desk, statement)):
        edit = desk.after(statement, *[f"{name} -= {rate} * {gradient}" for name, gradient in pairs])
        yield desk.candidate(_title(rate), "insert", 0.6 + 0.3 * number, edit)


def _gradient_of(name: str, gradients: list[str]) -> str | None:
    """The name of an array's gradient: the one that ends in the array's, or the only one."""
    ending = [g for g in gradients if g != name and g.lower().endswith(name.lower())]
    if len(ending) == 1:
        return ending[0]
    named = [g for g in gradients if "grad" in g.lower()]
    return named[0] if len(named) == 1 else None


def _rates(desk: Desk, node: ast.AST) -> list[str]:
    """Numbers that wait to be the rate, those first that the function is given; then some to begin with."""
    function = desk.module.enclosing_function(node)
    names = [n for n in ast.walk(function or desk.module.tree) if isinstance(n, ast.Name)]
    read = {n.id for n in names if isinstance(n.ctx, ast.Load)}
    given = [a.arg for a in function.args.args] if function is not None else []
    set_here = [n.id for n in names if isinstance(n.ctx, ast.Store) and _is_fraction(desk, n)]
    waiting = [name for name in dict.fromkeys((*given, *set_here)) if name not in read and name != "self"]
    return [*waiting, *_RATES][:_MOST_RATES]


def _title(rate: str) -> str:
    return f"apply the gradients{f', at a rate of {rate} to begin with' if rate in _RATES else ''}"


def _is_fraction(desk: Desk, name: ast.Name) -> bool:
    statement = desk.module.parents.get(name)
    value = statement.value if isinstance(statement, ast.Assign) else None
    return isinstance(value, ast.Constant) and isinstance(value.value, float)


__all__ = ["first_steps"]
