"""Arrays that are stepped as the parameters are, though by something that was not computed from them."""

from __future__ import annotations

import ast

from shapecheck.network.begun_anew import begun_anew
from shapecheck.network.dependence import ancestors
from shapecheck.network.parameters import Parameter, parameters_and_strays
from shapecheck.network.uses import times_used
from shapecheck.trace.operations import MATRIX_PRODUCTS
from shapecheck.trace.tape import Tape


def find_strays(tape: Tape, *, most_updates: int = 3, numbers: bool = False) -> list[Parameter]:
    """Arrays that are stepped as the parameters are, by something that was not computed from them.

    A sum or a mean is stepped like that, too: whether a loss depends on an array is for the caller to see, but for
    numbers that go into their own steps only. Only those
    are given whose step is written with a number (a learning rate) of a parameter's step, or is made in the same
    expression.

    Args:
        tape: With or without whole values.
        most_updates: How many updates of each are kept.
        numbers: Whether to give numbers that go into their own steps only, too.
    """
    memory = memory_of(tape)
    return [
        stray for stray in _stepped_alike(tape, most_updates, numbers=numbers) if stray.updates[0].new not in memory
    ]


def find_rivals(tape: Tape, *, most_updates: int) -> list[Parameter]:
    """Strays that a parameter's first step is made from, and that are multiplied: weights of another network.

    The last layer of a critic is linear: its own gradient does not depend on it, but what it is taught does.
    """
    memory = memory_of(tape)
    made = [stray for stray in _stepped_alike(tape, most_updates) if stray.updates[0].new in memory]
    factors = {i for o in tape.operations if o.function in MATRIX_PRODUCTS for i in o.inputs} if made else set()
    return [stray for stray in made if len(stray.updates) > 1 and all(u.old in factors for u in stray.updates[:2])]


def memory_of(tape: Tape) -> set[int]:
    """What the parameters' first steps are made from: what was stepped before is an optimizer's memory."""
    parameters, _ = parameters_and_strays(tape, 1)
    return ancestors(tape, [p.updates[0].change for p in parameters], until=frozenset(p.birth for p in parameters))


def _stepped_alike(tape: Tape, most_updates: int, *, numbers: bool = False) -> list[Parameter]:
    """The strays that are stepped with a number of a parameter's step, or in its place."""
    parameters, strays = parameters_and_strays(tape, most_updates)
    used = times_used(tape)
    stepped_at = {tape.operations[u.operation].site for p in parameters for u in p.updates}
    words = {word for site in stepped_at for word in _words(tape, site)}
    found = []
    for stray in _kept(tape, parameters, strays):
        read = numbers or any(used[u.old] > 1 for u in stray.updates) or tape.values[stray.birth].size > 1
        sites = {tape.operations[u.operation].site for u in stray.updates}
        if read and (sites & stepped_at or any(words.intersection(_words(tape, site)) for site in sites)):
            found.append(stray)
    return found


def _kept(tape: Tape, parameters: list[Parameter], strays: list[Parameter]) -> list[Parameter]:
    """The strays but for sums that are begun anew in every step."""
    anew = begun_anew(tape, strays, parameters)
    return [stray for stray in strays if id(stray) not in anew]


def _words(tape: Tape, site: int | None) -> set[str]:
    """The plain names, attributes and fractions that a step is written with, but for the array that it moves."""
    if site is None:
        return set()
    node = tape.sites[site].node
    first = node.target if isinstance(node, ast.AugAssign) else node.left if isinstance(node, ast.BinOp) else None
    moved = {ast.unparse(part) for part in ast.walk(first)} if first is not None else set()
    holders = {id(part.value) for part in ast.walk(node) if isinstance(part, ast.Attribute | ast.Subscript)}
    parts = (part for part in ast.walk(node) if isinstance(part, ast.Name | ast.Attribute) and id(part) not in holders)
    numbers = (part for part in ast.walk(node) if isinstance(part, ast.Constant) and isinstance(part.value, float))
    return ({ast.unparse(part) for part in parts} - moved) | {repr(part.value) for part in numbers}
