"""Arrays that a loop fills part by part (`dW[:, k] = ...`): what each part should have been, if the whole is known."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from shapecheck.diagnose.targets import Result, Target
from shapecheck.gradients.replay import fill
from shapecheck.repair.audition import Instance
from shapecheck.repair.surroundings import Module
from shapecheck.trace.tape import Operation, Ref, Tape

# So many stores of one statement are followed back, and so many of them are listened at.
_MOST_STORES = 400
_MOST_HEARD = 12


def stored(tape: Tape, module: Module, node: ast.expr, target: Target) -> tuple[ast.expr, tuple[Instance, ...]] | None:
    """The expression that an assignment to parts stores, and what it should have given at each store.

    Args:
        tape: Of the run.
        module: Where the assignment is.
        node: The part that is assigned to.
        target: What the array should have been in the end.

    Returns:
        The expression and its evaluations, the first coming first; None where the parts are not known.
    """
    statement = module.parents.get(node)
    if not isinstance(statement, ast.Assign) or statement.targets != [node] or target.site is None:
        return None
    turns = {o.result: i for i, o in enumerate(tape.made_at(target.site))}
    arrays = [value.array for value in tape.values]
    for result in target.results:
        instances = [i for i in _parts(tape, result, turns, arrays) if i is not None]
        if len(instances) > 1:
            return statement.value, tuple(instances[::-1][:_MOST_HEARD])
    return None


def _parts(tape: Tape, result: Result, turns: dict[int, int], arrays: Sequence[Any]) -> Iterator[Instance | None]:
    """The stores that led to an array, the last first; what a later store writes over may be anything."""
    wanted = [np.asarray(w, dtype=float) for w in result.wanted]
    written = np.zeros(np.shape(wanted[0]), dtype=bool)
    number = result.value
    for _ in range(_MOST_STORES):
        operation = _made(tape, number)
        if number not in turns or operation is None or operation.function != "setitem":
            return
        array, index, _ = operation.arguments
        try:
            place = fill(index, arrays)
            parts = [np.where(written[place], np.nan, w[place]) for w in wanted]
            written[place] = True
        except (IndexError, TypeError, ValueError):
            return
        # Where nothing but zeros is wanted no factor can be told.
        telling = any(np.any(np.nan_to_num(part)) for part in parts)
        yield Instance(None, tuple(parts), turns[number], result.exact) if telling else None
        if not isinstance(array, Ref):
            return
        number = array.value


def left_open(tape: Tape, result: Result) -> Result:
    """What an array should have been after a store, without what other stores write before anyone reads it.

    `da[:, :n] = ...`, then `da[:, n:] = ...`: after the first the second half may be anything.
    """
    arrays = [value.array for value in tape.values]
    written = np.zeros(np.shape(result.wanted[0]), dtype=bool)
    number, producer = result.value, tape.values[result.value].producer
    for operation in tape.operations[producer + 1 :] if producer is not None else ():
        if number not in operation.inputs:
            continue
        array, index = (*operation.arguments, None, None)[:2]
        if operation.function != "setitem" or not isinstance(array, Ref) or array.value != number:
            break
        try:
            written[fill(index, arrays)] = True
        except (IndexError, TypeError, ValueError):
            return result
        number = operation.result
    if not written.any() or written.all():
        return result
    return replace(result, wanted=tuple(np.where(written, np.nan, np.asarray(w, dtype=float)) for w in result.wanted))


def _made(tape: Tape, number: int) -> Operation | None:
    producer = tape.values[number].producer
    return tape.operations[producer] if producer is not None else None


__all__ = ["left_open", "stored"]
