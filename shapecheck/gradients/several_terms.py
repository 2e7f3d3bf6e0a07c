"""Steps that are written as several terms in one expression, put together into one: `w - mu * old + (1 + mu) * v`.

Python adds from left to right, so there is a passing value between the array and what it is in the end, and no single
operand by which the array moves. Here the terms are added up first, and then the array is moved by their sum. What is
known as a parameter by one of the terms, as a weight with its decay, is left as it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from shapecheck.network.dependence import Dependence
from shapecheck.network.parameters import find_parameters
from shapecheck.network.uses import times_used, uses_of, value_names
from shapecheck.trace.operations import DIFFERENCES
from shapecheck.trace.tape import Binding, Operation, Ref, Tape

_SUMS = frozenset({"+", "-", "numpy.add", "numpy.subtract"})
# So many terms of one step are added up.
_MOST_TERMS = 6


def terms_together(tape: Tape) -> Tape:
    """The tape with the terms of every step as one; the same tape where no step has several."""
    if "terms together" not in tape.memory:
        chains = list(_chains(tape))
        found = _put_together(tape, chains) if chains else tape
        found.memory["terms together"] = tape.memory["terms together"] = found
    result: Tape = tape.memory["terms together"]
    return result


def _chains(tape: Tape) -> Iterator[list[Operation]]:
    """The sums that lead from an array to what takes its name, each made from the one before, the last one last."""
    written = {chain[-1].number: chain for chain in _written_together(tape)}
    if not written:
        return  # most programs have none, and what follows takes long
    parameters = find_parameters(tape, most_updates=len(tape.operations))
    known = {number for p in parameters for u in p.updates for number in (u.old, u.new)}
    dependence = Dependence(tape)
    stepped: set[int] = set()
    for operation in tape.operations:
        dependence.advance(operation)
        chain = written.get(operation.number)
        start = chain[0].arguments[0].value if chain is not None else -1
        if chain is None or start in known:
            continue
        begins = dependence.newborn[start] and _is_seen_by_its_terms(tape, dependence, chain, start)
        if start in stepped or begins:
            stepped.add(operation.result)
            yield chain


def _written_together(tape: Tape) -> list[list[Operation]]:
    """The sums of several terms in one expression that give an array another value."""
    used = times_used(tape)
    named = {b.value for b in tape.bindings} | {a.value for a in tape.accesses}
    found = []
    for operation in tape.operations:
        chain = [operation]
        while len(chain) < _MOST_TERMS and _is_plain_sum(tape, chain[0]):
            first = chain[0].arguments[0].value
            made = tape.values[first].producer
            before = tape.operations[made] if made is not None else None
            if before is None or not _is_plain_sum(tape, before) or used[first] != 1 or first in named:
                break
            if not tape.sites[before.site or 0].within(tape.sites[operation.site or 0]):
                break
            chain.insert(0, before)
        if len(chain) > 1:
            found.append(chain)
    names, uses = (value_names(tape), uses_of(tape)) if found else ({}, [])

    def keeps_its_place(start: int, end: int) -> bool:
        same_name = names.get(start) is not None and names.get(start) == names.get(end)
        return same_name or not uses[start].isdisjoint(uses[end])

    return [chain for chain in found if keeps_its_place(chain[0].arguments[0].value, chain[-1].result)]


def _is_seen_by_its_terms(tape: Tape, dependence: Dependence, chain: list[Operation], start: int) -> bool:
    """Whether a term was computed from the array; a running mean only makes itself smaller: `m - 0.1 * m + 0.1 * x`."""
    own = dependence.masks[start] & ~dependence.written
    for term in (o.arguments[1].value for o in chain):
        made = tape.values[term].producer
        scaled = made is not None and start in tape.operations[made].inputs
        if not scaled and dependence.masks[term] & own:
            return True
    return False


def _is_plain_sum(tape: Tape, operation: Operation) -> bool:
    """Whether an operation adds two arrays of one shape, or takes one off the other."""
    arguments = operation.arguments
    if operation.function not in _SUMS or operation.keywords or len(arguments) != 2 or operation.site is None:
        return False
    if not all(isinstance(a, Ref) for a in arguments):
        return False
    values = [tape.values[n] for n in (*(a.value for a in arguments), operation.result)]
    return len({v.shape for v in values}) == 1 and all(v.array is not None for v in values)


def _put_together(tape: Tape, chains: list[list[Operation]]) -> Tape:
    values = [replace(v) for v in tape.values]
    instead: dict[int, list[Operation]] = {}
    for chain in chains:
        instead[chain[-1].number] = _moved_by_their_sum(values, chain)
    gone = {o.number for chain in chains for o in chain[:-1]}
    operations: list[Operation] = []
    before: list[int] = []  # how many operations there are before each of the old tape's
    for operation in tape.operations:
        before.append(len(operations))
        for one in instead.get(operation.number, () if operation.number in gone else (operation,)):
            operations.append(replace(one, number=len(operations)))
            values[one.result].producer = len(operations) - 1
    before.append(len(operations))
    bindings: list[Binding] = [replace(b, time=before[b.time]) for b in tape.bindings]
    accesses = [replace(a, time=before[a.time]) for a in tape.accesses]
    returns = [(before[time], site, held) for time, site, held in tape.returns]
    made = replace(tape, values=values, operations=operations, memory={})
    return replace(made, bindings=bindings, accesses=accesses, returns=returns)


def _moved_by_their_sum(values: list[Any], chain: list[Operation]) -> list[Operation]:
    """The sums of a chain, the terms first; what they give is put where the passing values were."""
    terms = [(o.arguments[1].value, -1 if o.function in DIFFERENCES else 1) for o in chain]
    # What is added comes first, so that the sum of terms that are all taken off is taken off.
    ordered = sorted(terms, key=lambda term: -term[1])
    down = ordered[0][1] < 0
    total, made = ordered[0][0], []
    for operation, (term, sign) in zip(chain[:-1], ordered[1:], strict=True):
        minus = sign < 0 and not down
        left, right = np.asarray(values[total].array), np.asarray(values[term].array)
        array = left - right if minus else left + right
        values[operation.result].array = array if values[operation.result].shape else type(left.item())(array)
        arguments, inputs = (Ref(total), Ref(term)), tuple(dict.fromkeys((total, term)))
        function = "-" if minus else "+"
        made.append(replace(operation, site=None, function=function, arguments=arguments, inputs=inputs))
        total = operation.result
    start, last = chain[0].arguments[0].value, chain[-1]
    inputs = tuple(dict.fromkeys((start, total)))
    made.append(replace(last, function="-" if down else "+", arguments=(Ref(start), Ref(total)), inputs=inputs))
    return made


__all__ = ["terms_together"]
