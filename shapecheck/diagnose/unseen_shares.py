"""Derivatives that the forward pass has no array for: of units that are computed one by one, and joined further back.

`delta` is then no adjoint of anything that could be compared with it, and only the weight's gradient shows that it is
wrong. A product is linear in each operand, so what `delta` should have been follows from what the product should be.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from shapecheck.diagnose.blame import Origin, is_sound
from shapecheck.gradients.matching import EXACT, Matching, Standing, same_direction
from shapecheck.trace.operations import MATRIX_PRODUCTS, PRODUCTS

# Operands of more entries are not solved for.
_MOST_ENTRIES = 60
_LINEAR = PRODUCTS | MATRIX_PRODUCTS | {"numpy.outer"}


def unseen_share(matching: Matching, value: int, wanted: Any) -> Origin | None:
    """The operand, made by another expression, that alone would give what a product should have been.

    Args:
        matching: The adjoints.
        value: The product.
        wanted: What it should have been.

    Returns:
        The operand; None where another use of it is right, or where nothing in its place would do.
    """
    replay = matching.replay
    tape, recorded = replay.tape, replay.recorded
    number = tape.values[value].producer
    operation = tape.operations[number] if number is not None else None
    if operation is None or operation.function not in _LINEAR or operation.site is None:
        return None
    standings = matching.standings(sorted(replay.ancestors([value])))
    shares = [i for i in dict.fromkeys(operation.inputs) if standings.get(i) is Standing.UNVERIFIED]
    if len(shares) != 1 or len(operation.inputs) != 2:
        return None
    (share,) = shares
    made = tape.values[share].producer
    maker = tape.operations[made] if made is not None else None
    size = np.size(recorded[share])
    if maker is None or maker.site is None or not 1 < size <= _MOST_ENTRIES:
        return None
    # A single number is a multiple of any derivative by one: of the only output it says no more.
    known = {v: Standing.VERIFIED for v in standings if np.size(recorded[v]) == 1 and matching.match(v) is not None}
    if tape.sites[maker.site].within(tape.sites[operation.site]) or not is_sound(replay, maker, standings | known):
        return None
    for other in tape.operations[maker.number + 1 :]:
        match = matching.match(other.result) if share in other.inputs else None
        if match is not None and not match.weak:
            return None
    columns = []
    for unit in np.eye(size):
        given = replay.exchanged(operation, share, unit.reshape(np.shape(recorded[share])))
        if given is None or given.shape != np.shape(wanted):
            return None
        columns.append(given.reshape(-1))
    jacobian = np.stack(columns, axis=1)
    needed, _, rank, _ = np.linalg.lstsq(jacobian, np.reshape(wanted, -1), rcond=None)
    if rank < size or np.linalg.norm(jacobian @ needed - np.reshape(wanted, -1)) > EXACT * np.linalg.norm(wanted):
        return None
    needed = needed.reshape(np.shape(recorded[share]))
    if same_direction(np.asarray(recorded[share], dtype=float), needed):
        return None
    return Origin(maker.site, share, needed, operation.number)


__all__ = ["unseen_share"]
