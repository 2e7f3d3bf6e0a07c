"""Networks that are kept beside the one that learns: what they were copied from is not meant to be moved for them.

The targets of Q-learning come from a copy of the network that is renewed now and then, or follows it slowly. As it is
renewed, what it says depends on the parameters of the step; the gradient that is meant takes it as given.
"""

from __future__ import annotations

from collections.abc import Container
from dataclasses import replace

from shapecheck.network.dependence import CARRIERS, ancestors
from shapecheck.network.parameters import Parameter, find_parameters
from shapecheck.network.strays import find_rivals
from shapecheck.trace.operations import PRODUCTS, QUOTIENTS, SUMS
from shapecheck.trace.tape import Operation, Tape

_SCALING = PRODUCTS | QUOTIENTS | {"unary-"}
_BLENDING = SUMS | _SCALING | CARRIERS | {"setitem"}
# The label of an operation that stands for what was computed there, and is taken as given.
_HELD = "held"
_MOST_UPDATES = 1000
# So many steps tell which expressions take something over; they do so in all the others.
_TELLING_STEPS = 4


def with_copies_held(tape: Tape) -> Tape:
    """The tape with what is taken over from parameters into such copies as leaves; the same tape where there is none.

    Args:
        tape: With the updates of at least two steps.
    """
    parameters = find_parameters(tape, most_updates=_MOST_UPDATES)
    links = _links(tape, parameters) if parameters else set()
    # What a rival has learned is taken as given, too.
    links |= {u.operation for rival in find_rivals(tape, most_updates=_MOST_UPDATES) for u in rival.updates}
    if not links:
        return tape
    operations = [
        replace(o, function="leaf", arguments=(), keywords={}, inputs=(), label=_HELD) if o.number in links else o
        for o in tape.operations
    ]
    return replace(tape, operations=operations, memory={})


def _links(tape: Tape, parameters: list[Parameter]) -> set[int]:
    """The operations that take something over from a parameter into a copy."""
    version = {u.old: k for p in parameters for k, u in enumerate(p.updates)}
    version |= {p.updates[-1].new: len(p.updates) for p in parameters}
    blends = _blends(tape, version)
    if not blends:
        return set()
    rounds = min(_TELLING_STEPS, max(len(p.updates) for p in parameters))
    needed = [_needed(tape, parameters, k) for k in range(rounds)]
    applied = _applied(tape, version, blends, set().union(*needed))
    found = set()
    for value, origins in blends.items():
        operation = tape.operations[tape.values[value].producer or 0]
        own = [version[i] for i in operation.inputs if i in version]
        # It outlives the step: what a later one computes depends on it, and not by way of the parameters.
        later = own and any(value in needed[k] for k in range(min(own) + 1, rounds))
        if later and value in applied and all(_is_read_itself(tape, o, version, blends, needed) for o in origins):
            found.add(operation.number)
    sites = {tape.operations[number].site for number in found} - {None}
    made = (tape.operations[tape.values[value].producer or 0] for value in blends)
    return found | {o.number for o in made if o.site in sites and not version.keys().isdisjoint(o.inputs)}


def _needed(tape: Tape, parameters: list[Parameter], step: int) -> set[int]:
    """What the changes of a step were made from, as far as its parameters."""
    updates = [p.updates[step] for p in parameters if len(p.updates) > step]
    return ancestors(tape, [u.change for u in updates], until=frozenset(u.old for u in updates))


def _blends(tape: Tape, version: dict[int, int]) -> dict[int, frozenset[int]]:
    """Copies of parameters, and their sums with what nothing else was computed for -> of which parameters."""
    pure: dict[int, frozenset[int]] = {v: frozenset([v]) for v in version if tape.values[v].size > 1}
    nothing: frozenset[int] = frozenset()
    for value in tape.values:
        if value.producer is None and value.size > 1:
            pure.setdefault(value.number, nothing)
    for operation in tape.operations:
        result = operation.result
        if result in pure:
            continue
        if not operation.inputs:
            if tape.values[result].size > 1:
                pure[result] = nothing
            continue
        if operation.function not in _BLENDING:
            continue
        # What an array is filled with is all that it then holds.
        inputs = operation.inputs[1:] if operation.function == "setitem" else operation.inputs
        shape = tape.values[result].shape
        arrays = [i for i in inputs if tape.values[i].size > 1]
        whole = all(i in pure and tape.values[i].shape == shape for i in arrays)
        single = len(arrays) == 1 or operation.function in SUMS
        if arrays and whole and single and (operation.function in _SCALING or len(arrays) == len(inputs)):
            pure[result] = nothing.union(*(pure[i] for i in arrays))
    return {v: origins for v, origins in pure.items() if origins and v not in version}


def _applied(
    tape: Tape, version: Container[int], blends: dict[int, frozenset[int]], needed: Container[int]
) -> set[int]:
    """The copies that a forward pass of their own reads, or that such copies are made from."""
    learned: set[int] = set()
    applied: set[int] = set()
    for operation in tape.operations:
        if operation.result in blends or operation.result in version:
            continue
        if any(i in version or i in learned for i in operation.inputs):
            learned.add(operation.result)
        elif operation.result in needed:
            applied.update(i for i in operation.inputs if i in blends)
    for operation in reversed(tape.operations):
        if operation.result in applied:
            applied.update(i for i in operation.inputs if i in blends)
    return applied


def _is_read_itself(
    tape: Tape, value: int, version: dict[int, int], blends: Container[int], needed: list[set[int]]
) -> bool:
    """Whether a step computes something from a parameter itself, too."""
    step = version[value]

    def is_reading(operation: Operation) -> bool:
        used = value in operation.inputs and operation.result not in blends and operation.result not in version
        return used and operation.result in needed[step]

    return step >= len(needed) or any(is_reading(operation) for operation in tape.operations)


__all__ = ["with_copies_held"]
