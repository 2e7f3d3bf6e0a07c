"""Suspects along one way: of several that would set the same right, the expression that most likely is the mistake."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from shapecheck.diagnose.blame import is_sound
from shapecheck.diagnose.suspects import Suspect
from shapecheck.diagnose.verdicts import Verdicts
from shapecheck.gradients.matching import Standing, same_direction
from shapecheck.network.dependence import CARRIERS
from shapecheck.trace.operations import PRODUCTS, QUOTIENTS, TRANSPOSES

# What gives an array another shape, and leaves the order of its entries.
_SHAPINGS = frozenset({".reshape", "numpy.reshape"})


def before_it_was_turned(known: Verdicts, suspect: Suspect, standings: dict[int, Standing]) -> Suspect:
    """For a gradient that is put together the other way round, and turned in the end: what was put together.

    So it is with one that is put together flat, and given its shape in the end. Where the entries are the right ones,
    it is the turning that puts them in the wrong places.
    """
    found = suspect
    if len(suspect.values) > 1:
        return suspect
    while (made := _before_a_move(known, found, standings)) is not None:
        found = made
    return found


def _before_a_move(known: Verdicts, suspect: Suspect, standings: dict[int, Standing]) -> Suspect | None:
    """What a suspected value only puts in another order or shape, as the suspect; None where it does more."""
    value = suspect.values[0]
    operation = known.producer(value)
    if operation is None or operation.function not in TRANSPOSES | _SHAPINGS:
        return None
    before = operation.inputs[0]
    made = known.producer(before)
    if made is None or made.site is None or standings.get(before) is not Standing.UNVERIFIED:
        return None
    shape = np.shape(known.replay.recorded[before])
    size = int(np.prod(shape, dtype=int))
    places = known.replay.exchanged(operation, before, np.arange(float(size)).reshape(shape))
    if places is None or np.size(places) != size or (operation.function in _SHAPINGS and len(shape) < 2):
        return None
    order = np.argsort(np.ravel(places))
    forward, adjoint = suspect.wanted[value]
    if np.shape(places) != np.shape(adjoint) or _has_the_same_entries(known.replay.recorded[before], adjoint):
        return None

    def back(array: Any) -> Any:
        return np.ravel(array)[order].reshape(shape)

    others = tuple(back(other) for other in suspect.alternatives.get(value, ()))
    sound = is_sound(known.replay, made, standings)
    return replace(
        suspect,
        site=made.site,
        values=(before,),
        wanted={before: (forward, back(adjoint))},
        alternatives={before: others},
        sound=(before,) if sound else (),
    )


def _has_the_same_entries(array: Any, wanted: Any) -> bool:
    """Whether an array has what is wanted in it, up to a factor, in whatever order."""
    first, second = np.sort(np.abs(np.ravel(array))), np.sort(np.abs(np.ravel(wanted)))
    return same_direction(first, second)


def without_idle_factors(known: Verdicts, suspects: list[Suspect]) -> list[Suspect]:
    """Without those that another suspect is made from by a factor that changes nothing: that factor is wrong.

    A number by which another function only scales the derivative that it is given stands for what it should have done.
    """
    recorded = known.replay.recorded
    idle: set[int] = set()
    found: list[Suspect] = []
    for later in suspects:
        made = known.producer(later.values[0])
        for earlier in suspects if made is not None and made.function in PRODUCTS | QUOTIENTS else []:
            before = [i for i in made.inputs if earlier.values[0] in _moved_about(known, i)] if made is not None else []
            same = earlier.site != later.site and set(earlier.explains) == set(later.explains)
            others = [i for i in made.inputs if i not in before] if made is not None else []
            if not same or not before:
                continue
            idle_array = any(np.size(recorded[i]) > 1 for i in others)
            idle_array = idle_array and np.array_equal(recorded[before[0]], recorded[later.values[0]])
            if idle_array or _only_scales(known, earlier, later, others):
                later = replace(later, reason="value")  # noqa: PLW2901
                idle.add(earlier.site)
        found.append(later)
    return [s for s in found if s.site not in idle]


def _moved_about(known: Verdicts, value: int) -> list[int]:
    """A value, and those before it whose entries it has, only put in another shape."""
    found = [value]
    while (made := known.producer(found[-1])) is not None and made.function in CARRIERS and made.inputs:
        found.append(made.inputs[0])
    return found


def _only_scales(known: Verdicts, earlier: Suspect, later: Suspect, others: Sequence[int]) -> bool:
    """Whether a function multiplies what another one gives, which is the adjoint of something else, by a number."""
    sites = known.replay.tape.sites
    apart = sites[earlier.site].function != sites[later.site].function
    misplaced = earlier.reason == "other" and later.reason in {"other", "value"}
    return apart and misplaced and all(np.size(known.replay.recorded[i]) == 1 for i in others)


__all__ = ["before_it_was_turned", "without_idle_factors"]
