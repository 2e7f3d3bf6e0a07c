"""The step of a bias that is never moved, where its layer's weights are stepped one by one in loops."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from shapecheck.diagnose.finding import Finding
from shapecheck.repair.candidate import Candidate
from shapecheck.repair.desk import Desk
from shapecheck.repair.surroundings import Module
from shapecheck.repair.update_order import SYMBOLS
from shapecheck.trace.child import Trace


def steps_of_units(trace: Trace, finding: Finding) -> Iterator[Candidate]:
    """`b[j] += rate * d[j]` after the loop over `i` in which `w[j, i] += rate * d[j] * x[i]`.

    A bias is the weight of an input that is always 1: what belongs to the input is left out.

    Args:
        trace: What was recorded of the program.
        finding: Of a bias that no step moves; its location is the step of the weight.
    """
    path = finding.location.path
    if finding.code != "SC406" or len(finding.parameters) != 1 or path not in trace.sources:
        return
    desk = Desk(Module.parse(trace.sources[path]), path)
    step = desk.at(finding.location)
    if not isinstance(step, ast.AugAssign) or not isinstance(step.target, ast.Subscript):
        return
    loop = desk.loop(step)
    counted = {n.id for n in ast.walk(loop.target) if isinstance(n, ast.Name)} if isinstance(loop, ast.For) else set()
    indices = _indices(step.target)
    units = [i for i in indices if counted.isdisjoint(_names(i))]
    kept = [f for f in _factors(step.value) if counted.isdisjoint(_names(f))]
    if loop is None or len(indices) != 2 or len(units) != 1 or not kept or len(kept) == len(_factors(step.value)):
        return
    brought = " * ".join(desk.text(f) for f in kept)
    text = f"{finding.parameters[0]}[{desk.text(units[0])}] {SYMBOLS.get(type(step.op), '+')}= {brought}"
    yield desk.candidate("step the bias, too", "insert", 0.3, desk.after(loop, text))


def _indices(target: ast.Subscript) -> list[ast.expr]:
    """Of `w[j, i]`, or of `w[j][i]`."""
    last = list(target.slice.elts) if isinstance(target.slice, ast.Tuple) else [target.slice]
    return [*_indices(target.value), *last] if isinstance(target.value, ast.Subscript) else last


def _factors(node: ast.expr) -> list[ast.expr]:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
        return [*_factors(node.left), *_factors(node.right)]
    return [node]


def _names(node: ast.expr) -> set[str]:
    return {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}


__all__ = ["steps_of_units"]
