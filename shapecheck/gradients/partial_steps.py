"""Steps that a training step makes of a whole array in parts, one after the other, taken together.

`F -= rate * d[i, j] * patch` in the loops over positions, `w -= rate * error[k] * x[k]` over samples, or one statement
for each branch that shares an array: no single part is the gradient of anything, and nobody reads the array before the
last part is done. What they move it by is added up, which is what the array is changed by.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from shapecheck.gradients.functions import CannotReplayError
from shapecheck.gradients.gathered import MOST_ENTRIES, Gathering, Round
from shapecheck.network.entry_steps import EntryStep, Places
from shapecheck.network.parameters import Parameter, find_parameters
from shapecheck.trace.operations import ADDITIONS, DIFFERENCES, SUMS
from shapecheck.trace.tape import Operation, Ref, Tape

# How many operations on arrays of the parameter's shape are gone back through from a part.
_MOST_BEFORE = 40


def taken_together(tape: Tape) -> Tape:
    """The tape with every training step's parts of a whole array's step as one; the same tape where there are none."""
    if "taken together" not in tape.memory:
        found = tape
        try:
            rounds = list(_within_bounds(tape, _rounds(tape)))
            found = Gathering(tape, Places(tape), rounds).run() if rounds else tape
        except (CannotReplayError, TypeError, ValueError):
            found = tape  # an array was too large to be kept
        found.memory["taken together"] = tape.memory["taken together"] = found
    result: Tape = tape.memory["taken together"]
    return result


def _within_bounds(tape: Tape, rounds: Sequence[Round]) -> Iterator[Round]:
    """The rounds; those after the first, whose sums may not all be kept, go without any."""
    entries = 0
    for one in sorted(rounds, key=lambda r: r.steps[0].operation.number):
        entries += tape.values[one.before].size * len(one.steps)
        yield one if entries <= MOST_ENTRIES else replace(one, ended=False)


def _rounds(tape: Tape) -> list[Round]:
    users: dict[int, list[Operation]] = defaultdict(list)
    for operation in tape.operations:
        for number in operation.inputs:
            users[number].append(operation)
    found: list[Round] = []
    for parameter in find_parameters(tape, most_updates=len(tape.operations)):
        chains = [chain for chain in _chains(tape, users, parameter) if len(chain) > 1]
        read = {o.site for chain in chains for o in users[chain[0].old]}
        # The forward pass comes round again; what the window does not show the end of may be anything.
        again = any(o.site in read for chain in chains for o in users[chain[-1].new])
        if again and all(_are_parts(tape, chain) for chain in chains):
            found += [Round(chain, -1, whole=True, ended=bool(users[chain[-1].new])) for chain in chains]
    return found


def _chains(tape: Tape, users: dict[int, list[Operation]], parameter: Parameter) -> Iterator[list[EntryStep]]:
    """The steps of a parameter that follow upon one another, with nobody reading it in between."""
    done: set[int] = set()
    for update in parameter.updates:
        if update.operation in done:
            continue
        step = _step(tape, tape.operations[update.operation], update.old)
        chain = [step] if step is not None else []
        while step is not None:
            following = users[step.new]
            step = _step(tape, following[0], step.new) if len(following) == 1 else None
            chain += [step] if step is not None else []
        done.update(s.operation.number for s in chain)
        yield chain


def _step(tape: Tape, operation: Operation, old: int) -> EntryStep | None:
    """An operation as a step of a whole array."""
    if operation.function not in SUMS or len(operation.arguments) != 2 or operation.keywords:
        return None
    arguments = operation.arguments
    if operation.function in ADDITIONS and arguments[0] != Ref(old):
        arguments = arguments[::-1]
    same = tape.values[old].shape == tape.values[operation.result].shape
    if arguments[0] != Ref(old) or not isinstance(arguments[1], Ref) or not same:
        return None
    sign = -1 if operation.function in DIFFERENCES else 1
    return EntryStep(operation, old, operation.result, arguments[1], sign, None, old)


def _are_parts(tape: Tape, chain: Sequence[EntryStep]) -> bool:
    """Whether the parts are different ones: a step that is made several times over is a mistake, and no part."""
    changes = [s.change.value for s in chain]
    arrays = [tape.values[c].array for c in changes]
    if len(set(changes)) < len(changes) or any(a is None for a in arrays):
        return False
    moving = [np.asarray(a) for a in arrays if np.any(a)]
    if len(moving) > 1 and all(np.array_equal(a, moving[0]) for a in moving):
        return False
    sums = [_sums_before(tape, s) for s in chain]
    # Of what is added up in between every step would have the first part again.
    return not any(a & b for a, b in itertools.pairwise(sums))


def _sums_before(tape: Tape, step: EntryStep) -> set[int]:
    """The sums of the array's shape that a part was made from."""
    shape = tape.values[step.old].shape
    open_values, found, seen = [step.change.value], set[int](), set[int]()
    while open_values and len(seen) < _MOST_BEFORE:
        number = open_values.pop()
        producer = tape.values[number].producer
        if number in seen or producer is None or not shape:
            continue
        seen.add(number)
        operation = tape.operations[producer]
        if operation.function in SUMS:
            found.add(number)
        open_values.extend(n for n in operation.inputs if tape.values[n].shape == shape)
    return found


__all__ = ["taken_together"]
