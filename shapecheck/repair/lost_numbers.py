"""An array of one entry for a number that is stepped in place."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from shapecheck.diagnose.finding import Finding
from shapecheck.diagnose.lost_numbers import LOST_NUMBER
from shapecheck.repair.candidate import Candidate
from shapecheck.repair.desk import Desk
from shapecheck.repair.surroundings import Module
from shapecheck.trace.child import Trace

_MOST = 6


def numbers_as_arrays(trace: Trace, finding: Finding) -> Iterator[Candidate]:
    """`b = 0.0` as `b = np.zeros(1)`, of the same name first: a function may call it otherwise than its caller does."""
    path = finding.cause.path
    if finding.title != LOST_NUMBER or path not in trace.sources:
        return
    desk = Desk(Module.parse(trace.sources[path]), path)
    numpy = desk.numpy()
    found = [(name, node) for name, node in _numbers(desk) if numpy is not None]
    found.sort(key=lambda pair: pair[0] not in finding.parameters)
    for number, (name, node) in enumerate(found[:_MOST]):
        text = f"{numpy}.array([{desk.text(node)}])" if node.value else f"{numpy}.zeros(1)"
        title = f"begin `{name}` as an array, which can be moved in place"
        yield desk.candidate(title, "in place", 0.4 + 0.1 * number, desk.edit(node, text))


def _numbers(desk: Desk) -> Iterator[tuple[str, ast.Constant]]:
    """(name, number) of each assignment of a number, also as one of several."""
    for statement in ast.walk(desk.module.tree):
        if not isinstance(statement, ast.Assign):
            continue
        target, value = statement.targets[0], statement.value
        pairs = [(target, value)]
        if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple) and len(target.elts) == len(value.elts):
            pairs = list(zip(target.elts, value.elts, strict=True))
        for name, node in pairs:
            if isinstance(node, ast.Constant) and type(node.value) is float:
                yield desk.text(name), node


__all__ = ["numbers_as_arrays"]
