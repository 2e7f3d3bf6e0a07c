"""Derivatives of which only the last of several additions is kept: `db = dz.sum(axis=0)` where `db += ...` is meant.

Each turn of a loop (a time step, a sample, a head) brings a share of a derivative. Where the name that is to hold their
sum is given each of them in turn, what is applied is a right share, and all that were given that name add up to the
derivative: that proves what is wrong, and where.
"""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from shapecheck.diagnose.suspects import Suspect
from shapecheck.diagnose.verdicts import TELLING, Verdicts
from shapecheck.gradients.matching import same_direction
from shapecheck.trace.tape import Binding

# How near the factor of a few numbers has to be to the rate of all other gradients.
_EXACT = 1e-5


def last_shares(known: Verdicts, wrong: Collection[int]) -> list[Suspect]:
    """Values that are the last of several shares of a gradient, all of which were given one name.

    Args:
        known: The verdicts of a step.
        wrong: The parameters (their values at the start of the step) whose gradients are wrong.
    """
    found: dict[int, Suspect] = {}
    for old in sorted(wrong):
        for value in known.probes[old]:
            site = _kept_at(known, old, value)
            if site is None:
                continue
            wanted = {value: (old, np.asarray(known.matching.adjoints[old], dtype=float))}
            one = Suspect(site, (value,), wanted, (old,), operands_right=True, reason="last")
            before = found.get(site)
            if before is not None:
                explains = (*before.explains, old)
                one = Suspect(site, (*before.values, value), {**before.wanted, **wanted}, explains, True, reason="last")
            found[site] = one
            break
    return list(found.values())


def _kept_at(known: Verdicts, old: int, value: int) -> int | None:
    """Where a value was given a name that others had before it, with which it adds up to a derivative."""
    recorded, tape = known.replay.recorded, known.replay.tape
    adjoint = np.asarray(known.matching.adjoints[old], dtype=float)
    if np.shape(recorded[value]) != adjoint.shape:
        return None
    made = known.producer(value)
    since = known.step.first
    names = [b for b in tape.bindings if b.value == value and b.time >= since and b.site is not None]
    groups = [(n.site, [b.value for b in tape.bindings if _is_same_name(b, n) and b.time < n.time]) for n in names]
    if made is not None and made.site is not None and tape.sites[made.site].bound_to is not None:
        groups.insert(0, (made.site, [o.result for o in tape.made_at(made.site) if o.number < made.number]))
    for site, before in reversed(groups):
        earlier = [v for v in dict.fromkeys(before) if np.shape(recorded[v]) == adjoint.shape and v != value]
        earlier = [v for v in earlier if (tape.values[v].producer or 0) >= since]
        if earlier and _is_whole(known, old, value, earlier):
            return site
    return None


def _is_same_name(one: Binding, other: Binding) -> bool:
    return (one.site, one.name, one.key) == (other.site, other.name, other.key)


def _is_whole(known: Verdicts, old: int, value: int, earlier: list[int]) -> bool:
    """Whether the derivative is the sum of a value and those before it, and is not the value itself."""
    recorded = known.replay.recorded
    own = np.asarray(recorded[value], dtype=float)
    adjoint = np.asarray(known.matching.adjoints[old], dtype=float)
    total = own + sum(np.asarray(recorded[v], dtype=float) for v in earlier)
    if not np.any(adjoint) or not np.all(np.isfinite(total)) or same_direction(own, adjoint):
        return False
    if adjoint.size >= TELLING:
        return same_direction(total, adjoint)
    outcome = known.outcomes({value: total}).get(old)
    if outcome is None or known.rate is None or not known.rate:
        return False
    return outcome.times == 1 and abs(outcome.factor.number / known.rate - 1) <= _EXACT


__all__ = ["last_shares"]
