"""Gradients to which a penalty is added in another statement: the gradient is to blame for a wrong sum of the two.

A sum is an adjoint only as a whole, so neither part of it matches anything. The penalty is made of the parameter alone;
what the sum lacks tells whether the penalty could be what is wrong.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from shapecheck.diagnose.blame import Origin, is_sound
from shapecheck.diagnose.verdicts import Verdicts
from shapecheck.gradients.matching import EXACT, Standing, same_direction
from shapecheck.trace.operations import SUMS


def beside_a_penalty(known: Verdicts, value: int, wanted: Any) -> Origin | None:
    """The part of a wrong sum that is made from derivatives, where the rest is made of parameters and is no mistake.

    Args:
        known: The verdicts of the step.
        value: The sum.
        wanted: What it should have been.

    Returns:
        The part, with what it should have been; None where the penalty may be what is wrong.
    """
    replay = known.replay
    operation, site = known.producer(value), replay.tape.site_of(value)
    if operation is None or site is None or operation.function not in SUMS or len(operation.inputs) != 2:
        return None
    shape = np.shape(wanted)
    standings = known.matching.standings(sorted(replay.ancestors([value])))
    penalties = [i for i in operation.inputs if _is_of_parameters(known, i)]
    derived = (Standing.UNVERIFIED, Standing.VERIFIED)
    carried = [i for i in operation.inputs if i not in penalties and standings.get(i) in derived]
    if len(carried) != 1 or len(penalties) != 1 or operation.inputs[0] != carried[0]:
        return None
    part, penalty = carried[0], penalties[0]
    made, home = known.producer(part), replay.tape.site_of(part)
    if made is None or made.site is None or home is None or np.shape(replay.recorded[part]) != shape:
        return None
    if home.within(site) or not is_sound(replay, made, standings):
        return None
    added = replay.exchanged(operation, part, np.zeros(shape))
    if added is None or added.shape != shape:
        return None
    if standings.get(part) is Standing.VERIFIED:
        # A right share of the whole, up to a factor, which may be what is wrong.
        scaled = same_direction(np.asarray(replay.recorded[part], dtype=float), wanted - added)
        return Origin(made.site, part, wanted - added, operation.number) if scaled else None
    lacking = np.asarray(wanted, dtype=float) - np.asarray(replay.recorded[part], dtype=float)
    if _is_penalty(lacking, [added, *_decaying(known, penalty, wanted)]):
        return None
    return Origin(made.site, part, wanted - added, operation.number)


def _is_of_parameters(known: Verdicts, value: int) -> bool:
    """Whether a value was made of parameters and single numbers alone."""
    recorded, parameters = known.replay.recorded, 0
    open_values, seen = [value], {value}
    while open_values:
        number = open_values.pop()
        operation = known.producer(number)
        if number in known.step.olds:
            parameters += 1
        elif operation is not None and operation.number >= known.step.first:
            open_values.extend(i for i in operation.inputs if i not in seen)
            seen.update(operation.inputs)
        elif np.size(recorded[number]) > 1:
            return False
    return parameters > 0


def _decaying(known: Verdicts, penalty: int, wanted: Any) -> list[Any]:
    """The parameters, and parts of them, that a penalty on what a sum belongs to may be made of."""
    forwards = [n for match in known.matching.matches_of(wanted) for n in (match.forward, *match.alike)]
    made = known.ancestors(penalty)
    shape = np.shape(wanted)
    recorded = known.replay.recorded
    return [recorded[n] for n in dict.fromkeys((*forwards, *sorted(made))) if np.shape(recorded[n]) == shape]


def _is_penalty(lacking: Any, decaying: list[Any]) -> bool:
    """Whether what a sum lacks beside a part of it is a penalty, of which the sizes or the signs may be taken."""
    size = float(np.abs(lacking).max(initial=0.0))
    there = np.abs(lacking) > EXACT * size
    for array in decaying:
        kept = np.where(there, np.asarray(array, dtype=float), 0.0)
        if same_direction(lacking, kept) or same_direction(lacking, np.sign(kept)):
            return True
    return not size


__all__ = ["beside_a_penalty"]
