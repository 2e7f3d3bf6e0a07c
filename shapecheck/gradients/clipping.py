"""Gradients of which a clip has left the signs alone: what their size was cannot be seen in the step any more."""

from __future__ import annotations

import numpy as np

from shapecheck.trace.operations import PRODUCTS, QUOTIENTS
from shapecheck.trace.tape import Tape

CLIPS = frozenset({".clip", "numpy.clip"})
_SCALING = PRODUCTS | QUOTIENTS | {"unary-", "numpy.negative"}


def is_wholly_clipped(tape: Tape, change: int) -> bool:
    """Whether every entry of a change, up to a rate, is what a clip has put in the place of another number."""
    shape, value = tape.values[change].shape, change
    for _ in range(8):
        producer = tape.values[value].producer
        operation = tape.operations[producer] if producer is not None else None
        if operation is None or operation.function not in _SCALING | CLIPS:
            return False
        whole = [v for v in operation.inputs if tape.values[v].shape == shape]
        if len(whole) != 1:
            return False
        if operation.function in CLIPS:
            given, held = tape.values[whole[0]].array, tape.values[value].array
            return given is not None and held is not None and not np.any(np.equal(given, held))
        value = whole[0]
    return False


__all__ = ["CLIPS", "is_wholly_clipped"]
