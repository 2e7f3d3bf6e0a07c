"""Derivatives of which only the last of several additions is kept: `db = dz.sum(axis=0)` where `db += ...` is meant.

Each turn of a loop (a time step, a sample, a head) brings a share of a derivative. Where the name that is to hold their
sum is given each of them in turn, what is applied is a right share, and all that were given that name add up to the
derivative: that proves what is wrong, and where.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any

import numpy as np

from shapecheck.diagnose.suspects import Suspect, merged
from shapecheck.diagnose.verdicts import TELLING, Verdicts
from shapecheck.gradients.matching import same_direction
from shapecheck.trace.operations import ADDITIONS
from shapecheck.trace.tape import Binding, Ref

ONLY_THE_LAST = "each turn of the loop replaces what the one before gave; their sum belongs here (`+=`)"
# How near the factor of a few numbers has to be to the rate of all other gradients.
_EXACT = 1e-5
# Sums of more addends are not looked at.
_MOST_ADDENDS = 400
# What puts parts one after the other, and what they go through before.
_TOGETHER = frozenset(["numpy.array", "numpy.concatenate", "numpy.hstack", "numpy.asarray", "numpy.r_"])
_FLATTENING = frozenset([".ravel", ".flatten", ".reshape", "numpy.ravel", "numpy.reshape", ".copy"])


def last_shares(known: Verdicts, wrong: Collection[int]) -> list[Suspect]:
    """Values that are the last of several shares of a gradient, all of which were given one name.

    Args:
        known: The verdicts of a step.
        wrong: The parameters (their values at the start of the step) whose gradients are wrong.
    """
    found: dict[int, Suspect] = {}
    for old in sorted(wrong):
        for value, wanted in _derivatives(known, old):
            site = _kept_at(known, old, value, wanted)
            shares = {value: wanted}
            if site is None:
                site, shares = _kept_of_each(known, value, wanted)
            if site is None:
                continue
            arrays = {share: (old, array) for share, array in shares.items()}
            last = Suspect(site, tuple(arrays), arrays, (old,), operands_right=True, reason="last")
            found[site] = merged(found.get(site), last)
            break
    return list(found.values())


def _derivatives(known: Verdicts, old: int) -> Iterator[tuple[int, Any]]:
    """The gradients that a step was made from, and the parts that one was put together of: what each should have been.

    The part of a gradient that is put together is told with the factor of the other parts.
    """
    adjoint = np.asarray(known.matching.adjoints[old], dtype=float)
    for value in known.probes[old]:
        if np.shape(known.replay.recorded[value]) == adjoint.shape:
            yield value, adjoint
        parts = _parts(known, value)
        ends = np.cumsum([np.size(known.replay.recorded[part]) for part in parts])
        if not parts or ends[-1] != adjoint.size:
            continue
        pieces = np.split(adjoint.ravel(), ends[:-1])
        shapes = [np.shape(known.replay.recorded[part]) for part in parts]
        factors = [_factor(known.replay.recorded[p], piece) for p, piece in zip(parts, pieces, strict=True)]
        factor = _shared(factors)
        if factor is not None:
            for part, piece, shape, own in zip(parts, pieces, shapes, factors, strict=True):
                if own is None or abs(own / factor - 1) > _EXACT:
                    yield part, factor * piece.reshape(shape)


def _parts(known: Verdicts, value: int) -> list[int]:
    """The arrays or numbers that stand one after the other in a value, as they were before they were flattened."""
    made = known.producer(value)
    first = made.arguments[0] if made is not None and made.function in _TOGETHER and made.arguments else ()
    if not isinstance(first, list | tuple) or not all(isinstance(part, Ref) for part in first):
        return []
    return [_as_it_was(known, one.value) for one in first]


def _as_it_was(known: Verdicts, value: int) -> int:
    """An array before it was flattened."""
    made = known.producer(value)
    if made is None or made.function not in _FLATTENING or not made.inputs:
        return value
    return _as_it_was(known, made.inputs[0])


def _factor(recorded: Any, wanted: Any) -> float | None:
    """The factor between a part of a gradient and what it should be; None where it is no multiple."""
    own = np.asarray(recorded, dtype=float).ravel()
    if not np.any(wanted) or not np.any(own) or (own.size > 1 and not same_direction(own, wanted)):
        return None
    return float(own @ wanted) / float(wanted @ wanted)


def _shared(factors: Sequence[float | None]) -> float | None:
    """The factor of most parts, two of them at least."""
    known = [f for f in factors if f is not None]
    alike = [sum(abs(g / f - 1) <= _EXACT for g in known) for f in known]
    return known[int(np.argmax(alike))] if alike and max(alike) > 1 else None


def _kept_at(known: Verdicts, old: int, value: int, wanted: Any) -> int | None:
    """Where a value was given a name that others had before it, with which it adds up to a derivative."""
    recorded = known.replay.recorded
    for site, before in _given_one_name(known, value):
        earlier = [v for v in before if np.shape(recorded[v]) == wanted.shape and v != value]
        if earlier and _is_whole(known, old, value, earlier, wanted):
            return site
    return None


def _given_one_name(known: Verdicts, value: int) -> Iterator[tuple[int, list[int]]]:
    """Where a value was given a name, and what was given the same name there before it, in this step."""
    tape, since = known.replay.tape, known.step.first
    made = known.producer(value)
    names = [b for b in tape.bindings if b.value == value and b.time >= since and b.site is not None]
    groups = [(n.site, [b.value for b in tape.bindings if _is_same_name(b, n) and b.time < n.time]) for n in names]
    if made is not None and made.site is not None and tape.sites[made.site].bound_to is not None:
        groups.insert(0, (made.site, [o.result for o in tape.made_at(made.site) if o.number < made.number]))
    for site, before in reversed(groups):
        yield site, [v for v in dict.fromkeys(before) if (tape.values[v].producer or 0) >= since]


def _kept_of_each(known: Verdicts, value: int, wanted: Any) -> tuple[int | None, dict[int, Any]]:
    """The same for a sum over samples, each with a loop of its own: where it is, and what each addend should have been.

    `for t in ...: db = dz` in a function that is called for every sample, whose results are added up.
    """
    recorded = known.replay.recorded
    addends = [v for v in _addends(known, value) if np.any(recorded[v])]
    if not 1 < len(addends) == len(set(addends)) or wanted.size < TELLING:
        return None, {}
    for site, before in _given_one_name(known, max(addends)):
        given = [v for v in (*before, max(addends)) if np.shape(recorded[v]) == wanted.shape]
        if not set(addends) < set(given):
            continue
        shares: dict[int, Any] = {}
        share = np.zeros(wanted.shape)
        for one in given:
            share = share + recorded[one]
            if one in addends:
                shares[one], share = share, np.zeros(wanted.shape)
        own = sum(np.asarray(recorded[v], dtype=float) for v in addends)
        if same_direction(sum(shares.values()), wanted) and not same_direction(own, wanted):
            return site, shares
    return None, {}


def _addends(known: Verdicts, value: int) -> list[int]:
    """What a value is the sum of, entry by entry; empty where it is none."""
    found: list[int] = []
    open_values = [value]
    while open_values and len(found) <= _MOST_ADDENDS:
        one = open_values.pop()
        made = known.producer(one)
        whole = made is not None and all(np.shape(known.replay.recorded[i]) == _shape(known, one) for i in made.inputs)
        if made is not None and made.function in ADDITIONS and whole and made.number >= known.step.first:
            open_values.extend(made.inputs)
        elif one != value:
            found.append(one)
    return found if len(found) <= _MOST_ADDENDS else []


def _shape(known: Verdicts, value: int) -> tuple[int, ...]:
    return np.shape(known.replay.recorded[value])


def _is_same_name(one: Binding, other: Binding) -> bool:
    return (one.site, one.name, one.key) == (other.site, other.name, other.key)


def _is_whole(known: Verdicts, old: int, value: int, earlier: list[int], wanted: Any) -> bool:
    """Whether the derivative is the sum of a value and those before it, and is not the value itself."""
    recorded = known.replay.recorded
    own = np.asarray(recorded[value], dtype=float)
    total = own + sum(np.asarray(recorded[v], dtype=float) for v in earlier)
    if not np.any(wanted) or not np.all(np.isfinite(total)) or (wanted.size > 1 and same_direction(own, wanted)):
        return False
    if wanted.size >= TELLING:
        return same_direction(total, wanted)
    if value not in known.probes[old]:  # a part, of which the factor is known
        return bool(np.allclose(total, wanted, rtol=_EXACT, atol=0) and not np.allclose(own, wanted, rtol=_EXACT))
    outcome = known.outcomes({value: total}).get(old)
    if outcome is None or known.rate is None or not known.rate:
        return False
    return outcome.times == 1 and abs(outcome.factor.number / known.rate - 1) <= _EXACT


__all__ = ["ONLY_THE_LAST", "last_shares"]
